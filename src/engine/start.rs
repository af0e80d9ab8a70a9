//! From the configuration to the outside world: what a start does once, and what CONFIG SET does again.
//!
//! `sys` knows no configuration and `config` acts on nothing; the functions here stand between. `Startup` is
//! what main hands to whoever runs the server.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use super::config::Config;
use super::config::values::{Named, OomScoreAdj, Supervised};
use crate::sys::supervise::{self, Supervisor};
use crate::sys::syslog::Facility;
use crate::sys::title::{self, TitleParts};
use crate::sys::{crash, log, process, signals};

/// Everything that a start has found out.
pub struct Startup {
    pub config: Config,
    /// The configuration file, absolute: what CONFIG REWRITE writes.
    pub config_file: Option<PathBuf>,
    /// The program's words, its name first: for the title and INFO `executable`.
    pub argv: Vec<OsString>,
    pub supervisor: Supervisor,
    /// Becomes readable when a signal asks for something (`sys::signals::requested`).
    pub wakeups: signals::Wakeups,
    /// Mode bits that new files do not get.
    pub umask: u32,
    /// Runs as a Sentinel.
    pub sentinel: bool,
}

/// The settings of the log.
pub fn log_settings(config: &Config) -> log::Settings {
    let facility = Facility::parse(config.syslog_facility.name()).unwrap_or(Facility::Local(0));
    log::Settings {
        level: log_level(config),
        path: PathBuf::from(&config.logfile),
        format: log::Format::parse(config.log_format.name()).unwrap_or(log::Format::Legacy),
        timestamp: log::Timestamp::parse(config.log_timestamp_format.name())
            .unwrap_or(log::Timestamp::Legacy),
        syslog: config.syslog_enabled.then(|| (config.syslog_ident.clone(), facility)),
    }
}

fn log_level(config: &Config) -> log::Level {
    log::Level::parse(config.loglevel.name()).unwrap_or(log::Level::Notice)
}

/// What CONFIG SET can change of the log and of crash reports: loglevel, log-format, log-timestamp-format,
/// crash-log-enabled, use-exit-on-panic, hide-user-data-from-log. Cheap; to be called after any change.
pub fn apply_log(config: &Config) {
    let settings = log_settings(config);
    if log::level() != settings.level {
        log::set_level(settings.level);
    }
    log::set_format(settings.format);
    log::set_timestamp(settings.timestamp);
    apply_crash(config);
}

/// Settings of crash reports.
pub fn apply_crash(config: &Config) {
    crash::configure(config.crash_log_enabled, config.use_exit_on_panic, config.hide_user_data_from_log);
}

/// `supervised`.
pub fn supervise_mode(config: &Config) -> supervise::Mode {
    match config.supervised {
        Supervised::No => supervise::Mode::No,
        Supervised::Upstart => supervise::Mode::Upstart,
        Supervised::Systemd => supervise::Mode::Systemd,
        Supervised::Auto => supervise::Mode::Auto,
    }
}

/// Applies `oom-score-adj` for what the server is now. An error is for CONFIG SET to refuse, and to apply the old
/// configuration again.
pub fn apply_oom_score(score: &mut process::OomScore, config: &Config, replica: bool) -> io::Result<()> {
    let mode = match config.oom_score_adj {
        OomScoreAdj::No => process::OomMode::No,
        OomScoreAdj::Relative => process::OomMode::Relative,
        OomScoreAdj::Absolute => process::OomMode::Absolute,
    };
    score.apply(mode, config.oom_score_adj_values[usize::from(replica)])
}

/// Shows the title that `proc-title-template` makes, unless `set-proc-title` is off. `program` is argv[0]; `port` is
/// the one that is listened on, which differs from the directive's if that is 0 in a test.
pub fn apply_title(config: &Config, program: &str, config_file: Option<&str>, sentinel: bool) {
    if !config.set_proc_title {
        return;
    }
    let listen_addr = if config.port != 0 || config.tls_port != 0 {
        let port = if config.port != 0 { config.port } else { config.tls_port };
        format!("{}:{port}", config.bind.first().map_or("*", String::as_str))
    } else {
        format!("unixsocket:{}", config.unixsocket)
    };
    let server_mode = match (config.cluster_enabled, sentinel) {
        (true, _) => "[cluster]",
        (_, true) => "[sentinel]",
        _ => "",
    };
    let parts = TitleParts {
        title: program,
        listen_addr: &listen_addr,
        server_mode,
        port: config.port,
        tls_port: config.tls_port,
        unix_socket: &config.unixsocket,
        config_file: config_file.unwrap_or("-"),
    };
    if let Some(text) = title::expand(&config.proc_title_template, &parts) {
        title::set(&text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::config::load::parse_text;

    #[test]
    fn every_name_of_the_configuration_is_one_of_the_log_s() {
        let text = "loglevel nothing\nlog-format logfmt\nlog-timestamp-format iso8601\nlogfile /tmp/x\n\
                    syslog-enabled yes\nsyslog-ident me\nsyslog-facility local6\n";
        let settings = log_settings(&parse_text(text.as_bytes()).unwrap());
        assert_eq!(settings.level, log::Level::Nothing);
        assert_eq!(settings.format, log::Format::Logfmt);
        assert_eq!(settings.timestamp, log::Timestamp::Iso8601);
        assert_eq!(settings.path, PathBuf::from("/tmp/x"));
        assert_eq!(settings.syslog, Some(("me".to_owned(), Facility::Local(6))));
        for level in log::Level::NAMES {
            let config = parse_text(format!("loglevel {level}").as_bytes()).unwrap();
            assert_eq!(Some(log_level(&config)), log::Level::parse(level));
        }
        assert_eq!(log_settings(&Config::default()).syslog, None);
    }
}
