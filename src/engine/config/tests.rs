//! CONFIG GET and SET, and what holds for every row of the table.

use super::directive::{Format, Kind};
use super::*;

fn get(config: &Config, patterns: &[&str]) -> Vec<(String, String)> {
    let patterns: Vec<&[u8]> = patterns.iter().map(|pattern| pattern.as_bytes()).collect();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    config.get(&patterns).into_iter().map(|(name, value)| (text(name), text(value))).collect()
}

fn set(config: &mut Config, pairs: &[(&str, &str)]) -> Result<Change, String> {
    let pairs: Vec<(&[u8], &[u8])> =
        pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    config.set(&pairs, Permit { protected: true, loading: false }).map_err(|error| error.to_string())
}

/// A value of each kind that is not the default, for round trips.
pub(super) fn other_value(directive: &Directive, config: &Config) -> Vec<u8> {
    let now = directive.get(config);
    let text = match directive.kind {
        Kind::YesNo(_) => if now == b"yes" { "no" } else { "yes" }.to_owned(),
        Kind::Number { max, format: Format::Octal, .. } => format!("{max:o}"),
        Kind::Number { min, max, .. } => {
            // Plain numbers are read as signed 64-bit ones, as in the reference.
            let max = max.min(i64::MAX.into());
            let value = if now == max.to_string().as_bytes() { min } else { max };
            value.to_string()
        }
        Kind::Choice(choice) => {
            (choice.names)().iter().find(|name| name.as_bytes() != now).unwrap().to_string()
        }
        Kind::Text(_) | Kind::Bytes(_) => match directive.name {
            "cluster-announce-client-ipv4" => "10.1.2.3".to_owned(),
            "cluster-announce-client-ipv6" => "::1".to_owned(),
            "proc-title-template" => "x {port}".to_owned(),
            name if name.starts_with("cluster-announce") => "a.b-c".to_owned(),
            _ => "a \"quoted\" \\ text"
                .to_owned()
                .replace('\\', if directive.name.ends_with("name") { "" } else { "\\" }),
        },
        Kind::Special(_) => match directive.name {
            "save" => "5 6 7 8",
            "client-output-buffer-limit" => "normal 1 2 3 slave 4096 5 6 pubsub 7 8 9",
            "oom-score-adj-values" => "-1 0 1",
            "notify-keyspace-events" => "glKE",
            "bind" | "rdma-bind" => "127.0.0.1 -::1",
            "replicaof" => "localhost 6380",
            "latency-tracking-info-percentiles" => "50 99.99",
            "dir" => "/var/lib/tarn data",
            "shutdown-on-sigint" | "shutdown-on-sigterm" => "nosave now",
            name => panic!("no value for {name}"),
        }
        .to_owned(),
        Kind::FileOnly(_) => panic!("no value"),
    };
    text.into_bytes()
}

#[test]
fn names_are_unique_and_rows_are_complete() {
    let mut seen = std::collections::HashSet::new();
    for (name, directive) in table::names() {
        assert!(seen.insert(name), "{name} twice");
        assert_eq!(name, name.to_ascii_lowercase());
        assert!(
            directive.about.ends_with('.') || directive.about.ends_with(|c: char| c.is_ascii_punctuation()),
            "{name}"
        );
    }
    for directive in table::directives() {
        let words = special_is_multi(directive.name);
        assert_eq!(directive.has(MULTI_ARG), words, "{}", directive.name);
    }
}

fn special_is_multi(name: &str) -> bool {
    [
        "save",
        "client-output-buffer-limit",
        "oom-score-adj-values",
        "bind",
        "rdma-bind",
        "replicaof",
        "latency-tracking-info-percentiles",
        "shutdown-on-sigint",
        "shutdown-on-sigterm",
    ]
    .contains(&name)
}

#[test]
fn ranges_fit_their_fields_and_end_where_they_say() {
    for directive in table::directives() {
        let Kind::Number { min, max, format, .. } = directive.kind else { continue };
        let mut config = Config::default();
        let print = |number: i128| match format {
            Format::Octal => format!("{number:o}"),
            Format::MemoryOrPercent if number < 0 => format!("{}%", -number),
            _ => number.to_string(),
        };
        // Plain numbers are read as 64-bit signed ones, so the upper end may be out of reach.
        let reachable = |number: i128| format != Format::Plain || i64::try_from(number).is_ok();
        for good in [min, max].into_iter().filter(|number| reachable(*number)) {
            let text = print(good);
            directive.set(&mut config, &[text.clone().into()], Origin::Set).unwrap();
            assert_eq!(directive.get(&config), text.as_bytes(), "{}", directive.name);
        }
        for bad in [min.saturating_sub(1), max.saturating_add(1)] {
            let args = [print(bad).into_bytes()];
            assert!(directive.set(&mut config, &args, Origin::Set).is_err(), "{} {bad}", directive.name);
        }
    }
}

