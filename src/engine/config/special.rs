//! Directives with rules of their own: those of several words, of lists, of flags. Each is a `Special`: how it takes
//! its words, how CONFIG GET prints it, which lines CONFIG REWRITE writes. File-only directives (`user`,
//! `rename-command`, `loadmodule`) keep their words for whoever applies them.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;

use super::directive::{Field, Line, Origin, Reason, Special, Taken, WRONG_NUMBER, at, not_among, strtoll};
use super::fields::Config;
use super::values::{NotifyFlags, OutputLimit, OutputLimits, Primary, SavePoint, ShutdownFlags};
use crate::base::{limits, quote, size};

/// A line of a name and the value that CONFIG GET prints.
fn plain_line(name: &str, value: &[u8], force: bool) -> Line {
    Line { text: [name.as_bytes(), b" ", value].concat(), force }
}

/// Words as text; configuration text is UTF-8.
fn text(word: &[u8]) -> Result<String, Reason> {
    String::from_utf8(word.to_vec()).map_err(|_| "argument must be text in UTF-8".into())
}

fn joined(parts: impl IntoIterator<Item = String>) -> Vec<u8> {
    parts.into_iter().collect::<Vec<_>>().join(" ").into_bytes()
}

/// `save`: pairs of seconds and changes. The first one of the configuration drops the default, later ones add up,
/// an empty one drops all; CONFIG SET replaces.
pub static SAVE: Special = Special {
    set: |config, args, origin| {
        let refusal = || Reason::from("Invalid save parameters");
        let words = if matches!(args, [word] if word.is_empty()) { &[] } else { args };
        let (pairs, rest) = words.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(refusal());
        }
        let mut points = Vec::with_capacity(pairs.len());
        for [seconds, changes] in pairs {
            let seconds = strtoll(seconds, 10).filter(|seconds| *seconds >= 1).ok_or_else(refusal)?;
            let changes = strtoll(changes, 10).ok_or_else(refusal)?;
            points.push(SavePoint {
                seconds: u64::try_from(seconds).map_err(|_| refusal())?,
                changes: u64::try_from(changes).map_err(|_| refusal())?,
            });
        }
        let emptied = args.len() == 1 && words.is_empty();
        if emptied || origin != (Origin::File { again: true }) {
            config.save.clear();
        }
        config.save.append(&mut points);
        Ok(())
    },
    get: |config| joined(config.save.iter().map(|point| format!("{} {}", point.seconds, point.changes))),
    lines: |config, _, name| {
        let value = (SAVE.get)(config);
        // Written even when it is the default, as the reference does: the next version's default may be another.
        vec![plain_line(name, if value.is_empty() { b"\"\"" } else { &value }, true)]
    },
};

/// `client-output-buffer-limit`: class, hard, soft, seconds; as many groups as one likes.
pub static OUTPUT_LIMITS: Special = Special {
    set: |config, args, _| {
        let (groups, rest) = args.as_chunks::<4>();
        if !rest.is_empty() {
            return Err("Wrong number of arguments in buffer limit configuration.".into());
        }
        let mut limits = config.client_output_buffer_limit;
        for [class, hard, soft, seconds] in groups {
            let place = match class.to_ascii_lowercase().as_slice() {
                b"normal" => &mut limits.normal,
                b"replica" | b"slave" => &mut limits.replica,
                b"pubsub" => &mut limits.pubsub,
                _ => return Err("Invalid client class specified in buffer limit configuration.".into()),
            };
            let limit = (|| {
                let soft_seconds = u64::try_from(strtoll(seconds, 10)?).ok()?;
                Some(OutputLimit { hard: size::parse(hard)?, soft: size::parse(soft)?, soft_seconds })
            })();
            *place =
                limit.ok_or("Error in hard, soft or soft_seconds setting in buffer limit configuration.")?;
        }
        config.client_output_buffer_limit = limits;
        Ok(())
    },
    get: |config| {
        let classes = classes(&config.client_output_buffer_limit);
        // The reference still says `slave` here.
        let word = |name| if name == "replica" { "slave" } else { name };
        joined(classes.map(|(name, limit)| {
            format!("{} {} {} {}", word(name), limit.hard, limit.soft, limit.soft_seconds)
        }))
    },
    lines: |config, default, name| {
        let (now, usual) = (&config.client_output_buffer_limit, &default.client_output_buffer_limit);
        classes(now)
            .into_iter()
            .zip(classes(usual))
            .map(|((class, limit), (_, usual))| {
                let (hard, soft) = (size::human(limit.hard), size::human(limit.soft));
                let value = format!("{class} {hard} {soft} {}", limit.soft_seconds);
                plain_line(name, value.as_bytes(), limit != usual)
            })
            .collect()
    },
};

