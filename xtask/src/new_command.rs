//! The skeleton of a command: spec, function and test in its family's file, and its place in the family's list.

use crate::{Result, root};

const SKELETON: &str = r#"
pub const NAME: Spec = Spec::key("{name}", {fn})
    .arity(exactly(1))
    .flags(READONLY | FAST)
    .keys(&[KeySpec::first(RO | ACCESS)])
    .acl(acl::GROUP)
    .group(Group::Generic)
    .syntax("key")
    .since("1.0.0")
    .complexity("O(1)")
    .summary("Does what it does.");

fn {fn}(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let _ = cx.db.find_read(key);
    out.null();
    Ok(())
}
"#;

pub fn run(name: &str, family: &str) -> Result {
    let file = root().join(format!("src/commands/{family}.rs"));
    let path = if file.exists() { file } else { root().join(format!("src/commands/{family}/mod.rs")) };
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}\n", path.display()))?;
    let constant = name.to_ascii_uppercase().replace('-', "_");
    let function = name.to_ascii_lowercase().replace('-', "_");
    let list = "pub const COMMANDS: &[Spec] = &[";
    let Some(at) = text.find(list) else { return Err(format!("{}: no `{list}`\n", path.display())) };
    if text.contains(&format!("const {constant}: Spec")) {
        return Err(format!("{} has {constant} already\n", path.display()));
    }
    let known = ["string", "bitmap", "list", "hash", "set", "sortedset", "stream", "geo", "hyperloglog"];
    let category = if known.contains(&family) { family.to_ascii_uppercase() } else { "KEYSPACE".into() };
    let skeleton = SKELETON
        .replace("NAME", &constant)
        .replace("GROUP", &category)
        .replace("{name}", &name.to_ascii_lowercase())
        .replace("{fn}", &function);
    let (head, tail) = text.split_at(at + list.len());
    let code = format!("{head}{constant}, {tail}");
    // Before the tests, if they are in this file.
    let end = code.find("\n#[cfg(test)]\nmod tests {").unwrap_or(code.len());
    let (head, tail) = code.split_at(end);
    std::fs::write(&path, format!("{head}{skeleton}{tail}"))
        .map_err(|e| format!("{}: {e}\n", path.display()))?;
    crate::run("cargo", &["fmt"])?;
    println!("{constant} is in {}. Next:", path.display());
    println!("- its facts (arity, flags, keys, acl, syntax) as the reference's: cargo xtask coverage");
    println!("- a transcript in the tests of the file, against the reference: cargo xtask diff FILE");
    Ok(())
}
