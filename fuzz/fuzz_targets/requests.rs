//! Bytes from the network through the parser and the executor: no panic, replies well formed, memory bounded, and the
//! same replies however the bytes are cut into reads. The commands are those whose answers depend on nothing else.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tarn::base::rng::Rng;
use tarn::commands::{bitmap, string};
use tarn::engine::config::Config;
use tarn::engine::server::Server;
use tarn::engine::session::Peer;
use tarn::engine::table::CommandTable;
use tarn::exec::{checks, Exec};
use tarn::sys::clock::Clock;

/// So that one request cannot fill the memory.
const BULK_MAX: usize = 1 << 20;
/// What any client may let wait without being closed for it, bytes.
const OUTPUT_SURE: usize = 1024;

fuzz_target!(|data: &[u8]| {
    let Some((head, bytes)) = data.split_first_chunk::<4>() else { return };
    let whole = replies(bytes, &mut std::iter::repeat(usize::MAX), head[0]);
    let mut rng = Rng::new(u32::from_le_bytes(*head).into());
    let most = [1, 2, 7, 64][usize::from(head[0] >> 6)];
    let mut cuts = std::iter::repeat_with(|| 1 + rng.below(most) as usize);
    let cut = replies(bytes, &mut cuts, head[0]);
    // A client that did not authenticate is closed when too much waits to be sent: how much waits depends on the cuts.
    let stranger = head[0] & 1 == 1 && whole.len().max(cut.len()) > OUTPUT_SURE;
    let n = if stranger { whole.len().min(cut.len()) } else { usize::MAX };
    let (one, other) = (&whole[..whole.len().min(n)], &cut[..cut.len().min(n)]);
    assert_eq!(String::from_utf8_lossy(one), String::from_utf8_lossy(other), "by whole reads, and in pieces");
    let mut at = 0;
    while at < whole.len() {
        at = checks::reply_end(&whole, at).expect("a whole reply");
    }
});

/// What a client hears that sends `bytes` in pieces of these lengths.
fn replies(bytes: &[u8], cuts: &mut dyn Iterator<Item = usize>, flags: u8) -> Vec<u8> {
    let mut config = Config { proto_max_bulk_len: BULK_MAX, ..Config::default() };
    if flags & 1 == 1 {
        config.requirepass = b"secret".to_vec().into();
    }
    let table = CommandTable::new(&[string::COMMANDS, bitmap::COMMANDS]);
    let mut exec = Exec::new(Server::new(config, table, Clock::manual(1_700_000_000_000), Rng::new(1)));
    let slot = exec.connect(Peer::default());
    exec.server.client(slot).resp3 = flags & 2 == 2;
    let (mut rest, mut input, mut heard) = (bytes, Vec::new(), Vec::new());
    while !rest.is_empty() {
        let n = cuts.next().unwrap_or(usize::MAX).min(rest.len());
        input.extend_from_slice(&rest[..n]);
        rest = &rest[n..];
        loop {
            let (used, fed) = exec.feed(slot, &mut input);
            input.drain(..used);
            if fed != tarn::exec::run::Fed::More {
                break;
            }
        }
        let held = exec.server.client(slot).parser.held();
        assert!(
            held <= 64 + 32 * bytes.len(),
            "{held} bytes for the arguments of {} bytes of input",
            bytes.len()
        );
        heard.extend(exec.server.client(slot).output.take_bytes());
    }
    heard
}
