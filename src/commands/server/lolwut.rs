//! LOLWUT: a mountain lake, another one each time, drawn with characters. A tarn is one.

use crate::base::limits;
use crate::base::rng::Rng;
use crate::engine::args::Args;
use crate::engine::cx::ServerCx;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::resp::Reply;
use crate::sys::version;

pub const LOLWUT: Spec = Spec::server("lolwut", lolwut)
    .arity(at_least(0))
    .flags(READONLY | FAST)
    .group(Group::Server)
    .syntax("[VERSION version]")
    .since("5.0.0")
    .complexity("O(N) with N characters drawn")
    .summary("Draws a mountain lake, and tells the version.");

fn lolwut(cx: &mut ServerCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if args.left() > 1 && args.eat("VERSION") {
        // There is one picture: every version of it is this one.
        args.int()?;
    }
    let usage = Error::text("ERR Syntax error. Use: LOLWUT [columns rows]");
    let (mut columns, mut rows) = (66, 8);
    if args.left() > 0 {
        columns = args.int_in(1..=limits::PICTURE_COLUMNS_MAX, usage.clone())?;
        rows = args.int_in(1..=limits::PICTURE_ROWS_MAX, usage)?;
    }
    let like =
        if cx.server.config.extended_redis_compatibility { "Redis ver. 8.0" } else { "Valkey ver. 9.1" };
    let mut text = picture(&mut cx.server.rng, columns as usize, rows as usize);
    text.push_str(&format!("\nTarn ver. {} (as {like})\n", version::VERSION));
    out.verbatim("txt", text.as_bytes());
    Ok(())
}

/// Mountains of up to `rows` lines above the shore, and what the water shows of them.
fn picture(rng: &mut Rng, columns: usize, rows: usize) -> String {
    let ridge = ridge(rng, columns, rows);
    let mut lines: Vec<String> = (0..rows)
        .map(|from_top| {
            let height = rows - from_top;
            let land = |x: usize| match ridge[x] {
                h if h < height => ' ',
                h if h == height && h * 4 > rows * 3 => '*',
                h if h == height => '^',
                _ => ':',
            };
            (0..columns).map(land).collect()
        })
        .collect();
    lines.push("=".repeat(columns));
    for depth in 1..=rows.div_ceil(2) {
        let water = |x: usize| match ridge[x] {
            // Ripples break the picture, the more the further from the far shore.
            h if h >= 2 * depth && rng.below(2 * rows as u64) > depth as u64 => '.',
            _ if rng.below(4) == 0 => '~',
            _ => ' ',
        };
        lines.push((0..columns).map(water).collect());
    }
    lines.iter().map(|l| l.trim_end().to_string() + "\n").collect()
}

/// Heights from 0 to `top`, a walk that keeps its direction for a while.
fn ridge(rng: &mut Rng, columns: usize, top: usize) -> Vec<usize> {
    let (mut height, mut up) = (rng.below(top as u64 + 1) as usize, true);
    let mut heights = Vec::with_capacity(columns);
    for _ in 0..columns {
        heights.push(height);
        if rng.below(5) == 0 {
            up = !up;
        }
        let step = rng.below(2) as usize;
        height = if up { (height + step).min(top) } else { height.saturating_sub(step) };
        up = if height == top { false } else { up || height == 0 };
    }
    heights
}

#[cfg(test)]
mod tests {
    use crate::engine::config::Config;
    use crate::testkit::{Kit, check};

    #[test]
    fn what_it_is_asked_for() {
        check(
            "> LOLWUT                | *
             > LOLWUT VERSION 5      | *
             > LOLWUT VERSION 6 4 2  | *
             > LOLWUT VERSION x      | -ERR value is not an integer or out of range
             > LOLWUT VERSION        | -ERR Syntax error. Use: LOLWUT [columns rows]
             > LOLWUT 100000 2       | -ERR Syntax error. Use: LOLWUT [columns rows]
             > LOLWUT 10             | -ERR syntax error",
        );
    }

    #[test]
    fn the_last_line_tells_the_version() {
        let mut kit = Kit::new(Config::default());
        let heard = String::from_utf8(kit.raw("c", b"LOLWUT\r\n")).unwrap();
        let last = heard.trim_end().lines().last().unwrap().to_string();
        assert!(last.starts_with("Tarn ver. ") && last.ends_with("(as Valkey ver. 9.1)"), "{last}");
        assert_ne!(heard.as_bytes(), kit.raw("c", b"LOLWUT\r\n"), "another picture each time");
    }
}
