//! COMMAND: the table of commands as clients ask for it. Everything comes from the specs.

use crate::base::glob;
use crate::commands::help;
use crate::engine::args::Args;
use crate::engine::cx::ServerCx;
use crate::engine::error::{Error, Result};
use crate::engine::keys::{keys_of, legacy_range};
use crate::engine::spec::*;
use crate::engine::syntax::{self, Argument};
use crate::engine::table::{Command, CommandTable};
use crate::resp::Reply;

pub const COMMAND: Spec = Spec::server("command", all)
    .subcommands(&[COUNT, DOCS, GETKEYS, GETKEYSANDFLAGS, HELP, INFO, LIST])
    .arity(at_least(0))
    .flags(LOADING | STALE)
    .acl(acl::CONNECTION)
    .group(Group::Server)
    .since("2.8.13")
    .complexity("O(N) with N commands")
    .tips(UNORDERED)
    .summary("Returns all that clients need to know of every command.");

const UNORDERED: &[&str] = &["nondeterministic_output_order"];

const HELP: Spec = help::spec(Group::Server, "5.0.0").acl(acl::CONNECTION);

const fn sub(name: &'static str, f: fn(&mut ServerCx<'_>, &mut Args<'_>, &mut Reply<'_>) -> Result) -> Spec {
    Spec::server(name, f).flags(LOADING | STALE).acl(acl::CONNECTION).group(Group::Server).since("2.8.13")
}

fn all(cx: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    // A first argument that is no subcommand does not come here: the gate refuses it.
    show_all(&cx.server.commands, out);
    Ok(())
}

fn show_all(table: &CommandTable, out: &mut Reply<'_>) {
    out.array(table.len());
    table.top().for_each(|c| show(table, c, out));
}

const COUNT: Spec = sub("count", count).arity(exactly(1)).summary("Returns how many commands there are.");

fn count(cx: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    out.int(cx.server.commands.len() as i64);
    Ok(())
}

const INFO: Spec = sub("info", info)
    .arity(at_least(1))
    .syntax("[command-name [command-name ...]]")
    .complexity("O(N) with N commands asked for")
    .history(&[("7.0.0", "Without names, tells of all commands.")])
    .tips(UNORDERED)
    .summary("Returns what clients need to know of these commands.");

fn info(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let table = &cx.server.commands;
    args.seek(2);
    if args.left() == 0 {
        show_all(table, out);
        return Ok(());
    }
    out.array(args.left());
    for name in args.rest() {
        match find(table, name) {
            Some(c) => show(table, c, out),
            None => out.null(),
        }
    }
    Ok(())
}

/// Finds `name` or `name|sub`.
fn find<'t>(table: &'t CommandTable, name: &[u8]) -> Option<&'t Command> {
    match name.iter().position(|&b| b == b'|') {
        None => table.find(name),
        Some(bar) => table.find_sub(table.find(&name[..bar])?, &name[bar + 1..]),
    }
}

/// One command: ten fields.
fn show(table: &CommandTable, c: &Command, out: &mut Reply<'_>) {
    let spec = c.spec;
    out.array(10);
    out.bulk(c.full_name.as_bytes());
    out.int(spec.arity as i64);
    names(FLAG_NAMES.iter().filter(|(bit, _)| spec.has(*bit)).map(|(_, name)| *name), out);
    let (first, last, step) = legacy_range(spec.keys);
    [first, last, step].into_iter().for_each(|n| out.int(n));
    let categories = ACL_NAMES.iter().enumerate().filter(|(i, _)| spec.acl_categories() >> i & 1 == 1);
    let categories: Vec<String> = categories.map(|(_, name)| format!("@{name}")).collect();
    names(categories.iter().map(String::as_str), out);
    out.set(spec.tips.len());
    spec.tips.iter().for_each(|tip| out.bulk(tip.as_bytes()));
    out.set(spec.keys.len());
    spec.keys.iter().for_each(|k| show_keys(k, out));
    let subs = table.subs(c);
    out.array(subs.len());
    subs.for_each(|sub| show(table, sub, out));
}

/// A set of words.
fn names<'a>(words: impl Iterator<Item = &'a str> + Clone, out: &mut Reply<'_>) {
    out.set(words.clone().count());
    words.for_each(|w| out.status(w));
}

fn key_flags(flags: KeyFlags, out: &mut Reply<'_>) {
    names(KEY_FLAG_NAMES.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, name)| *name), out);
}

