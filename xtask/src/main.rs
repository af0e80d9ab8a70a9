//! Developer commands: `cargo xtask check`, `new-command`, `coverage`, `diff`, `fuzz`, `bench`.
fn main() {}
