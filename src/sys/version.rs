//! What this binary says of itself.

use super::memory;

/// The server's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that it was built from, if the builder set `TARN_GIT_SHA`.
pub const GIT_SHA: &str = match option_env!("TARN_GIT_SHA") {
    Some(sha) => sha,
    None => "00000000",
};

/// `1` if the builder said by `TARN_GIT_DIRTY=1` that the sources differed from the commit.
pub const GIT_DIRTY: &str = match option_env!("TARN_GIT_DIRTY") {
    Some(dirty) => dirty,
    None => "0",
};

/// Differs between builds of different versions, commits or machines (FNV-1a of them): INFO's build id.
pub const BUILD_ID: u64 = {
    let parts = [VERSION, GIT_SHA, GIT_DIRTY, std::env::consts::ARCH, std::env::consts::OS];
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut part = 0;
    while part < parts.len() {
        let bytes = parts[part].as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0000_0100_0000_01b3);
            at += 1;
        }
        part += 1;
    }
    hash
};

/// The line of `--version`, in the reference's form.
pub fn line() -> String {
    format!(
        "Tarn server v={VERSION} sha={GIT_SHA}:{GIT_DIRTY} malloc={} bits={} build={BUILD_ID:x}",
        memory::ALLOCATOR,
        usize::BITS
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_line_has_the_reference_s_form() {
        let line = super::line();
        let rest = line.strip_prefix("Tarn server v=").unwrap();
        assert!(
            rest.contains(" sha=")
                && rest.contains(" malloc=jemalloc-5.")
                && rest.contains(" bits=64 build=")
        );
    }
}
