//! Loading: the command line, files and includes, what a problem says.

use super::*;
use crate::sys::disk::{MemoryDisk, replace};
use proptest::prelude::*;

/// A file system of a few texts.
fn disk(files: &[(&str, &str)]) -> MemoryDisk {
    let disk = MemoryDisk::new();
    for (path, text) in files {
        let path = Path::new(path);
        disk.create_dir(path.parent().unwrap()).unwrap();
        replace(&disk, path, text.as_bytes()).unwrap();
    }
    disk
}

fn words(words: &[&str]) -> Words {
    words_to_lines(&words.iter().map(OsString::from).collect::<Vec<_>>())
}

fn start(arguments: &[&str], files: &MemoryDisk) -> Result<Config, String> {
    load(&words(arguments).sources(Vec::new()), files, false).map_err(|problems| problems[0].fatal("x"))
}

fn parse(text: &str) -> Result<Config, Vec<String>> {
    parse_text(text.as_bytes()).map_err(|problems| problems.iter().map(Problem::to_string).collect())
}

#[test]
fn words_become_lines() {
    for (arguments, lines) in [
        (&["--port", "7000"][..], "port \"7000\" "),
        (&["--port", "6379", "6380"], "port \"6379\" \"6380\" "),
        (&["--port", "--bla", "--loglevel", "verbose"], "port \"--bla\" \nloglevel \"verbose\" "),
        (&["--port", "--loglevel", "verbose"], "port \"--loglevel\" \"verbose\" "),
        (
            &["--maxmemory 700mb", "--maxmemory-policy volatile-lru"],
            "maxmemory 700mb \nmaxmemory-policy volatile-lru ",
        ),
        (&["--save", "--loglevel", "verbose"], "save \"\"\nloglevel \"verbose\" "),
        (&["--loglevel", "verbose", "--save"], "loglevel \"verbose\" \nsave \"\""),
        (&["--save", "", "--loglevel", "verbose"], "save \"\" \nloglevel \"verbose\" "),
        (&["--save", "900 1", "--save", "60 1"], "save \"900 1\" \nsave \"60 1\" "),
        (&["--sentinel", "--port", "1"], "sentinel \nport \"1\" "),
        (&["--replicaof", "--127.0.0.1", "--abc"], "replicaof \"--127.0.0.1\" \nabc "),
        (&["--port=7000"], "port=7000 "),
        (&["--requirepass", "-x"], "requirepass \"-x\" "),
    ] {
        let found = words(arguments);
        assert_eq!(String::from_utf8_lossy(&found.lines), lines, "{arguments:?}");
        assert!(found.file.is_none() && !found.stdin);
    }
}

#[test]
fn file_and_standard_input_are_told_from_words() {
    let found = words(&["a.conf", "loglevel", "verbose", "--maxmemory '700mb'", "-"]);
    assert_eq!((found.file.as_deref(), found.stdin), (Some(Path::new("a.conf")), true));
    assert_eq!(String::from_utf8_lossy(&found.lines), "\"loglevel\" \"verbose\" \nmaxmemory '700mb' ");
    assert!(words(&["-", "--port", "1"]).stdin);
    // In between it is a value, as for a log to standard output.
    assert!(!words(&["--logfile", "-", "--port", "1"]).stdin);
    assert_eq!(words(&[]), Words::default());
}

#[test]
fn later_sources_win() {
    let files = disk(&[("a.conf", "port 1\nloglevel debug\ntimeout 5\n")]);
    let mut sources = words(&["a.conf", "-", "--port", "3"]).sources(b"port 2\nloglevel warning".to_vec());
    assert_eq!(sources.len(), 2, "`-` stands neither first nor last");
    sources.insert(1, Source::Stdin(b"port 2\nloglevel warning".to_vec()));
    sources.truncate(3);
    let config = load(&sources[..2], &files, false).unwrap();
    assert_eq!((config.port, config.timeout), (2, 5));
    let config = start(&["a.conf", "--port", "3"], &files).unwrap();
    assert_eq!((config.port, config.timeout), (3, 5));
}

