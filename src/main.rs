//! argv -> mode -> run.
fn main() {}
