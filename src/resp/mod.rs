//! The Redis protocol on byte buffers: requests cut out of what was read, replies written once. No sockets.

pub mod encode;
pub mod output;
pub mod reply;
pub mod request;

pub use crate::base::span::Span;
pub use output::Output;
pub use reply::Reply;
pub use request::{Parser, ProtocolError};