fn show_keys(k: &KeySpec, out: &mut Reply<'_>) {
    let pair = |out: &mut Reply<'_>, name: &str, n: i64| {
        out.bulk(name.as_bytes());
        out.int(n);
    };
    let typed = |out: &mut Reply<'_>, kind: &str, fields: usize| {
        out.map(2);
        out.bulk(b"type");
        out.bulk(kind.as_bytes());
        out.bulk(b"spec");
        out.map(fields);
    };
    out.map(3 + !k.notes.is_empty() as usize);
    if !k.notes.is_empty() {
        out.bulk(b"notes");
        out.bulk(k.notes.as_bytes());
    }
    out.bulk(b"flags");
    key_flags(k.flags, out);
    out.bulk(b"begin_search");
    match k.begin {
        Begin::Index(i) => {
            typed(out, "index", 1);
            pair(out, "index", i as i64);
        }
        Begin::Keyword(word, from) => {
            typed(out, "keyword", 2);
            out.bulk(b"keyword");
            out.bulk(word.as_bytes());
            pair(out, "startfrom", from as i64);
        }
        Begin::Unknown => typed(out, "unknown", 0),
    }
    out.bulk(b"find_keys");
    match k.find {
        Find::Range { last, step, limit } => {
            typed(out, "range", 3);
            pair(out, "lastkey", last as i64);
            pair(out, "keystep", step as i64);
            pair(out, "limit", limit as i64);
        }
        Find::Count { count, first, step } => {
            typed(out, "keynum", 3);
            pair(out, "keynumidx", count as i64);
            pair(out, "firstkey", first as i64);
            pair(out, "keystep", step as i64);
        }
        Find::Unknown => typed(out, "unknown", 0),
    }
}

const LIST: Spec = sub("list", list)
    .arity(at_least(1))
    .since("7.0.0")
    .syntax("[FILTERBY MODULE module-name|ACLCAT category|PATTERN pattern]")
    .complexity("O(N) with N commands")
    .tips(UNORDERED)
    .summary("Returns the names of commands.");

fn list(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    args.seek(2);
    let table = &cx.server.commands;
    let mut found: Vec<&Command> = table.reachable().collect();
    if args.left() > 0 {
        if args.left() != 3 || !args.eat("FILTERBY") {
            return Err(Error::SYNTAX);
        }
        let (by, what) = (args.bytes_arg()?, args.bytes_arg()?);
        if by.eq_ignore_ascii_case(b"MODULE") {
            // No command comes from a module.
            found.clear();
        } else if by.eq_ignore_ascii_case(b"ACLCAT") {
            let bit = ACL_NAMES.iter().position(|n| n.as_bytes().eq_ignore_ascii_case(what));
            found.retain(|c| bit.is_some_and(|i| c.spec.acl_categories() >> i & 1 == 1));
        } else if by.eq_ignore_ascii_case(b"PATTERN") {
            found.retain(|c| glob::matches(what, c.full_name.as_bytes(), true));
        } else {
            return Err(Error::SYNTAX);
        }
    }
    out.array(found.len());
    found.iter().for_each(|c| out.bulk(c.full_name.as_bytes()));
    Ok(())
}

const GETKEYS: Spec = sub("getkeys", getkeys)
    .arity(at_least(2))
    .syntax("command [arg [arg ...]]")
    .complexity("O(N) with N arguments of the command")
    .summary("Returns the keys among the arguments of a command.");

fn getkeys(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    keys_among(cx, args, out, false)
}

const GETKEYSANDFLAGS: Spec = sub("getkeysandflags", getkeysandflags)
    .arity(at_least(2))
    .since("7.0.0")
    .syntax("command [arg [arg ...]]")
    .complexity("O(N) with N arguments of the command")
    .summary("Returns the keys among the arguments of a command, and what it does to them.");

fn getkeysandflags(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    keys_among(cx, args, out, true)
}

