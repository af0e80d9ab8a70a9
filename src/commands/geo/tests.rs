//! Transcripts of the commands on places.