#[test]
fn save_lines_add_up_and_the_first_drops_the_default() {
    let files =
        disk(&[("a.conf", "save 900 1"), ("b.conf", "port 1"), ("c.conf", "save 1 1\nsave ''\nsave 2 2")]);
    for (arguments, saved) in [
        (&["a.conf", "--save", "100", "100"][..], "900 1 100 100"),
        (&["a.conf", "--save", ""], ""),
        (&["a.conf", "--save"], ""),
        (&["b.conf"], "3600 1 300 100 60 10000"),
        (&["b.conf", "--save", "5 6"], "5 6"),
        (&["c.conf"], "2 2"),
    ] {
        let config = start(arguments, &files).unwrap();
        assert_eq!(config.value("save").unwrap(), saved.as_bytes(), "{arguments:?}");
    }
}

#[test]
fn lines_are_read_as_the_reference_does() {
    let config = parse(
        "# a comment\n\r\n  PORT 7000\r\n\trequirepass \"a\\x41 b\"\nslave-priority 7\nhash-max-ziplist-entries 21\n\
         shutdown-on-sigint \"now force\"\nlist-max-ziplist-entries 5\nbind 127.0.0.1 -::1\nmaxmemory '1gb'\n\
         client-output-buffer-limit slave 1mb 2mb 3\nclient-output-buffer-limit pubsub 0 0 0\nactivedefrag yes\n\
         rename-command CONFIG \"\"\nuser bob on >x\nuser eve off\nhz 100000\nreplicaof h 1\ndir a\ndir b\nsentinel\n",
    )
    .unwrap();
    assert_eq!((config.port, config.replica_priority, config.hash_max_listpack_entries), (7000, 7, 21));
    assert_eq!((config.requirepass.as_slice(), config.maxmemory, config.hz), (&b"aA b"[..], 1 << 30, 500));
    assert_eq!(config.bind, ["127.0.0.1", "-::1"]);
    assert_eq!(config.client_output_buffer_limit.replica.hard, 1 << 20);
    assert_eq!(config.client_output_buffer_limit.pubsub, Default::default());
    assert_eq!(config.rename_command, [(b"CONFIG".to_vec(), Vec::new())]);
    assert_eq!((config.user.len(), config.activedefrag, config.dir.as_str()), (2, true, "./a/b"));
}

#[test]
fn every_problem_is_named_with_its_line() {
    let problems = parse(
        "port 1\nprot 2\nport\nport 1 2\nloglevel \"x\nbogus-directive 1\ninclude x\nsentinel a b\nuser\n\
                          rename-command a\nmaxmemory 1x",
    )
    .unwrap_err();
    let expected = [
        "standard input, line 2: 'prot 2': Bad directive or wrong number of arguments (unknown directive 'prot', did you mean 'port'?)",
        "standard input, line 3: 'port': wrong number of arguments",
        "standard input, line 4: 'port 1 2': wrong number of arguments",
        "standard input, line 5: 'loglevel \"x': Unbalanced quotes in configuration line",
        "standard input, line 6: 'bogus-directive 1': Bad directive or wrong number of arguments (unknown directive 'bogus-directive')",
        "x: Fatal error, can't open config file 'x': unsupported",
        "standard input, line 8: 'sentinel a b': sentinel directive while not in sentinel mode",
        "standard input, line 9: 'user': Bad directive or wrong number of arguments",
        "standard input, line 10: 'rename-command a': Bad directive or wrong number of arguments",
        "standard input, line 11: 'maxmemory 1x': argument must be a memory value",
    ];
    assert_eq!(problems, expected);
}

#[test]
fn a_fatal_problem_reads_as_the_reference_and_names_the_file() {
    let files = disk(&[("a.conf", "port 1\n\n maxmemroy 5 \n")]);
    assert_eq!(
        start(&["a.conf"], &files).unwrap_err(),
        "\n*** FATAL CONFIG FILE ERROR (Version x) ***\nReading the configuration file, at line 3\n>>> 'maxmemroy 5'\n\
         Bad directive or wrong number of arguments\n\
         a.conf, line 3: unknown directive 'maxmemroy', did you mean 'maxmemory'?\n"
    );
    assert!(
        start(&["b.conf"], &files).unwrap_err().contains("Fatal error, can't open config file 'b.conf': ")
    );
    for (arguments, text) in [
        (&["--port"][..], ">>> 'port'\nwrong number of arguments"),
        (&["--port", "6379", "6380"], ">>> 'port \"6379\" \"6380\"'\nwrong number of arguments"),
        (&["--port", "--bla"], ">>> 'port \"--bla\"'\nargument couldn't be parsed into an integer"),
        (&["--shutdown-on-sigint"], ">>> 'shutdown-on-sigint'\nargument(s) must be one of the following"),
        (
            &["--replicaof", "--127.0.0.1", "abc"],
            ">>> 'replicaof \"--127.0.0.1\" \"abc\"'\nInvalid primary port",
        ),
        (
            &["--replicaof", "--127.0.0.1", "--abc"],
            ">>> 'replicaof \"--127.0.0.1\"'\nwrong number of arguments",
        ),
        (&["--unixsocketperm", "800"], "argument couldn't be parsed as an octal number"),
        (&["--unixsocketperm", "1000"], "argument must be between 0 and 777 inclusive"),
        (
            &["--cluster-enabled", "yes", "--replicaof", "h", "1"],
            "replicaof directive not allowed in cluster mode",
        ),
    ] {
        let fatal = start(arguments, &files).unwrap_err();
        assert!(fatal.contains(text), "{arguments:?}: {fatal}");
    }
}