fn classes(limits: &OutputLimits) -> [(&'static str, OutputLimit); 3] {
    [("normal", limits.normal), ("replica", limits.replica), ("pubsub", limits.pubsub)]
}

/// `oom-score-adj-values`: three numbers.
pub static OOM_SCORE_ADJ_VALUES: Special = Special {
    set: |config, args, _| {
        let words: &[Vec<u8>; 3] = args.try_into().map_err(|_| WRONG_NUMBER)?;
        let mut values = [0; 3];
        for (value, word) in values.iter_mut().zip(words) {
            *value = strtoll(word, 10)
                .and_then(|number| i32::try_from(number).ok())
                .filter(|number| (-2000..=2000).contains(number))
                .ok_or("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")?;
        }
        config.oom_score_adj_values = values;
        Ok(())
    },
    get: |config| joined(config.oom_score_adj_values.iter().map(i32::to_string)),
    lines: |config, default, name| {
        let force = config.oom_score_adj_values != default.oom_score_adj_values;
        vec![plain_line(name, &(OOM_SCORE_ADJ_VALUES.get)(config), force)]
    },
};

/// `notify-keyspace-events`: letters.
pub static NOTIFY: Special = Special {
    set: |config, args, _| {
        let [letters] = args else { return Err(WRONG_NUMBER.into()) };
        config.notify_keyspace_events =
            NotifyFlags::parse(letters).ok_or("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")?;
        Ok(())
    },
    get: |config| config.notify_keyspace_events.letters().into_bytes(),
    lines: |config, _, name| {
        let flags = config.notify_keyspace_events;
        let mut letters = flags.letters();
        // What is printed as `A` has swallowed `n`; a file has to keep it.
        if flags.contains(NotifyFlags::NEW) && !letters.contains('n') {
            letters.push('n');
        }
        vec![plain_line(name, &quote::repr(letters.as_bytes()), flags != NotifyFlags::default())]
    },
};

/// `bind`: addresses.
pub static BIND: Special = Special {
    set: |config, args, _| {
        config.bind = addresses(args)?;
        Ok(())
    },
    get: |config| config.bind.join(" ").into_bytes(),
    lines: |config, default, name| {
        // The default is every address: a line would only pin what a later version may widen.
        if config.bind == default.bind { Vec::new() } else { vec![address_line(name, &config.bind)] }
    },
};

/// `rdma-bind`: addresses, none by default.
pub static RDMA_BIND: Special = Special {
    set: |config, args, _| {
        config.rdma_bind = addresses(args)?;
        Ok(())
    },
    get: |config| config.rdma_bind.join(" ").into_bytes(),
    lines: |config, _, name| {
        if config.rdma_bind.is_empty() { Vec::new() } else { vec![address_line(name, &config.rdma_bind)] }
    },
};

fn addresses(args: &[Vec<u8>]) -> Result<Vec<String>, Reason> {
    if args.len() > limits::BIND_ADDRESSES_MAX {
        return Err("Too many bind addresses specified.".into());
    }
    let words = if matches!(args, [word] if word.is_empty()) { &[] } else { args };
    words.iter().map(|word| text(word)).collect()
}

fn address_line(name: &str, addresses: &[String]) -> Line {
    let value = if addresses.is_empty() { "\"\"".to_owned() } else { addresses.join(" ") };
    plain_line(name, value.as_bytes(), true)
}

/// `replicaof`: host and port, or `no one`.
pub static REPLICAOF: Special = Special {
    set: |config, args, _| {
        let [host, port] = args else { return Err(WRONG_NUMBER.into()) };
        config.replicaof = None;
        if host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one") {
            return Ok(());
        }
        let port =
            strtoll(port, 10).and_then(|port| u16::try_from(port).ok()).ok_or("Invalid primary port")?;
        config.replicaof = Some(Primary { host: text(host)?, port });
        Ok(())
    },
    get: |config| {
        let primary = config.replicaof.as_ref();
        primary.map_or_else(String::new, |primary| format!("{} {}", primary.host, primary.port)).into_bytes()
    },
    lines: |config, _, name| {
        // A cluster's node has its primary from the cluster.
        if config.replicaof.is_none() || config.cluster_enabled {
            return Vec::new();
        }
        vec![plain_line(name, &(REPLICAOF.get)(config), true)]
    },
};

