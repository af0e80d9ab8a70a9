//! Who watches the process: systemd (a datagram to `NOTIFY_SOCKET`), upstart (a stop signal), nobody.
#![allow(unsafe_code)]

use sd_notify::NotifyState;

/// `supervised`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    No,
    Upstart,
    Systemd,
    Auto,
}

/// Who really watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supervisor {
    None,
    Upstart,
    Systemd,
}

/// Finds the supervisor and tells it that loading begins. To be called while there is one thread, before daemonize,
/// which a supervised process does not do.
pub fn begin(mode: Mode) -> Supervisor {
    let here = |name: &str| std::env::var_os(name).is_some();
    let found = match mode {
        Mode::Auto if here("UPSTART_JOB") => {
            tracing::debug!("Upstart supervision detected.");
            Mode::Upstart
        }
        Mode::Auto if here("NOTIFY_SOCKET") => {
            tracing::debug!("Systemd supervision detected.");
            Mode::Systemd
        }
        mode => mode,
    };
    match found {
        Mode::Systemd if !here("NOTIFY_SOCKET") => {
            tracing::warn!("systemd supervision error: NOTIFY_SOCKET not found!");
            Supervisor::None
        }
        Mode::Systemd => {
            Supervisor::Systemd.status("Tarn is loading...");
            tracing::info!(
                "Supervised by systemd. Please make sure you set appropriate values for TimeoutStartSec and \
                 TimeoutStopSec in your service unit."
            );
            Supervisor::Systemd
        }
        Mode::Upstart if !here("UPSTART_JOB") => {
            tracing::warn!("upstart supervision requested, but UPSTART_JOB not found!");
            Supervisor::None
        }
        Mode::Upstart => {
            tracing::info!("supervised by upstart, will stop to signal readiness.");
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
            // SAFETY: there is one thread (the caller's duty), so nobody reads the environment meanwhile.
            unsafe { std::env::remove_var("UPSTART_JOB") };
            Supervisor::Upstart
        }
        Mode::No | Mode::Auto => Supervisor::None,
    }
}

impl Supervisor {
    /// What the supervisor shows of us.
    pub fn status(self, text: &str) {
        self.tell(&[NotifyState::Status(text)]);
    }

    /// Serving from here on.
    pub fn ready(self, status: &str) {
        self.tell(&[NotifyState::Status(status), NotifyState::Ready]);
    }

    /// The shutdown begins.
    pub fn stopping(self) {
        self.tell(&[NotifyState::Stopping]);
    }

    /// Loading goes on: systemd must wait for so much longer.
    pub fn extend_timeout_us(self, us: u32) {
        self.tell(&[NotifyState::ExtendTimeoutUsec(us)]);
    }

    fn tell(self, states: &[NotifyState]) {
        if self != Supervisor::Systemd {
            return;
        }
        if let Err(e) = sd_notify::notify(states) {
            tracing::warn!("systemd supervision error: sd_notify: {e}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixDatagram;

    /// Alone in one test, as the environment is the process's.
    #[test]
    #[cfg_attr(miri, ignore)]
    fn systemd_is_told() {
        let path = std::env::temp_dir().join(format!("tarn-notify-{}", std::process::id()));
        let socket = UnixDatagram::bind(&path).unwrap();
        assert_eq!(begin(Mode::No), Supervisor::None);
        // SAFETY: no other test of this binary reads or writes these variables; reads by libc of others at this
        // moment are the risk that a test may take.
        unsafe {
            std::env::remove_var("NOTIFY_SOCKET");
            std::env::remove_var("UPSTART_JOB");
        }
        assert_eq!(begin(Mode::Auto), Supervisor::None);
        assert_eq!(begin(Mode::Systemd), Supervisor::None);
        assert_eq!(begin(Mode::Upstart), Supervisor::None);
        // SAFETY: as above.
        unsafe { std::env::set_var("NOTIFY_SOCKET", &path) };
        let mut buffer = [0; 256];
        let mut told = || {
            let n = socket.recv(&mut buffer).unwrap();
            String::from_utf8_lossy(&buffer[..n]).into_owned()
        };
        assert_eq!(begin(Mode::Auto), Supervisor::Systemd);
        assert_eq!(told(), "STATUS=Tarn is loading...\n");
        Supervisor::Systemd.ready("Ready to accept connections");
        assert_eq!(told(), "STATUS=Ready to accept connections\nREADY=1\n");
        Supervisor::Systemd.stopping();
        assert_eq!(told(), "STOPPING=1\n");
        Supervisor::None.stopping();
        // SAFETY: as above.
        unsafe { std::env::remove_var("NOTIFY_SOCKET") };
        std::fs::remove_file(&path).unwrap();
    }
}
