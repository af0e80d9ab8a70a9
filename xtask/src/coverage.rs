//! Our table beside a reference server's, as COMMAND and COMMAND DOCS of both tell it: commands that one of them
//! lacks, and facts that differ. What is in our own words is not compared: summaries, complexities, notes, the text of
//! the history, and names inside the arguments, which are made from the syntax.

use std::collections::{BTreeMap, BTreeSet};

use crate::peer::{Peer, Value};
use crate::{Result, root};

/// What COMMAND gives of a command, by position.
const FACTS: &[(usize, &str)] = &[
    (1, "arity"),
    (2, "flags"),
    (3, "first key"),
    (4, "last key"),
    (5, "step"),
    (6, "acl"),
    (7, "tips"),
    (8, "keys"),
];
/// Fields of COMMAND DOCS that are facts.
const DOCS: &[&str] = &["since", "group", "arguments", "deprecated_since", "doc_flags", "history"];

/// Facts by name, by command.
type Table = BTreeMap<String, BTreeMap<String, String>>;

pub fn run(program: &str) -> Result {
    crate::run("cargo", &["build", "--quiet"])?;
    let ours = table(&root().join("target/debug/tarn").to_string_lossy())?;
    let theirs = table(program)?;
    let names = |t: &Table| t.keys().cloned().collect::<BTreeSet<_>>();
    let (have, want) = (names(&ours), names(&theirs));
    for name in have.intersection(&want) {
        for (fact, value) in &theirs[name] {
            let mine = ours[name].get(fact).map_or("", String::as_str);
            if mine != value {
                println!("{name}: {fact}\n  ours   {mine}\n  theirs {value}");
            }
        }
    }
    let missing: Vec<&str> = want.difference(&have).map(String::as_str).collect();
    let more: Vec<&str> = have.difference(&want).map(String::as_str).collect();
    println!("missing ({}): {}", missing.len(), missing.join(" "));
    println!("ours alone ({}): {}", more.len(), more.join(" "));
    println!("{} of {} commands and subcommands of {program}", have.intersection(&want).count(), want.len());
    Ok(())
}

fn table(program: &str) -> Result<Table> {
    let peer = Peer::start(program)?;
    let mut client = peer.client()?;
    let (commands, docs) = (client.ask(&["COMMAND"])?, client.ask(&["COMMAND", "DOCS"])?);
    let mut table = Table::new();
    commands.items().iter().for_each(|c| add(c, &docs, &mut table));
    Ok(table)
}

/// Adds a command, as COMMAND tells it, and its subcommands.
fn add(command: &Value, docs: &Value, table: &mut Table) {
    let parts = command.items();
    let Some(name) = parts.first().map(Value::text) else { return };
    let mut facts = BTreeMap::new();
    for (i, fact) in FACTS {
        facts.insert(fact.to_string(), parts.get(*i).map(sorted).unwrap_or_default());
    }
    let doc = match name.split_once('|') {
        None => docs.field(&name),
        Some((container, _)) => {
            docs.field(container).and_then(|d| d.field("subcommands")).and_then(|subs| subs.field(&name))
        }
    };
    for field in DOCS {
        if let Some(value) = doc.and_then(|d| d.field(field)) {
            let fact = match *field {
                "history" => value
                    .items()
                    .iter()
                    .filter_map(|h| h.items().first())
                    .map(Value::text)
                    .collect::<Vec<_>>()
                    .join(" "),
                "arguments" => shape(value),
                _ => value.show(),
            };
            facts.insert(field.to_string(), fact);
        }
    }
    table.insert(name, facts);
    parts.get(9).map(Value::items).unwrap_or_default().iter().for_each(|sub| add(sub, docs, table));
}

/// The arguments as a syntax line shows them: types, words to type, what is optional.
fn shape(arguments: &Value) -> String {
    let one = |a: &Value| {
        let text = |name| a.field(name).map(Value::text).unwrap_or_default();
        let flags = a.field("flags").map(sorted).unwrap_or_default();
        let inner = a.field("arguments").map(|i| format!(" ({})", shape(i))).unwrap_or_default();
        format!("{} {} {flags}{inner}", text("type"), text("token"))
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    arguments.items().iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Sets are told in any order.
fn sorted(value: &Value) -> String {
    match value {
        Value::Many(b'*' | b'~', items)
            if items.iter().all(|i| matches!(i, Value::Line(_) | Value::Bulk(_))) =>
        {
            let mut texts: Vec<String> = items.iter().map(Value::text).collect();
            texts.sort();
            texts.join(" ")
        }
        Value::Many(_, items) => {
            // A map as RESP2 has it, notes left out.
            let from = 2 * items.first().is_some_and(|i| i.text() == "notes") as usize;
            items[from..].iter().map(sorted).collect::<Vec<_>>().join(" ")
        }
        other => other.text(),
    }
}
