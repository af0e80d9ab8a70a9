//! The system's log, through the C library, which finds and keeps the socket.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::sync::Mutex;

/// Where the system's log files a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Facility {
    User,
    /// LOCAL0 to LOCAL7.
    Local(u8),
}

impl Facility {
    /// By the name that `syslog-facility` takes, in any case: `user`, `local0` to `local7`.
    pub fn parse(name: &str) -> Option<Facility> {
        let name = name.to_ascii_lowercase();
        if name == "user" {
            return Some(Facility::User);
        }
        let digit = name.strip_prefix("local")?.parse::<u8>().ok()?;
        (digit <= 7 && name.len() == 6).then_some(Facility::Local(digit))
    }

    fn code(self) -> i32 {
        match self {
            Facility::User => libc::LOG_USER,
            Facility::Local(n) => libc::LOG_LOCAL0 + (i32::from(n) << 3),
        }
    }
}

/// How grave a message is: our four levels as syslog's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    Debug,
    Info,
    Notice,
    Warning,
}

/// The identity, which the C library keeps a pointer to.
static IDENT: Mutex<Option<CString>> = Mutex::new(None);

/// Messages go out as `ident[pid]:` under `facility` from here on.
pub fn open(ident: &str, facility: Facility) {
    let text = CString::new(ident.replace('\0', "")).unwrap_or_default();
    let mut kept = IDENT.lock().unwrap_or_else(|e| e.into_inner());
    let flags = libc::LOG_PID | libc::LOG_NDELAY | libc::LOG_NOWAIT;
    // SAFETY: the string outlives this call's use of it: it is kept in IDENT until the next openlog has replaced it.
    // Moving the CString into the static does not move its bytes.
    unsafe { libc::openlog(text.as_ptr(), flags, facility.code()) };
    *kept = Some(text);
}

/// One message. It may hold any bytes but is cut at a zero byte.
pub fn send(priority: Priority, message: &str) {
    let end = message.find('\0').unwrap_or(message.len());
    let Ok(text) = CString::new(&message[..end]) else { return };
    let code = match priority {
        Priority::Debug => libc::LOG_DEBUG,
        Priority::Info => libc::LOG_INFO,
        Priority::Notice => libc::LOG_NOTICE,
        Priority::Warning => libc::LOG_WARNING,
    };
    // SAFETY: both strings are zero-terminated and live through the call; the message is an argument, never the format.
    unsafe { libc::syslog(code, c"%s".as_ptr(), text.as_ptr()) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facilities_by_name() {
        assert_eq!(Facility::parse("USER"), Some(Facility::User));
        assert_eq!(Facility::parse("local7"), Some(Facility::Local(7)));
        assert_eq!(Facility::parse("local8"), None);
        assert_eq!(Facility::parse("local07"), None);
        assert_eq!(Facility::parse("kern"), None);
        assert_eq!(Facility::Local(3).code(), libc::LOG_LOCAL3);
    }

    #[test]
    #[cfg_attr(miri, ignore)]
    fn sending_without_a_listener_is_harmless() {
        open("tarn-test", Facility::Local(0));
        send(Priority::Debug, "a %s b\0c");
        open("tarn-test-2", Facility::User);
    }
}
