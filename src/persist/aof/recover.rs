//! Going back to a moment: the annotations are the restore points of the folder and of the history that it keeps
//! (`aof-history-retain`). What is recovered is made of copies, under new names: the files so far become history, so that
//! whoever has gone back too far can go forward again.

use std::io;

use super::annotation::Annotation;
use super::folder::{Folder, FolderError};
use super::manifest::Info;
use super::scan::{Item, verify};
use crate::sys::disk::Open;

/// Where to go back to: the last point that is not behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Milliseconds of Unix time.
    Ms(u64),
    /// An offset of the propagated stream.
    Offset(u64),
}

/// Numbers from here on are moments, those below offsets: a moment since 2001.
const MS_MIN: u64 = 1_000_000_000_000;
/// Bytes copied at once.
const COPY: usize = 1 << 20;

impl Target {
    /// Reads `1700000000000` (a moment), `123456` (an offset), `ms:N` or `offset:N`.
    pub fn parse(text: &str) -> Option<Target> {
        if let Some(ms) = text.strip_prefix("ms:") {
            return ms.parse().ok().map(Target::Ms);
        }
        if let Some(offset) = text.strip_prefix("offset:") {
            return offset.parse().ok().map(Target::Offset);
        }
        text.parse().ok().map(|n| if n >= MS_MIN { Target::Ms(n) } else { Target::Offset(n) })
    }

    fn allows(self, a: &Annotation) -> bool {
        match self {
            Target::Ms(ms) => a.ms <= ms,
            Target::Offset(offset) => a.offset <= offset,
        }
    }

    /// Whether `a` is nearer than `b`, of those that are allowed. Of equals the one that was met first is.
    fn prefers(self, a: &Annotation, b: &Annotation) -> bool {
        match self {
            Target::Ms(_) => a.ms > b.ms,
            Target::Offset(_) => a.offset > b.offset,
        }
    }
}

/// A restore point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    pub annotation: Annotation,
    pub file: String,
    /// The file's offset behind it.
    pub end: u64,
}

/// The restore points of a file, in order. What is behind a fault has none.
fn points(folder: &Folder, info: &Info) -> Result<Vec<Point>, FolderError> {
    let failed = |e: io::Error| FolderError::Io(format!("Cannot read {}", info.name), e);
    let open = || folder.disk.open(&folder.path(&info.name), Open::Read).map_err(failed);
    let size = open()?.size().map_err(failed)?;
    let mut points = Vec::new();
    verify(open()?, 0, size, &mut |item, at| {
        if let Item::Annotation(annotation) = item {
            let mut line = Vec::new();
            annotation.write(&mut line);
            points.push(Point { annotation, file: info.name.clone(), end: at + line.len() as u64 });
        }
        true
    });
    Ok(points)
}

/// The sets of files that make up a data set each, the last one first.
fn sets(folder: &Folder) -> Vec<Vec<&Info>> {
    let last = folder.manifest.files().collect();
    std::iter::once(last).chain(folder.manifest.history_sets()).collect()
}

fn is_incr(info: &Info) -> bool {
    info.name.ends_with(".incr.aof")
}

/// Says which points there are: of each set the files, and of each file the first and the last.
pub fn list(folder: &Folder, say: &mut dyn FnMut(&str)) -> Result<(), FolderError> {
    let sets = sets(folder);
    for (i, set) in sets.iter().enumerate().rev() {
        say(&if i == 0 { "Files in use\n".to_string() } else { format!("History, {i} rewrites ago\n") });
        for info in set {
            let points = if is_incr(info) { points(folder, info)? } else { Vec::new() };
            let told = match (points.first(), points.last()) {
                (Some(Point { annotation: a, .. }), Some(Point { annotation: z, .. })) => format!(
                    "{} points, ms:{} offset:{} to ms:{} offset:{}",
                    points.len(),
                    a.ms,
                    a.offset,
                    z.ms,
                    z.offset
                ),
                _ if is_incr(info) => "no points".into(),
                _ => "base".into(),
            };
            say(&format!("  {}: {told}\n", info.name));
        }
    }
    Ok(())
}

/// Makes the folder hold the data as it was at `target`. Gives the point; `None`: there is none that early, and nothing has
/// changed.
pub fn recover(folder: &mut Folder, target: Target) -> Result<Option<Point>, FolderError> {
    let mut found: Option<(Point, Vec<Info>)> = None;
    for set in sets(folder) {
        for (i, info) in set.iter().enumerate().filter(|(_, info)| is_incr(info)) {
            let last = points(folder, info)?.into_iter().rev().find(|p| target.allows(&p.annotation));
            let Some(point) = last else { continue };
            if found.as_ref().is_none_or(|(best, _)| target.prefers(&point.annotation, &best.annotation)) {
                found = Some((point, set[..=i].iter().map(|info| (*info).clone()).collect()));
            }
        }
    }
    let Some((point, files)) = found else { return Ok(None) };
    let mut manifest = folder.manifest.clone();
    let stem = folder.stem.clone();
    let rdb = files.first().is_some_and(|info| info.name.ends_with(".rdb"));
    // Without a base of its own, the set began empty.
    let mut names = vec![manifest.new_base(&stem, rdb).name.clone()];
    manifest.retire_incr(false);
    let bases = files.iter().filter(|info| !is_incr(info));
    match bases.map(|info| info.name.clone()).next() {
        Some(base) => copy(folder, &base, &names[0], u64::MAX)?,
        None => copy(folder, &point.file, &names[0], 0)?,
    }
    for info in files.iter().filter(|info| is_incr(info)) {
        names.push(manifest.new_incr(&stem));
        let end = if info.name == point.file { point.end } else { u64::MAX };
        copy(folder, &info.name, &names[names.len() - 1], end)?;
    }
    folder.persist(manifest)?;
    Ok(Some(point))
}

/// Copies a file's first `end` bytes, durably.
fn copy(folder: &Folder, from: &str, to: &str, end: u64) -> Result<(), FolderError> {
    let copied = (|| {
        let mut source = folder.disk.open(&folder.path(from), Open::Read)?;
        let mut target = folder.disk.open(&folder.path(to), Open::Truncate)?;
        let (mut left, mut buf) = (end, vec![0; COPY]);
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(COPY).min(COPY);
            let n = source.read(&mut buf[..most])?;
            if n == 0 {
                break;
            }
            target.write_all(&buf[..n])?;
            left -= n as u64;
        }
        target.sync()
    })();
    copied.map_err(|e| FolderError::Io(format!("Cannot copy {from} to {to}"), e))
}
