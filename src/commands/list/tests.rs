//! Transcripts of the commands on lists. Replies are those of Valkey 9.1.