/// `latency-tracking-info-percentiles`: numbers from 0 to 100.
pub static PERCENTILES: Special = Special {
    set: |config, args, _| {
        let words = if matches!(args, [word] if word.is_empty()) { &[] } else { args };
        let mut percentiles = Vec::with_capacity(words.len());
        for word in words {
            let number: f64 = std::str::from_utf8(word)
                .ok()
                .and_then(|word| word.parse().ok())
                .filter(|number: &f64| !number.is_nan())
                .ok_or("Invalid latency-tracking-info-percentiles parameters")?;
            if !(0.0..=100.0).contains(&number) {
                return Err(
                    "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]".into()
                );
            }
            percentiles.push(number);
        }
        config.latency_tracking_info_percentiles = percentiles;
        Ok(())
    },
    get: |config| joined(config.latency_tracking_info_percentiles.iter().map(|number| decimal(*number))),
    lines: |config, _, name| {
        let value = (PERCENTILES.get)(config);
        vec![plain_line(name, if value.is_empty() { b"\"\"" } else { &value }, true)]
    },
};

/// A number with at most six decimals and no zeros at its end.
fn decimal(number: f64) -> String {
    let text = format!("{number:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `dir`: a relative path counts from the one before, as if each line changed the working directory at once. The
/// caller changes it, and puts the absolute path here so that CONFIG GET shows it.
pub static DIR: Special = Special {
    set: |config, args, _| {
        let [dir] = args else { return Err(WRONG_NUMBER.into()) };
        if dir.is_empty() {
            return Err("dir can't be empty".into());
        }
        let dir = text(dir)?;
        let path = Path::new(&config.dir).join(&dir);
        // `a/./` and `a` are one place; components drop what says nothing.
        let path: std::path::PathBuf = path.components().collect();
        config.dir = path.to_str().map_or(dir, str::to_owned);
        Ok(())
    },
    get: |config| config.dir.clone().into_bytes(),
    lines: |config, _, name| vec![plain_line(name, &quote::repr(config.dir.as_bytes()), true)],
};

/// `shutdown-on-sigint`: a set of words.
pub static SHUTDOWN_ON_SIGINT: Special = Special {
    set: |config, args, _| set_shutdown(at!(shutdown_on_sigint), config, args),
    get: |config| shutdown_words(config.shutdown_on_sigint),
    lines: |config, _, name| shutdown_lines(config.shutdown_on_sigint, name),
};

/// `shutdown-on-sigterm`: the same.
pub static SHUTDOWN_ON_SIGTERM: Special = Special {
    set: |config, args, _| set_shutdown(at!(shutdown_on_sigterm), config, args),
    get: |config| shutdown_words(config.shutdown_on_sigterm),
    lines: |config, _, name| shutdown_lines(config.shutdown_on_sigterm, name),
};

fn set_shutdown(field: Field<ShutdownFlags>, config: &mut Config, args: &[Vec<u8>]) -> Taken {
    let mut flags = ShutdownFlags::DEFAULT;
    let known = |word: &[u8]| {
        ShutdownFlags::NAMES
            .iter()
            .find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(word))
            .map(|(_, flag)| *flag)
    };
    let refusal = || not_among(ShutdownFlags::NAMES.iter().map(|(name, _)| *name));
    if args.is_empty() {
        return Err(refusal());
    }
    for word in args {
        flags = flags.union(known(word).ok_or_else(refusal)?);
    }
    if flags.contains(ShutdownFlags::SAVE) && flags.contains(ShutdownFlags::NOSAVE) {
        return Err("shutdown options SAVE and NOSAVE can't be used simultaneously".into());
    }
    *(field.get_mut)(config) = flags;
    Ok(())
}

fn shutdown_words(flags: ShutdownFlags) -> Vec<u8> {
    if flags == ShutdownFlags::DEFAULT {
        return b"default".to_vec();
    }
    let set = ShutdownFlags::NAMES.iter().skip(1).filter(|(_, flag)| flags.contains(*flag));
    joined(set.map(|(name, _)| (*name).to_owned()))
}

fn shutdown_lines(flags: ShutdownFlags, name: &str) -> Vec<Line> {
    vec![plain_line(name, &shutdown_words(flags), flags != ShutdownFlags::DEFAULT)]
}

/// `user name rule...`: kept for the access control lists.
pub fn take_user(config: &mut Config, args: &[Vec<u8>]) -> Taken {
    keep(&mut config.user, args)
}

/// `loadmodule path argument...`
pub fn take_module(config: &mut Config, args: &[Vec<u8>]) -> Taken {
    keep(&mut config.loadmodule, args)
}

fn keep(list: &mut Vec<Vec<Vec<u8>>>, args: &[Vec<u8>]) -> Taken {
    if args.is_empty() {
        return Err(BAD_DIRECTIVE.into());
    }
    list.push(args.to_vec());
    Ok(())
}

/// `rename-command from to`; the command table checks the names.
pub fn take_rename(config: &mut Config, args: &[Vec<u8>]) -> Taken {
    let [from, to] = args else { return Err(BAD_DIRECTIVE.into()) };
    config.rename_command.push((from.clone(), to.clone()));
    Ok(())
}

/// `include path`; the loader follows it before it comes here.
pub fn take_include(_: &mut Config, args: &[Vec<u8>]) -> Taken {
    if args.len() == 1 { Ok(()) } else { Err(BAD_DIRECTIVE.into()) }
}

/// What an unknown line is answered with.
pub const BAD_DIRECTIVE: &str = "Bad directive or wrong number of arguments";

fn base_name(value: &[u8], empty: &'static str, path: &'static str) -> Taken {
    if value.is_empty() {
        return Err(empty.into());
    }
    if value.iter().any(|byte| matches!(byte, b'/' | b'\\')) {
        return Err(path.into());
    }
    Ok(())
}

pub fn check_dbfilename(value: &[u8], _: Origin) -> Taken {
    base_name(value, "dbfilename can't be empty", "dbfilename can't be a path, just a filename")
}

pub fn check_appendfilename(value: &[u8], _: Origin) -> Taken {
    base_name(value, "appendfilename can't be empty", "appendfilename can't be a path, just a filename")
}

pub fn check_appenddirname(value: &[u8], _: Origin) -> Taken {
    base_name(value, "appenddirname can't be empty", "appenddirname can't be a path, just a dirname")
}

pub fn check_cluster_config_file(value: &[u8], _: Origin) -> Taken {
    if value.is_empty() { Err("cluster-config-file can't be empty".into()) } else { Ok(()) }
}

/// A file that asks for defragmentation loads, since such files are common; CONFIG SET says that there is none, in
/// words that clients and the upstream suite know.
pub fn check_activedefrag(value: &[u8], origin: Origin) -> Taken {
    if origin == Origin::Set && value.eq_ignore_ascii_case(b"yes") {
        return Err("Active defragmentation cannot be enabled: it requires a server compiled with a modified Jemalloc \
                    like the one shipped by default with the source distribution"
            .into());
    }
    Ok(())
}

pub fn check_hash_seed(value: &[u8], _: Origin) -> Taken {
    if value.len() > 256 {
        return Err("hash-seed must be less than or equal to 256 characters".into());
    }
    Ok(())
}

/// Characters that stay unquoted in the cluster's file.
fn is_cluster_text(value: &[u8]) -> bool {
    value.iter().all(|byte| *byte > b',' && *byte != 0x7f && !b";<=>?@[]^{|}~\\".contains(byte))
}

pub fn check_announce_ip(value: &[u8], _: Origin) -> Taken {
    if value.len() >= 46 {
        return Err("cluster-announce-ip is too long".into());
    }
    if !is_cluster_text(value) {
        return Err("cluster-announce-ip contains invalid character".into());
    }
    Ok(())
}

pub fn check_nodename(value: &[u8], _: Origin) -> Taken {
    if !is_cluster_text(value) {
        return Err("Announced human node name contained invalid character".into());
    }
    Ok(())
}

pub fn check_hostname(value: &[u8], _: Origin) -> Taken {
    if value.len() >= 256 {
        return Err("Hostnames must be less than 256 characters".into());
    }
    if !value.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.')) {
        return Err("Hostnames may only contain alphanumeric characters, hyphens or dots".into());
    }
    Ok(())
}