#[test]
fn every_directive_takes_what_it_prints() {
    let default = Config::default();
    for directive in table::directives().filter(|directive| !directive.is_file_only()) {
        let mut config = Config::default();
        for value in [directive.get(&default), other_value(directive, &default), directive.get(&default)] {
            if directive.name == "activedefrag" && value == b"yes"
                || directive.name == "replicaof" && value.is_empty()
            {
                continue;
            }
            // A relative folder counts from the one before, so there is no way back to it.
            if directive.name == "dir" && config.dir != default.dir {
                continue;
            }
            let args = words(directive, &value);
            directive
                .set(&mut config, &args, Origin::Set)
                .unwrap_or_else(|reason| panic!("{}: {reason}", directive.name));
            assert_eq!(directive.get(&config), value, "{}", directive.name);
        }
        if !matches!(directive.name, "dir" | "replicaof") {
            assert_eq!(config, default, "{}", directive.name);
        }
    }
}

#[test]
fn get_answers_sorted_each_once_with_aliases() {
    let config = Config::default();
    let all = get(&config, &["*"]);
    assert!(all.is_sorted());
    assert!(all.iter().any(|(name, _)| name == "slaveof") && all.iter().any(|(name, _)| name == "replicaof"));
    for absent in ["key-load-delay", "user", "include", "rename-command"] {
        assert!(!all.iter().any(|(name, _)| name == absent), "{absent}");
    }
    let pairs = |expected: &[(&str, &str)]| -> Vec<(String, String)> {
        expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    assert_eq!(get(&config, &["key-load-delay"]), pairs(&[("key-load-delay", "0")]));
    assert_eq!(get(&config, &["slowlog-max-len"]), pairs(&[("slowlog-max-len", "128")]));
    assert_eq!(get(&config, &["user", "nosuch"]), pairs(&[]));
    // A name is answered as it was written, and stands for the one that a pattern would add.
    assert_eq!(
        get(&config, &["MAXMEMORY", "maxmemory", "maxmemory", "MAXMEM*Y", "bind"]),
        pairs(&[
            ("MAXMEMORY", "0"),
            ("bind", "* -::*"),
            ("maxmemory-eviction-tenacity", "10"),
            ("maxmemory-policy", "noeviction"),
        ])
    );
}

#[test]
fn values_print_in_the_form_of_the_reference() {
    let mut config = Config::default();
    for (name, value, printed) in [
        ("maxmemory", "1gb", "1073741824"),
        ("maxmemory", "", "0"),
        ("maxmemory", "18446744073709551615", "18446744073709551615"),
        ("maxmemory-clients", "5%", "5%"),
        ("maxmemory-clients", "1k", "1000"),
        ("slot-migration-max-failover-repl-bytes", "-1", "-1"),
        ("notify-keyspace-events", "tEK$glshzxed", "AKE"),
        ("notify-keyspace-events", "mA", "Am"),
        ("shutdown-on-sigterm", "force NOSAVE now", "nosave now force"),
        (
            "client-output-buffer-limit",
            "replica 1k 1kb 5",
            "normal 0 0 0 slave 1000 1024 5 pubsub 33554432 8388608 60",
        ),
        ("latency-tracking-info-percentiles", "50.5 99.123456789 0", "50.5 99.123457 0"),
        ("latency-tracking-info-percentiles", "", ""),
        ("save", "", ""),
        ("oom-score-adj", "relative", "yes"),
        ("log-format", "text", "legacy"),
        ("hz", "1000", "500"),
        ("hz", "0", "1"),
        ("repl-backlog-size", "5", "16384"),
        ("bind", "", ""),
    ] {
        set(&mut config, &[(name, value)]).unwrap();
        assert_eq!(config.value(name).unwrap(), printed.as_bytes(), "{name} {value}");
    }
}

#[test]
fn refusals_in_the_words_of_the_reference() {
    let mut config = Config::default();
    for (name, value, reason) in [
        ("appendonly", "maybe", "argument must be 'yes' or 'no'"),
        ("maxmemory", "1x", "argument must be a memory value"),
        ("maxmemory", "-1", "argument must be a memory value"),
        ("maxmemory-clients", "200%", "percentage argument must be less or equal to 100"),
        ("maxmemory-clients", "x%", "argument must be a memory or percent value"),
        (
            "slot-migration-max-failover-repl-bytes",
            "-2",
            "argument must be between -1 and 9223372036854775807 inclusive",
        ),
        ("port", "abc", "argument couldn't be parsed into an integer"),
        ("port", "007", "argument couldn't be parsed into an integer"),
        ("port", "+7", "argument couldn't be parsed into an integer"),
        ("port", "65536", "argument must be between 0 and 65535 inclusive"),
        ("maxclients", "0", "argument must be between 1 and 4294967295 inclusive"),
        (
            "loglevel",
            "loud",
            "argument(s) must be one of the following: debug, verbose, notice, warning, nothing",
        ),
        (
            "shutdown-on-sigint",
            "",
            "argument(s) must be one of the following: default, save, nosave, now, force, safe, failover",
        ),
        (
            "shutdown-on-sigint",
            "save nosave",
            "shutdown options SAVE and NOSAVE can't be used simultaneously",
        ),
        ("save", "1", "Invalid save parameters"),
        ("save", "0 1", "Invalid save parameters"),
        ("save", "1  2", "Invalid save parameters"),
        (
            "client-output-buffer-limit",
            "normal 1 2",
            "Wrong number of arguments in buffer limit configuration.",
        ),
        (
            "client-output-buffer-limit",
            "master 1 2 3",
            "Invalid client class specified in buffer limit configuration.",
        ),
        (
            "client-output-buffer-limit",
            "normal 1 2 x",
            "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
        ),
        ("oom-score-adj-values", "1 2", "wrong number of arguments"),
        (
            "oom-score-adj-values",
            "1 2 2001",
            "Invalid oom-score-adj-values, elements must be between -2000 and 2000.",
        ),
        ("notify-keyspace-events", "Aq", "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."),
        ("latency-tracking-info-percentiles", "x", "Invalid latency-tracking-info-percentiles parameters"),
        (
            "latency-tracking-info-percentiles",
            "101",
            "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]",
        ),
        ("dbfilename", "a/b", "dbfilename can't be a path, just a filename"),
        ("dbfilename", "", "dbfilename can't be empty"),
        ("dir", "", "dir can't be empty"),
        ("daemonize", "yes", "can't set immutable config"),
        (
            "cluster-announce-hostname",
            "a_b",
            "Hostnames may only contain alphanumeric characters, hyphens or dots",
        ),
        ("bind", "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17", "Too many bind addresses specified."),
    ] {
        assert_eq!(
            set(&mut config, &[(name, value)]).unwrap_err(),
            format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}")
        );
    }
    assert_eq!(config, Config::default());
}

