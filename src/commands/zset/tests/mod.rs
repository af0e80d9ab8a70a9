//! Transcripts of the commands on sorted sets. Replies are those of Valkey 9.1; where chance decides, what must hold of
//! them.

mod algebra;
mod members;
mod popping;
mod ranges;
mod scan;

use crate::testkit::Kit;

fn ask(kit: &mut Kit, request: &str) -> String {
    let words: Vec<Vec<u8>> = request.split(' ').map(|w| w.as_bytes().to_vec()).collect();
    kit.run("c", &words)
}