pub fn check_ipv4(value: &[u8], _: Origin) -> Taken {
    if value.is_empty() || parses::<Ipv4Addr>(value) { Ok(()) } else { Err("Invalid IPv4 address".into()) }
}

pub fn check_ipv6(value: &[u8], _: Origin) -> Taken {
    if value.is_empty() || parses::<Ipv6Addr>(value) { Ok(()) } else { Err("Invalid IPv6 address".into()) }
}

fn parses<T: std::str::FromStr>(value: &[u8]) -> bool {
    std::str::from_utf8(value).is_ok_and(|text| text.parse::<T>().is_ok())
}

/// A template must close its braces, name known variables only, and say something even for an idle server without a
/// title: `{title}` or `{server-mode}` alone say nothing.
pub fn check_title(value: &[u8], _: Origin) -> Taken {
    let says_something = || {
        let mut rest = std::str::from_utf8(value).ok()?;
        let mut says = false;
        while let Some((before, behind)) = rest.split_once('{') {
            says |= !before.trim_matches(' ').is_empty();
            if let Some(quoted) = behind.strip_prefix('{') {
                (says, rest) = (true, quoted);
                continue;
            }
            let (variable, tail) = behind.split_once('}')?;
            says |= match variable {
                "listen-addr" | "port" | "tls-port" | "config-file" => true,
                "title" | "server-mode" | "unixsocket" => false,
                _ => return None,
            };
            rest = tail;
        }
        Some(says || !rest.trim_matches(' ').is_empty())
    };
    if says_something() == Some(true) {
        Ok(())
    } else {
        Err("template format is invalid or contains unknown variables".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates() {
        for good in ["{title} {listen-addr} {server-mode}", "--my--title--template", "x{{y}", "{port}"] {
            assert!(check_title(good.as_bytes(), Origin::Set).is_ok(), "{good}");
        }
        for bad in ["", " ", "{title}", "{bad}", "{title", "a{"] {
            assert!(check_title(bad.as_bytes(), Origin::Set).is_err(), "{bad}");
        }
    }

    #[test]
    fn percentiles_print_short() {
        for (number, text) in
            [(50.0, "50"), (99.9, "99.9"), (99.123456789, "99.123457"), (0.0, "0"), (100.0, "100")]
        {
            assert_eq!(decimal(number), text);
        }
    }

    #[test]
    fn relative_folders_count_from_the_one_before() {
        let mut config = Config { dir: "/data".to_owned(), ..Config::default() };
        for (dir, result) in [("./", "/data"), ("a/", "/data/a"), ("/b", "/b"), ("..", "/b/..")] {
            (DIR.set)(&mut config, &[dir.into()], Origin::Set).unwrap();
            assert_eq!(config.dir, result);
        }
    }
}