#[test]
fn set_takes_all_or_nothing() {
    let mut config = Config::default();
    let pairs =
        [("maxmemory", "10000001"), ("maxmemory-clients", "200%"), ("client-query-buffer-limit", "x")];
    assert_eq!(
        set(&mut config, &pairs).unwrap_err(),
        "ERR CONFIG SET failed (possibly related to argument 'maxmemory-clients') - percentage argument must be less or equal to 100"
    );
    assert_eq!(config, Config::default());

    let change = set(
        &mut config,
        &[("MaxMemory", "5"), ("save", "3000 5"), ("port", "6379"), ("slowlog-max-len", "7")],
    )
    .unwrap();
    assert_eq!(change.names(), ["maxmemory", "save", "commandlog-slow-execution-max-len"]);
    assert_eq!(change.before().maxmemory, 0);
    assert_eq!((config.maxmemory, config.commandlog_slow_execution_max_len), (5, 7));
    config.rollback(change);
    assert_eq!(config, Config::default());
}

#[test]
fn set_refuses_in_the_order_of_the_reference() {
    let mut config = Config::default();
    let mut refuse = |pairs: &[(&str, &str)], permit| {
        let pairs: Vec<(&[u8], &[u8])> =
            pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        config.set(&pairs, permit).unwrap_err().to_string()
    };
    let anyone = Permit::default();
    let failed =
        |name, reason| format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}");
    assert_eq!(
        refuse(&[("maxmemory", "x"), ("nosuch", "1")], anyone),
        "ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'"
    );
    assert_eq!(
        refuse(&[("Daemonize", "yes"), ("nosuch", "1")], anyone),
        failed("Daemonize", "can't set immutable config")
    );
    assert_eq!(refuse(&[("dir", "/")], anyone), failed("dir", "can't set protected config"));
    assert_eq!(refuse(&[("port", "1"), ("PORT", "2")], anyone), failed("PORT", "duplicate parameter"));
    assert_eq!(
        refuse(&[("user", "x")], anyone),
        "ERR Unknown option or number of arguments for CONFIG SET - 'user'"
    );
    let loading = Permit { protected: true, loading: true };
    assert!(refuse(&[("dir", "/")], loading).starts_with("LOADING "));
    assert_eq!(
        refuse(&[("slowlog-max-len", "x")], anyone),
        failed("slowlog-max-len", "argument couldn't be parsed into an integer")
    );
}

#[test]
fn a_file_named_again_counts_as_changed() {
    let mut config = Config::default();
    let change = set(&mut config, &[("tls-cert-file", ""), ("tls-port", "0")]).unwrap();
    assert_eq!(change.names(), ["tls-cert-file"]);
}

#[test]
fn what_has_no_effect_is_named() {
    let mut config = Config::default();
    assert_eq!(config.without_effect(), []);
    config.locale_collate = "C".to_owned();
    config.port = 7000;
    assert_eq!(config.without_effect(), [("locale-collate", "collation")]);
}
