//! Scripts: a Lua 5.1 interpreter of our own (`lua`), without `unsafe`, and the libraries that scripts of the reference
//! find: `cjson`, `cmsgpack`, `struct`, `bit`. Knows nothing of commands: what a script asks of the server goes through
//! [`lua::Host`].

pub mod api;
pub mod bit;
pub mod cjson;
pub mod cmsgpack;
pub mod library;
pub mod lua;
pub mod shebang;
pub mod structs;

use sha1::{Digest, Sha1};

/// The name of a script: SHA-1 in hexadecimal.
pub fn sha1_hex(bytes: &[u8]) -> [u8; 40] {
    let mut hex = [0; 40];
    for (i, b) in Sha1::digest(bytes).iter().enumerate() {
        hex[2 * i] = b"0123456789abcdef"[(b >> 4) as usize];
        hex[2 * i + 1] = b"0123456789abcdef"[(b & 15) as usize];
    }
    hex
}