fn keys_among(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>, flags: bool) -> Result {
    let table = &cx.server.commands;
    let request = args.from(2);
    let invalid = Error::text("ERR Invalid command specified");
    let mut command = table.find(request.get(0)).ok_or(invalid.clone())?;
    if !command.subs.is_empty() && request.len() > 1 {
        command = table.find_sub(command, request.get(1)).ok_or(invalid)?;
    }
    let spec = command.spec;
    if spec.keys.is_empty() && spec.find_keys.is_none() {
        return Err(Error::text("ERR The command has no key arguments"));
    }
    if !spec.takes(request.len()) {
        return Err(Error::text("ERR Invalid number of arguments specified for command"));
    }
    let found = keys_of(spec, &request).unwrap_or_default();
    if found.is_empty() && !spec.has(NO_MANDATORY_KEYS) {
        return Err(Error::text("ERR Invalid arguments specified for command"));
    }
    out.array(found.len());
    for (i, what) in found {
        if flags {
            out.array(2);
        }
        out.bulk(request.get(i));
        if flags {
            key_flags(what, out);
        }
    }
    Ok(())
}

const DOCS: Spec = sub("docs", docs)
    .arity(at_least(1))
    .since("7.0.0")
    .syntax("[command-name [command-name ...]]")
    .complexity("O(N) with N commands asked for")
    .tips(UNORDERED)
    .summary("Returns the documentation of these commands, or of all.");

fn docs(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let table = &cx.server.commands;
    args.seek(2);
    let wanted: Vec<&Command> = match args.left() {
        0 => table.top().collect(),
        _ => args.rest().filter_map(|name| find(table, name)).collect(),
    };
    out.map(wanted.len());
    wanted.iter().for_each(|c| show_docs(table, c, out));
    Ok(())
}

fn text(out: &mut Reply<'_>, name: &str, value: &str) {
    out.bulk(name.as_bytes());
    out.bulk(value.as_bytes());
}

/// A command's name and documentation.
fn show_docs(table: &CommandTable, c: &Command, out: &mut Reply<'_>) {
    let spec = c.spec;
    let arguments = syntax::parse(&c.full_name, spec.syntax, spec.keys.len());
    let subs = table.subs(c);
    let doc_flags: Vec<&str> = [(spec.deprecated.is_some(), "deprecated"), (spec.has(SYSTEM), "syscmd")]
        .into_iter()
        .filter_map(|(set, name)| set.then_some(name))
        .collect();
    out.bulk(c.full_name.as_bytes());
    let fields = 4
        + 2 * spec.deprecated.is_some() as usize
        + !doc_flags.is_empty() as usize
        + !spec.history.is_empty() as usize
        + !arguments.is_empty() as usize
        + (subs.len() > 0) as usize;
    out.map(fields);
    text(out, "summary", spec.summary);
    text(out, "since", spec.since);
    text(out, "group", spec.group.name());
    text(out, "complexity", spec.complexity);
    if !doc_flags.is_empty() {
        out.bulk(b"doc_flags");
        names(doc_flags.iter().copied(), out);
    }
    if let Some((since, instead)) = spec.deprecated {
        text(out, "deprecated_since", since);
        text(out, "replaced_by", instead);
    }
    if !spec.history.is_empty() {
        out.bulk(b"history");
        out.set(spec.history.len());
        for (version, change) in spec.history {
            out.array(2);
            out.bulk(version.as_bytes());
            out.bulk(change.as_bytes());
        }
    }
    if !arguments.is_empty() {
        out.bulk(b"arguments");
        show_arguments(&arguments, out);
    }
    if subs.len() > 0 {
        out.bulk(b"subcommands");
        out.map(subs.len());
        subs.for_each(|sub| show_docs(table, sub, out));
    }
}

