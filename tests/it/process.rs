//! The process: command line, configuration files, signals, limits, the unix socket, and what walks the whole table.

use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;

use crate::server::{Folder, Server, run};

#[test]
fn version_and_help_are_printed() {
    for word in ["-v", "--version"] {
        let (status, out, _) = run(&[word], "");
        assert!(status.success() && out.to_lowercase().contains("tarn"), "{out}");
    }
    let (status, out, _) = run(&["--help"], "");
    assert!(status.success() && out.contains("--check-config"), "{out}");
}

#[test]
fn a_bad_configuration_stops_the_start() {
    let folder = Folder::new();
    let file = folder.path().join("bad.conf");
    std::fs::write(&file, "port 7000\nmaxmemroy 1gb\n").unwrap();
    let file = file.to_str().unwrap();
    let (status, out, err) = run(&[file], "");
    let said = format!("{out}{err}");
    assert!(!status.success(), "{said}");
    assert!(said.contains("maxmemroy") && said.contains("maxmemory"), "names it and the nearest one: {said}");
    let (status, _, err) = run(&["--check-config", file], "");
    assert!(!status.success() && err.contains("maxmemroy"), "{err}");
    let (status, out, _) = run(&["--check-config", "-", "--port", "7000"], "maxmemory 100mb\n");
    assert!(status.success(), "{out}");
}

#[test]
fn a_file_is_read_and_later_words_win() {
    let folder = Folder::new();
    let lines = "maxmemory 100mb # no comment\nappendonly no\n\"hz\" '20'\ndatabases 3\n";
    std::fs::write(folder.path().join("tarn.conf"), lines.replace(" # no comment", "")).unwrap();
    let server = Server::start_in(folder, &["--databases", "5"]);
    let mut c = server.client("");
    let mut get = |name: &str| -> String {
        redis::cmd("CONFIG").arg("GET").arg(name).query::<(String, String)>(&mut c).unwrap().1
    };
    assert_eq!([get("maxmemory"), get("hz"), get("databases")], ["104857600", "20", "5"]);
}

#[test]
fn config_rewrite_is_read_again() {
    let folder = Folder::new();
    std::fs::write(folder.path().join("tarn.conf"), "# kept\nmaxmemory 100mb\n").unwrap();
    let server = Server::start_in(folder, &[]);
    let mut c = server.client("");
    let () = redis::cmd("CONFIG")
        .arg("SET")
        .arg("maxmemory")
        .arg("200mb")
        .arg("hz")
        .arg("50")
        .exec(&mut c)
        .unwrap();
    let () = redis::cmd("CONFIG").arg("REWRITE").exec(&mut c).unwrap();
    let path = server.folder.path().join("tarn.conf");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("# kept\nmaxmemory 200mb\n"), "{text}");
    let (status, _, err) = run(&["--check-config", path.to_str().unwrap()], "");
    assert!(status.success(), "{err}");
}

#[test]
fn sigterm_ends_it_in_order() {
    for signal in [Signal::TERM, Signal::INT] {
        let server = Server::start(&["--pidfile", "tarn.pid"]);
        let pidfile = server.folder.path().join("tarn.pid");
        assert!(pidfile.exists());
        let mut c = server.tcp();
        c.ask(b"SET a 1\r\n", b"+OK\r\n");
        server.signal(signal);
        assert_eq!(c.rest(), b"");
        let socket = server.socket();
        let (status, log) = server.ended();
        assert!(status.success(), "{status}\n{log}");
        assert!(log.contains("User requested shutdown..."), "{log}");
        assert!(log.contains("bye bye..."), "{log}");
        assert!(!pidfile.exists() && !socket.exists());
    }
}

#[test]
fn sighup_is_ignored() {
    let server = Server::start(&[]);
    server.signal(Signal::HUP);
    server.tcp().ask(b"PING\r\n", b"+PONG\r\n");
}

#[test]
fn shutdown_ends_it_too() {
    let server = Server::start(&[]);
    let mut c = server.tcp();
    c.send(b"SHUTDOWN NOSAVE\r\n");
    assert_eq!(c.rest(), b"");
    let (status, log) = server.ended();
    assert!(status.success(), "{status}\n{log}");
}

#[test]
fn beyond_maxclients_there_is_an_answer() {
    let server = Server::start(&["--maxclients", "3"]);
    let mut clients: Vec<_> = (0..3).map(|_| server.tcp()).collect();
    clients.iter_mut().for_each(|c| c.ask(b"PING\r\n", b"+PONG\r\n"));
    let mut refused = server.tcp();
    assert_eq!(refused.rest(), b"-ERR max number of clients reached\r\n");
    clients.pop();
    // The place is free once the server has noticed; until then it refuses.
    let from = std::time::Instant::now();
    loop {
        let mut c = server.tcp();
        c.send(b"PING\r\nQUIT\r\n");
        if c.rest() == b"+PONG\r\n+OK\r\n" {
            break;
        }
        assert!(from.elapsed() < crate::server::PATIENCE);
    }
    clients[0].ask(b"PING\r\n", b"+PONG\r\n");
}

#[test]
fn the_unix_socket_has_its_permissions() {
    let server = Server::start(&["--unixsocketperm", "700"]);
    server.unix().ask(b"PING\r\n", b"+PONG\r\n");
    let mode = std::fs::metadata(server.socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn every_container_answers_help() {
    let server = Server::start(&[]);
    let mut c = server.client("");
    for s in tarn::exec::table::FAMILIES.iter().flat_map(|f| f.iter()) {
        if !s.subcommands.iter().any(|sub| sub.name == "help") {
            continue;
        }
        let lines: Vec<String> = redis::cmd(s.name).arg("HELP").query(&mut c).unwrap();
        let text = lines.join("\n").to_ascii_uppercase();
        assert!(text.starts_with(&s.name.to_ascii_uppercase()), "{text}");
        for sub in s.subcommands {
            assert!(
                text.contains(&sub.name.to_ascii_uppercase()),
                "{} HELP does not tell of {}",
                s.name,
                sub.name
            );
        }
    }
}
