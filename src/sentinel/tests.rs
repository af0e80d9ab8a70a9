//! One machine by itself: what it reads, how it chooses, its scripts, its clock. Groups are the simulator's.

use proptest::prelude::*;

use super::instance::{Id, Kind, O_DOWN, S_DOWN};
use super::*;
use crate::base::rng::Rng;

const NOW: Millis = 1_700_000_000_000;

fn machine(lines: &[&str]) -> Sentinel {
    let mut machine = Sentinel::new(NOW, Rng::new(1), World { resolve: |_| None, executable: |_| true });
    let words = |line: &&str| crate::base::quote::split_args(line.as_bytes()).unwrap();
    machine.load(&lines.iter().map(words).collect::<Vec<_>>()).unwrap();
    machine.begin(NOW);
    machine.outputs.clear();
    machine
}

fn only(machine: &Sentinel) -> Id {
    machine.primary_ids()[0]
}

/// Channels of the events since it was last asked.
fn events(machine: &mut Sentinel) -> Vec<&'static str> {
    let outputs = std::mem::take(&mut machine.outputs).into_iter();
    outputs.filter_map(|o| if let Output::Event { channel, .. } = o { Some(channel) } else { None }).collect()
}

#[test]
fn what_is_written_is_read_again() {
    let lines = [
        "resolve-hostnames yes",
        "announce-hostnames yes",
        "known-sentinel m \"a b\" 26379 def",
        "current-epoch 7",
        "known-sentinel m 10.0.0.9 26379 abc",
        "known-sentinel m 10.0.0.9 26379",
        "known-slave m ::1 6380",
        "rename-command m CONFIG \"a b\"",
        "auth-pass m \"pa ss\\n\"",
        "MONITOR m 10.0.0.1 6379 2",
        "monitor \"a b\" 10.0.0.2 6379 1",
        "down-after-milliseconds m 1",
        "master-reboot-down-after-period m 5",
        "config-epoch m 3",
        "leader-epoch m 6",
        "announce-ip 1.2.3.4",
        "announce-port 5",
        "deny-scripts-reconfig no",
        "notification-script m /x",
    ];
    let first = machine(&lines);
    let written: Vec<String> = first.lines().into_iter().map(|l| String::from_utf8(l).unwrap()).collect();
    let again = machine(&written.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(first.lines(), again.lines());
    assert!(written.contains(&"known-replica m ::1 6380".to_owned()), "{written:?}");
    assert!(written.contains(&"known-sentinel m 10.0.0.9 26379 \"abc\"".to_owned()), "{written:?}");
    assert!(written.contains(&"monitor \"a b\" 10.0.0.2 6379 1".to_owned()), "{written:?}");
    assert_eq!(again.epoch, 7);
}

#[test]
fn what_is_wrong_with_a_line() {
    for (lines, index, wrong) in [
        (&["monitor m 10.0.0.1 1 0"][..], 0, "Quorum must be 1 or greater."),
        (&["monitor m host 1 1"], 0, "Can't resolve instance hostname."),
        (&["monitor m 10.0.0.1 99999 1"], 0, "Invalid port number."),
        (&["monitor m 10.0.0.1 1 1", "monitor m 10.0.0.1 1 1"], 1, "Duplicate master name."),
        (&["down-after-milliseconds m 1"], 0, "No such master with specified name."),
        (&["failover-timeout m 0", "monitor m 10.0.0.1 1 1"], 0, "negative or zero time parameter."),
        (&["nosuch 1"], 0, "Unrecognized sentinel configuration statement."),
        (&["myid 12"], 0, "Malformed Sentinel id in myid option."),
        (&["resolve-hostnames x"], 0, "Please specify yes or no for the resolve-hostnames option."),
    ] {
        let mut machine = Sentinel::new(0, Rng::new(1), World { resolve: |_| None, executable: |_| true });
        let words = |line: &&str| crate::base::quote::split_args(line.as_bytes()).unwrap();
        let lines: Vec<_> = lines.iter().map(words).collect();
        assert_eq!(machine.load(&lines), Err((index, wrong.into())));
    }
}

#[test]
fn names_are_looked_up_only_if_that_is_allowed() {
    let world =
        World { resolve: |host| (host == b"db").then_some([10, 0, 0, 7].into()), executable: |_| true };
    let words = |line: &str| crate::base::quote::split_args(line.as_bytes()).unwrap();
    let mut machine = Sentinel::new(0, Rng::new(1), world);
    let lines = [words("monitor m db 1 1"), words("monitor n later 1 1"), words("resolve-hostnames yes")];
    machine.load(&lines).unwrap();
    let [m, n] = [&b"m"[..], b"n"].map(|name| machine.primary_named(name).unwrap());
    assert_eq!(machine.announced(machine.current_addr(m)), b"10.0.0.7");
    assert_eq!(machine.announced(machine.current_addr(n)), b"");
    machine.announce_hostnames = true;
    assert_eq!(machine.announced(machine.current_addr(m)), b"db");
    assert!(machine.is_at(&machine.instances[m].addr.clone(), b"10.0.0.7"));
}

#[test]
fn silence_is_down_and_a_quorum_of_one_is_enough() {
    let mut machine = machine(&["monitor m 10.0.0.1 6379 1", "down-after-milliseconds m 1000"]);
    let id = only(&machine);
    let mut now = NOW;
    let mut heard = Vec::new();
    while !machine.instances[id].is(O_DOWN) {
        now += 100;
        machine.step(now, Input::Tick);
        heard.extend(events(&mut machine));
        assert!(now < NOW + 1200);
    }
    assert_eq!(now, NOW + 1100);
    assert_eq!(heard[..2], ["+sdown", "+odown"]);
    // Nobody could take its place; the next try has its time.
    assert_eq!(heard.last(), Some(&"-failover-abort-no-good-slave"));
    assert!(machine.unsaved && machine.epoch == 1);
}

#[test]
fn a_clock_that_jumps_is_not_believed() {
    let mut machine = machine(&["monitor m 10.0.0.1 6379 1", "down-after-milliseconds m 1000"]);
    machine.step(NOW + 5000, Input::Tick);
    assert_eq!(events(&mut machine), ["+tilt"]);
    let mut now = NOW + 5000;
    while machine.tilt {
        now += 100;
        machine.step(now, Input::Tick);
    }
    assert_eq!(now, NOW + 35_000);
    assert_eq!(events(&mut machine)[..2], ["-tilt", "+sdown"]);
    machine.step(now - 1, Input::Tick);
    assert!(machine.tilt && machine.tilts == 2);
}

#[test]
fn the_best_replica_is_chosen() {
    let mut machine =
        machine(&["monitor m 10.0.0.1 6379 1", "known-replica m 10.0.0.2 1", "known-replica m 10.0.0.3 1"]);
    let id = only(&machine);
    let replicas = machine.members(id, Kind::Replica);
    assert_eq!(machine.best_replica(id), None);
    for (replica, runid) in replicas.iter().zip([b"bb", b"aa"]) {
        let one = &mut machine.instances[*replica];
        (one.runid, one.info_refresh) = (Some(runid.to_vec()), NOW);
        let link = one.link;
        machine.links[link].disconnected = false;
    }
    assert_eq!(machine.best_replica(id), Some(replicas[1]));
    machine.instances[replicas[0]].offset = 5;
    assert_eq!(machine.best_replica(id), Some(replicas[0]));
    machine.instances[replicas[1]].priority = 10;
    assert_eq!(machine.best_replica(id), Some(replicas[1]));
    machine.instances[replicas[1]].priority = 0;
    assert_eq!(machine.best_replica(id), Some(replicas[0]));
    machine.instances[replicas[0]].flags |= S_DOWN;
    assert_eq!(machine.best_replica(id), None);
}

#[test]
fn a_replica_with_an_old_info_is_asked_before_the_choice() {
    let mut machine = machine(&["monitor m 10.0.0.1 6379 1", "known-replica m 10.0.0.2 1"]);
    let id = only(&machine);
    let replica = machine.members(id, Kind::Replica)[0];
    machine.step(NOW + 1, Input::Tick);
    let conn = machine.links[machine.instances[replica].link].cmd.unwrap();
    let answers = [Answer::Status(b"OK".to_vec()), Answer::Status(b"PONG".to_vec()), Answer::Null];
    answers.into_iter().for_each(|answer| machine.step(NOW + 2, Input::Answer { conn, answer }));
    machine.instances[replica].info_refresh = NOW - 9000;
    machine.fail_over(NOW + 3, id, false).unwrap();
    machine.step(NOW + 50, Input::Tick);
    assert_eq!(machine.instances[id].state, State::SelectReplica);
    let info = b"role:slave\r\nmaster_host:10.0.0.1\r\nmaster_port:6379\r\n".to_vec();
    machine.step(NOW + 60, Input::Answer { conn, answer: Answer::Bulk(info) });
    assert_eq!(machine.instances[id].state, State::WaitPromotion);
    assert!(events(&mut machine).contains(&"+selected-slave"));
}

#[test]
fn sentinels_begin_in_the_order_of_their_ids() {
    let own = format!("myid {}", "5".repeat(40));
    let known = ["1", "9"].map(|id| format!("known-sentinel m 10.0.0.{id} 26379 {}", id.repeat(40)));
    let mut machine = machine(&["monitor m 10.0.0.1 6379 1", &own, &known[0], &known[1]]);
    let id = only(&machine);
    assert_eq!(machine.turn(id), 100);
    let first = machine.members(id, Kind::Sentinel)[0];
    machine.instances[first].flags |= S_DOWN;
    assert_eq!(machine.turn(id), 0);
}

#[test]
fn scripts_are_tried_again_and_given_up() {
    let mut machine = machine(&["monitor m 10.0.0.1 6379 1", "notification-script m /x"]);
    machine.scripts = Default::default();
    machine.told(Level::Warning, "+test", only(&machine), b"text".to_vec());
    machine.told(Level::Notice, "+quiet", only(&machine), b"text".to_vec());
    assert_eq!(machine.scripts.queue.len(), 1);
    let run = |machine: &mut Sentinel, now: Millis| {
        machine.now = now;
        machine.outputs.clear();
        machine.run_scripts();
        match machine.outputs.pop() {
            Some(Output::RunScript { job, words }) => {
                assert_eq!(words, [&b"/x"[..], b"+test", b"text"]);
                machine.step(now, Input::ScriptStarted { job, pid: 5 });
                true
            }
            _ => false,
        }
    };
    let mut now = NOW;
    for n in 0..9 {
        assert!(run(&mut machine, now), "try {n}");
        assert!(!run(&mut machine, now + 1));
        machine.step(now, Input::ScriptEnded { pid: 5, code: 1, signal: 0 });
        let wait = 30_000 << n;
        assert!(!run(&mut machine, now + wait - 1));
        now += wait;
    }
    assert!(run(&mut machine, now));
    // One that takes too long is killed, and that was the last try.
    machine.now = now + 60_001;
    machine.run_scripts();
    assert_eq!(machine.outputs.last(), Some(&Output::KillScript { pid: 5 }));
    machine.step(now, Input::ScriptEnded { pid: 5, code: 0, signal: 9 });
    assert!(machine.scripts.queue.is_empty());
    assert_eq!(events(&mut machine).last(), Some(&"-script-error"));
    for _ in 0..1000 {
        machine.schedule_script(vec![b"/y".to_vec()]);
    }
    assert_eq!(machine.scripts.queue.len(), 256);
    machine.run_scripts();
    assert_eq!(machine.scripts.running(), 16);
}

/// A machine with a connection that waits for an INFO.
fn connected() -> (Sentinel, Conn) {
    let mut machine = machine(&["monitor m 10.0.0.1 6379 1", "known-replica m 10.0.0.2 6379"]);
    machine.step(NOW + 1, Input::Tick);
    let id = only(&machine);
    let conn = machine.links[machine.instances[id].link].cmd.unwrap();
    for answer in [Answer::Null, Answer::Null] {
        machine.step(NOW + 2, Input::Answer { conn, answer });
    }
    (machine, conn)
}

fn any_answer() -> impl Strategy<Value = Answer> {
    let line = prop::sample::select(vec![
        "role:",
        "role:master",
        "role:slave",
        "slave0:ip=",
        "slave1:",
        "run_id:",
        "master_port:99999999999999999999",
        "master_link_down_since_seconds:9223372036854775807",
        "slave_priority:-1",
        ":",
        "master_host:\u{1}",
        "slave_repl_offset:18446744073709551616",
        "master_failover_state:x",
        "slave0:ip=10.0.0.3,port=-1",
        "slave0:ip=10.0.0.4,port=70000",
        "slave7:10.0.0.5,6379,online",
        "slave0:ip=10.0.0.6,port=6379,state=online",
    ]);
    let info =
        prop::collection::vec(line, 0..12).prop_map(|lines| Answer::Bulk(lines.join("\r\n").into_bytes()));
    let bytes = any::<Vec<u8>>().prop_map(Answer::Bulk);
    let down = any::<(i64, Vec<u8>, i64)>()
        .prop_map(|(a, b, c)| Answer::Array(vec![Answer::Int(a), Answer::Bulk(b), Answer::Int(c)]));
    prop_oneof![
        info,
        bytes,
        down,
        any::<i64>().prop_map(Answer::Int),
        Just(Answer::Error(b"BUSY x".to_vec()))
    ]
}

proptest! {
    #[test]
    fn any_answer_is_taken(answers in prop::collection::vec(any_answer(), 1..8), ticks in 1..40i64) {
        let (mut machine, conn) = connected();
        for answer in answers {
            machine.step(NOW + 3, Input::Answer { conn, answer });
        }
        for n in 0..ticks {
            machine.step(NOW + 3 + n * 1000, Input::Tick);
        }
        machine.lines();
    }

    #[test]
    fn any_hello_is_taken(words in prop::collection::vec("[0-9m.,:a-f-]{0,12}|18446744073709551615|10.0.0.[1-4]|6379", 8)) {
        let (mut machine, _) = connected();
        let mut words = words;
        words[4] = "m".into();
        machine.take_hello(NOW + 3, words.join(",").as_bytes());
        let id = only(&machine);
        let _ = machine.fail_over(NOW + 4, id, false);
        machine.step(NOW + 50, Input::Tick);
        machine.lines();
    }
}