fn show_arguments(arguments: &[Argument], out: &mut Reply<'_>) {
    out.array(arguments.len());
    for a in arguments {
        let flags =
            [(a.optional, "optional"), (a.multiple, "multiple"), (a.multiple_token, "multiple_token")];
        let flags = flags.into_iter().filter(|(set, _)| *set).map(|(_, name)| name);
        let some = flags.clone().count() > 0;
        let fields = 3 + a.key_spec.is_some() as usize + a.token.is_some() as usize + some as usize;
        out.map(fields);
        text(out, "name", &a.name);
        text(out, "type", a.kind.name());
        if a.children.is_empty() {
            text(out, "display_text", &a.name);
        }
        if let Some(n) = a.key_spec {
            out.bulk(b"key_spec_index");
            out.int(n as i64);
        }
        if let Some(token) = &a.token {
            text(out, "token", token);
        }
        if some {
            out.bulk(b"flags");
            names(flags, out);
        }
        if !a.children.is_empty() {
            out.bulk(b"arguments");
            show_arguments(&a.children, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::config::Config;
    use crate::engine::syntax::{parse, render};
    use crate::exec::table;
    use crate::testkit::{Kit, check, check_plain, check_resp3};

    #[test]
    fn what_clients_need_to_know() {
        let get = "[ \"get\" :2 ~[ +readonly +fast ] :1 :1 :1 ~[ +@read +@string +@fast ] ~[ ] ~[ { \"flags\" ~[ +RO \
                   +access ] \"begin_search\" { \"type\" \"index\" \"spec\" { \"index\" :1 } } \"find_keys\" { \"type\" \
                   \"range\" \"spec\" { \"lastkey\" :0 \"keystep\" :1 \"limit\" :0 } } } ] [ ] ]";
        check_resp3(&format!("> COMMAND INFO get nosuch get|x | [ {get} nil nil ]"));
        check_plain(
            "> COMMAND INFO config|rewrite | [ [ \"config|rewrite\" :2 [ +admin +noscript +loading +stale ] :0 :0 :0 [ +@admin +@slow +@dangerous ] [ \"request_policy:all_nodes\" \"response_policy:all_succeeded\" ] [ ] [ ] ] ]",
        );
        let mut kit = Kit::new(Config::default());
        let count = format!(":{}\r\n", kit.exec.server.commands.len());
        assert_eq!(String::from_utf8(kit.raw("c", b"COMMAND COUNT\r\n")).unwrap(), count);
        let all = kit.raw("c", b"COMMAND\r\n");
        assert!(all.starts_with(format!("*{}\r\n*10\r\n", &count[1..count.len() - 2]).as_bytes()));
        assert_eq!(kit.raw("c", b"COMMAND INFO\r\n"), all);
    }

    #[test]
    fn names_by_filter() {
        check(
            "> COMMAND LIST FILTERBY PATTERN config|re* | [ \"config|resetstat\" \"config|rewrite\" ]
             > COMMAND LIST FILTERBY ACLCAT nosuch      | [ ]
             > COMMAND LIST FILTERBY MODULE m           | [ ]
             > COMMAND LIST FILTERBY x y                | -ERR syntax error
             > COMMAND LIST x                           | -ERR syntax error
             > COMMAND LIST                             | *
             > COMMAND nosuch                           | -ERR unknown subcommand 'nosuch'. Try COMMAND HELP.
             > COMMAND HELP                             | *",
        );
    }

    #[test]
    fn keys_among_arguments() {
        check(
            "> COMMAND GETKEYS get k            | [ \"k\" ]
             > COMMAND GETKEYS get              | -ERR Invalid number of arguments specified for command
             > COMMAND GETKEYS nosuch           | -ERR Invalid command specified
             > COMMAND GETKEYS config nosuch x  | -ERR Invalid command specified
             > COMMAND GETKEYS ping             | -ERR The command has no key arguments
             > COMMAND GETKEYS del a b          | [ \"a\" \"b\" ]
             > COMMAND GETKEYS object freq k    | [ \"k\" ]
             > COMMAND GETKEYSANDFLAGS get k    | [ [ \"k\" [ +RO +access ] ] ]",
        );
    }

    #[test]
    fn documentation() {
        check_resp3(
            "> COMMAND DOCS config|set nosuch | { \"config|set\" { \"summary\" \"Changes settings while the server runs.\" \"since\" \"2.0.0\" \"group\" \"server\" \"complexity\" \"O(N) with N settings changed\" \"history\" ~[ [ \"7.0.0\" \"Takes several settings.\" ] ] \"arguments\" [ { \"name\" \"parameter-block\" \"type\" \"block\" \"flags\" ~[ +multiple ] \"arguments\" [ { \"name\" \"parameter\" \"type\" \"string\" \"display_text\" \"parameter\" } { \"name\" \"value\" \"type\" \"string\" \"display_text\" \"value\" } ] } ] } }",
        );
        let mut kit = Kit::new(Config::default());
        let all = kit.raw("c", b"COMMAND DOCS\r\n");
        assert!(all.starts_with(format!("*{}\r\n", 2 * kit.exec.server.commands.len()).as_bytes()));
    }

    #[test]
    fn every_syntax_line_is_understood() {
        for c in table::commands().all() {
            let line = c.spec.syntax;
            let shown = line.replace(['(', ')'], "");
            assert_eq!(render(&parse(&c.full_name, line, c.spec.keys.len())), shown, "{}", c.full_name);
        }
    }
}
