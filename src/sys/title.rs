//! The process title, as `ps` shows it: `proc-title-template` filled in.
//!
//! The kernel reads a process's command line from the memory between two addresses. Instead of writing over argv and
//! the environment behind it, as it is usually done, those addresses are pointed at a buffer of our own
//! (`PR_SET_MM_MAP`, Linux 3.18 and later, no privilege needed). Where the kernel does not have that, the title stays as it
//! was.
#![allow(unsafe_code)]

use crate::base::limits::PROC_TITLE_MAX;

/// What the template's variables stand for.
#[derive(Clone, Debug, Default)]
pub struct TitleParts<'a> {
    /// argv[0], or what the process is for.
    pub title: &'a str,
    /// `address:port`, or `unixsocket:path`.
    pub listen_addr: &'a str,
    /// `[sentinel]`, `[cluster]` or nothing.
    pub server_mode: &'a str,
    pub port: u16,
    pub tls_port: u16,
    pub unix_socket: &'a str,
    /// `-` if there is none.
    pub config_file: &'a str,
}

/// The template with its `{variables}` replaced, spaces at both ends cut off. Nothing if a variable is unknown or a
/// brace is left open. `{{` stands for one brace.
pub fn expand(template: &str, parts: &TitleParts) -> Option<String> {
    let mut out = String::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        rest = &rest[open + 1..];
        if let Some(after) = rest.strip_prefix('{') {
            out.push('{');
            rest = after;
            continue;
        }
        let (name, after) = rest.split_once('}')?;
        match name {
            "title" => out.push_str(parts.title),
            "listen-addr" => out.push_str(parts.listen_addr),
            "server-mode" => out.push_str(parts.server_mode),
            "port" => out.push_str(&parts.port.to_string()),
            "tls-port" => out.push_str(&parts.tls_port.to_string()),
            "unixsocket" => out.push_str(parts.unix_socket),
            "config-file" => out.push_str(parts.config_file),
            _ => return None,
        }
        rest = after;
    }
    out.push_str(rest);
    Some(out.trim_matches(' ').to_owned())
}

/// Whether CONFIG SET may take this template: it can be filled in, to something.
pub fn is_valid(template: &str) -> bool {
    let parts = TitleParts { listen_addr: "*:0", config_file: "-", ..TitleParts::default() };
    expand(template, &parts).is_some_and(|title| !title.is_empty())
}

/// Shows `title` as the process's command line. False if the kernel does not let us. Not to be called by two threads at
/// once: the main thread's.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
pub fn set(title: &str) -> bool {
    linux::set(title).is_some()
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
pub fn set(_: &str) -> bool {
    let _ = PROC_TITLE_MAX;
    false
}

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod linux {
    use super::PROC_TITLE_MAX;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

    /// What the kernel reads. Atomics, as it may read at any moment. On the heap: the kernel shows anonymous memory only,
    /// which a static next to the program's data is not.
    fn buffer() -> &'static [AtomicU8] {
        static BUFFER: OnceLock<Box<[AtomicU8]>> = OnceLock::new();
        BUFFER.get_or_init(|| (0..PROC_TITLE_MAX).map(|_| AtomicU8::new(0)).collect())
    }

    /// As `struct prctl_mm_map` of linux/prctl.h.
    #[repr(C)]
    struct MmMap {
        start_code: u64,
        end_code: u64,
        start_data: u64,
        end_data: u64,
        start_brk: u64,
        brk: u64,
        start_stack: u64,
        arg_start: u64,
        arg_end: u64,
        env_start: u64,
        env_end: u64,
        auxv: u64,
        auxv_size: u32,
        exe_fd: u32,
    }

    pub fn set(title: &str) -> Option<()> {
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        // The second field may hold anything, but ends with the last parenthesis; the third is at 0 then.
        let fields: Vec<&str> = stat.get(stat.rfind(')')? + 2..)?.split(' ').collect();
        // Numbered from 1 as in proc(5).
        let field = |number: usize| fields.get(number - 3)?.trim().parse::<u64>().ok();
        let length = title.len().min(PROC_TITLE_MAX - 1);
        for (place, byte) in
            buffer().iter().zip(title.as_bytes()[..length].iter().chain(std::iter::repeat(&0)))
        {
            place.store(*byte, Relaxed);
        }
        let start = buffer().as_ptr() as u64;
        // SAFETY: asks for the current end of the data segment, moves nothing.
        let brk = unsafe { libc::sbrk(0) } as u64;
        let map = MmMap {
            start_code: field(26)?,
            end_code: field(27)?,
            start_data: field(45)?,
            end_data: field(46)?,
            start_brk: field(47)?,
            brk,
            start_stack: field(28)?,
            arg_start: start,
            arg_end: start + length as u64 + 1,
            env_start: field(50)?,
            env_end: field(51)?,
            auxv: 0,
            auxv_size: 0,
            exe_fd: u32::MAX,
        };
        // SAFETY: the struct is the kernel's, of the size given; all addresses but the arguments' are those in force, and
        // the arguments' lead to a buffer that is never freed. The kernel checks them.
        let done = unsafe {
            libc::prctl(libc::PR_SET_MM, libc::PR_SET_MM_MAP, &raw const map, size_of::<MmMap>(), 0)
        };
        (done == 0).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts() -> TitleParts<'static> {
        TitleParts {
            title: "./tarn",
            listen_addr: "*:6379",
            port: 6379,
            unix_socket: "/tmp/s",
            config_file: "/etc/t.conf",
            ..TitleParts::default()
        }
    }

    #[test]
    fn templates() {
        let expand = |t| expand(t, &parts());
        assert_eq!(expand("{title} {listen-addr} {server-mode}").unwrap(), "./tarn *:6379");
        assert_eq!(
            expand("TEST {port} {tls-port} {unixsocket} {config-file}").unwrap(),
            "TEST 6379 0 /tmp/s /etc/t.conf"
        );
        assert_eq!(expand("{{x}} {port}").unwrap(), "{x}} 6379");
        assert_eq!(expand("{invalid-var}"), None);
        assert_eq!(expand("{title"), None);
        assert!(is_valid("{title} {listen-addr} {server-mode}"));
        assert!(!is_valid("") && !is_valid("{server-mode}") && !is_valid("{x}"));
    }

    #[test]
    #[cfg_attr(miri, ignore)]
    fn the_title_is_what_proc_shows() {
        let long = "x".repeat(PROC_TITLE_MAX + 5);
        for title in ["tarn *:6379 with quite a long tail of words", "t", &long] {
            if !set(title) {
                return; // A kernel without it.
            }
            let shown = std::fs::read("/proc/self/cmdline").unwrap();
            let expected = &title.as_bytes()[..title.len().min(PROC_TITLE_MAX - 1)];
            assert_eq!(shown.strip_suffix(b"\0").unwrap_or(&shown), expected);
        }
    }
}