#[test]
fn includes_are_read_where_they_stand() {
    let files = disk(&[
        ("/etc/t.conf", "port 1\ninclude /etc/d/*.conf\ntimeout 9\n"),
        ("/etc/d/20.conf", "port 3\nhz 20"),
        ("/etc/d/10.conf", "port 2\ntimeout 1"),
        ("/etc/d/.hidden.conf", "port 99"),
        ("/etc/d/x.txt", "port 98"),
        ("/etc/none.conf", "include /nowhere/*.conf\ninclude /etc/d/[ab].conf"),
        ("/etc/lost.conf", "include /nowhere/x.conf"),
        ("/etc/loop.conf", "include /etc/loop.conf"),
    ]);
    let config = start(&["/etc/t.conf"], &files).unwrap();
    assert_eq!((config.port, config.timeout, config.hz), (3, 9, 20));
    assert_eq!(start(&["/etc/none.conf"], &files).unwrap(), Config::default());
    assert!(
        start(&["/etc/lost.conf"], &files).unwrap_err().contains("can't open config file '/nowhere/x.conf'")
    );
    assert!(start(&["/etc/loop.conf"], &files).unwrap_err().contains("include one another"));
}

#[test]
fn a_missing_folder_is_named_with_its_line() {
    let files = disk(&[("/data/dump.rdb", "")]);
    assert_eq!(start(&["--dir", "/data"], &files).unwrap().dir, "/data");
    for (dir, reason) in [("/nowhere", ""), ("/data/dump.rdb", "Not a directory")] {
        let fatal = start(&["--dir", dir], &files).unwrap_err();
        assert!(fatal.contains(&format!(">>> 'dir \"{dir}\"'\n{reason}")), "{fatal}");
    }
}

#[test]
fn a_file_that_is_no_configuration_ends_early() {
    assert_eq!(
        parse_text("x 1\n".repeat(100_000).as_bytes()).unwrap_err().len(),
        limits::CONFIG_PROBLEMS_MAX
    );
}

#[test]
fn sentinel_lines_are_kept_for_a_sentinel() {
    let sources = [Source::Stdin(b"sentinel monitor m 127.0.0.1 1 2\nport 5".to_vec())];
    let config = load(&sources, &MemoryDisk::new(), true).unwrap();
    assert_eq!(config.sentinel[0][0], b"monitor");
}

#[test]
fn the_nearest_name_is_near() {
    for (name, near) in [
        ("maxmemory-polcy", Some("maxmemory-policy")),
        ("ports", Some("port")),
        ("appendonly-", Some("appendonly")),
        ("slave-of", Some("slaveof")),
        ("completely-different", None),
        ("x", None),
    ] {
        assert_eq!(nearest(name), near, "{name}");
    }
    assert_eq!(edits(b"kitten", b"sitting"), 3);
    assert_eq!(edits(b"", b"abc"), 3);
    assert_eq!(edits(b"abc", b""), 3);
    assert_eq!(edits(b"prot", b"port"), 1);
}

proptest! {
    #[test]
    fn any_bytes_are_taken(text: Vec<u8>) {
        let _ = parse_text(&text);
    }

    #[test]
    fn any_value_of_any_directive_is_taken(row in 0usize..300, value: Vec<u8>) {
        if let Some((name, _)) = table::names().nth(row) {
            let line = [name.as_bytes(), b" ", &quote::repr(&value)].concat();
            let _ = parse_text(&line);
        }
    }
}
