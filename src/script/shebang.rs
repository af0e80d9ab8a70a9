//! The first line of a script: `#!lua flags=no-writes,allow-oom`.

use crate::base::quote::split_args;

/// Flags of a script or function.
pub type Flags = u8;
/// Writes nothing, so it needs no memory either.
pub const NO_WRITES: Flags = 1;
/// Runs beyond `maxmemory`.
pub const ALLOW_OOM: Flags = 1 << 1;
/// Runs on a replica that lost its primary.
pub const ALLOW_STALE: Flags = 1 << 2;
/// Not in a cluster.
pub const NO_CLUSTER: Flags = 1 << 3;
/// May reach keys of several slots.
pub const ALLOW_CROSS_SLOT: Flags = 1 << 4;
/// Without a first line of this kind: every command is judged by itself.
pub const COMPAT: Flags = 1 << 5;

/// The names of flags.
pub const FLAG_NAMES: &[(Flags, &str)] = &[
    (NO_WRITES, "no-writes"),
    (ALLOW_OOM, "allow-oom"),
    (ALLOW_STALE, "allow-stale"),
    (NO_CLUSTER, "no-cluster"),
    (ALLOW_CROSS_SLOT, "allow-cross-slot-keys"),
];

/// The flag of a name.
pub fn flag(name: &[u8]) -> Option<Flags> {
    FLAG_NAMES.iter().find(|(_, n)| n.as_bytes() == name).map(|(f, _)| *f)
}

/// The flags of a script and where its code begins. `Err`: what is wrong.
pub fn read(body: &[u8]) -> Result<(Flags, usize), Vec<u8>> {
    if !body.starts_with(b"#!") {
        return Ok((COMPAT, 0));
    }
    let Some(end) = body.iter().position(|&b| b == b'\n') else {
        return Err(b"Invalid script shebang".to_vec());
    };
    let words = split_args(&body[..end]).unwrap_or_default();
    let Some((engine, options)) = words.split_first().filter(|(e, _)| e.len() >= 2) else {
        return Err(b"Invalid engine in script shebang".to_vec());
    };
    let mut flags = 0;
    for option in options {
        let Some(list) = option.strip_prefix(b"flags=") else {
            return Err([b"Unknown lua shebang option: ", &option[..]].concat());
        };
        for name in list.split(|&b| b == b',').filter(|n| !list.is_empty() || !n.is_empty()) {
            match flag(name) {
                Some(f) => flags |= f,
                None => return Err([b"Unexpected flag in script shebang: ", name].concat()),
            }
        }
    }
    if !engine[2..].eq_ignore_ascii_case(b"lua") {
        return Err([b"Could not find scripting engine '", &engine[2..], b"'"].concat());
    }
    Ok((flags, end))
}
