//! Transcripts of the commands on streams. Replies are those of Valkey 9.1; what Redis 8.2 brought is checked by
//! `check_with`, which `cargo xtask diff` does not ask the reference.

mod entries;
mod groups;
mod reading;

use crate::testkit::Kit;

fn ask(kit: &mut Kit, client: &str, request: &str) -> String {
    kit.run(client, &request.split(' ').map(|w| w.as_bytes().to_vec()).collect::<Vec<_>>())
}

/// What went into the stream of the AOF and replicas since the last time.
fn streamed(kit: &mut Kit) -> String {
    let stream = kit.exec.server.stream.take_bytes();
    let text = String::from_utf8(stream).unwrap();
    let words: Vec<&str> = text.split("\r\n").filter(|w| !w.starts_with('$') && !w.is_empty()).collect();
    let requests = words.split(|w| w.starts_with('*')).filter(|r| !r.is_empty()).map(|r| r.join(" "));
    requests.filter(|r| !r.starts_with("SELECT")).collect::<Vec<_>>().join(" | ")
}
