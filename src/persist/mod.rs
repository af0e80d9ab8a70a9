//! What is kept on disk: formats and the threads that write them. No sockets, no executor.

pub mod aof;
