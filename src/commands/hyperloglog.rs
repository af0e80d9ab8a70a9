//! HyperLogLogs: counts of different elements, in strings. The algorithms and the format are in `types::hll`; here a
//! value is changed in its own memory where that is safe: a spoiled one fails in the middle, and an error must leave
//! nothing behind.

use std::iter;

use smallvec::SmallVec;

use crate::base::limits::{HLL_TEST_CYCLES, HLL_TEST_ELEMENTS};
use crate::base::num::NumBuf;
use crate::base::rng::Rng;
use crate::engine::args::Args;
use crate::engine::cx::{KeyCx, ServerCx};
use crate::engine::effects::Event;
use crate::engine::error::{Error, Result};
use crate::engine::spec::*;
use crate::keyspace::entry::Kind;
use crate::keyspace::heap::HeapStr;
use crate::keyspace::{NewValue, Value};
use crate::resp::Reply;
use crate::types::hll::{self, Corrupt, Encoding, Place, Raised, Registers, Run, Sparse};
use crate::types::table::Pos;

pub const COMMANDS: &[Spec] = &[PFADD, PFCOUNT, PFMERGE, PFDEBUG, PFSELFTEST];

/// Bytes that a sparse value which has to be moved gets beyond what it needs (the reference's figure): it lives on to
/// 3000 at the most, where twice as much would be wasted.
const SPARE_MAX: usize = 300;

const NOT_HLL: Error = Error::text("WRONGTYPE Key is not a valid HyperLogLog string value.");

impl From<Corrupt> for Error {
    fn from(_: Corrupt) -> Error {
        Error::text("INVALIDOBJ Corrupted HLL object detected")
    }
}

/// The HyperLogLog at `pos`.
fn hll_at<'a>(cx: &'a KeyCx<'_>, pos: Pos) -> Result<(&'a [u8], Encoding)> {
    match cx.db.string_at(pos)? {
        Value::Bytes(value) => Ok((value, hll::encoding(value).ok_or(NOT_HLL)?)),
        Value::Int(_) => Err(NOT_HLL),
    }
}

/// Makes a value that a client had set `raw`, as in the reference: whoever uses it as a HyperLogLog may change it.
fn make_raw(cx: &mut KeyCx<'_>, pos: Pos) {
    if cx.db.at(pos).kind() == Kind::Inline {
        cx.db.edit(pos, 0, |_| {});
    }
}

/// A value being made, which replaces the old one when all is done.
#[expect(clippy::large_enum_variant, reason = "lives on the stack for one command")]
enum Draft {
    Sparse(SmallVec<[u8; 512]>),
    Dense(HeapStr),
}

impl Draft {
    /// The value `old` with registers raised, and how many were.
    fn raised(
        old: &[u8],
        mut places: impl Iterator<Item = Place>,
        n: usize,
        len_max: usize,
    ) -> Result<(Draft, u64)> {
        let mut buffer = SmallVec::from_slice(old);
        buffer.resize(Sparse::room(old.len(), n, len_max), 0);
        let mut sparse = Sparse::new(&mut buffer, old.len(), len_max);
        let (changes, too_much) = raise_all(&mut sparse, &mut places)?;
        let Some(place) = too_much else {
            let len = sparse.value().len();
            buffer.truncate(len);
            return Ok((Draft::Sparse(buffer), changes));
        };
        let (dense, more) = promoted(sparse.value(), place, places)?;
        Ok((Draft::Dense(dense), changes + more))
    }

    fn outdate(&mut self) {
        match self {
            Draft::Sparse(value) => hll::outdate(value),
            Draft::Dense(value) => hll::outdate(value.make_mut()),
        }
    }

    fn store(self, store: impl FnOnce(NewValue<'_>)) {
        match self {
            Draft::Sparse(value) => store(NewValue::Raw(&value)),
            Draft::Dense(value) => store(NewValue::Heap(value)),
        }
    }
}

/// Raises registers; how many changed, and the one that only a dense value can hold, where it stopped.
fn raise_all(
    sparse: &mut Sparse<'_>,
    places: &mut impl Iterator<Item = Place>,
) -> Result<(u64, Option<Place>)> {
    let mut changes = 0;
    for place in places {
        match sparse.raise(place)? {
            Raised::No => {}
            Raised::Yes => changes += 1,
            Raised::NeedsDense => return Ok((changes, Some(place))),
        }
    }
    Ok((changes, None))
}

/// The dense form of a sparse value with registers raised, and how many were.
fn promoted(sparse: &[u8], first: Place, rest: impl Iterator<Item = Place>) -> Result<(HeapStr, u64)> {
    let mut dense = dense_of(sparse)?;
    let value = dense.make_mut();
    let changes = iter::once(first).chain(rest).filter(|place| hll::dense_raise(value, *place)).count();
    hll::outdate(value);
    Ok((dense, changes as u64))
}

/// The dense form of a sparse value.
fn dense_of(sparse: &[u8]) -> Result<HeapStr> {
    let mut dense = HeapStr::zeroed(hll::DENSE_LEN);
    hll::to_dense(sparse, dense.make_mut())?;
    Ok(dense)
}

pub const PFADD: Spec = Spec::key("pfadd", pfadd)
    .arity(at_least(1))
    .flags(WRITE | DENYOOM | FAST)
    .keys(&[KeySpec::first(RW | INSERT)])
    .acl(acl::HYPERLOGLOG)
    .group(Group::Hyperloglog)
    .syntax("key [element [element ...]]")
    .since("2.8.9")
    .complexity("O(1) for each element")
    .summary("Adds elements to a HyperLogLog, which is made if the key does not exist.");

fn pfadd(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.key();
    let places = args.rest().map(hll::place);
    let changes = match cx.db.find(key) {
        None => {
            let n = places.len();
            let len_max = cx.config.hll_sparse_max_bytes;
            let (mut draft, changes) = Draft::raised(&hll::EMPTY, places, n, len_max)?;
            draft.outdate();
            draft.store(|value| cx.insert(key, value, None));
            changes + 1
        }
        Some(pos) => match hll_at(cx, pos)?.1 {
            Encoding::Dense => add_dense(cx, pos, places),
            Encoding::Sparse => add_sparse(cx, pos, places)?,
        },
    };
    if changes > 0 {
        cx.changed(key.bytes, Event::PFADD, changes);
    }
    out.int((changes > 0) as i64);
    Ok(())
}

/// Only reads up to the first element that changes something: most of those of a value that is long in use do not, and
/// one that is shared is copied when it is changed.
fn add_dense(cx: &mut KeyCx<'_>, pos: Pos, mut places: impl Iterator<Item = Place>) -> u64 {
    let mut digits = NumBuf::new();
    let value = cx.db.at(pos).value().bytes(&mut digits);
    let Some(first) = places.find(|place| place.rank > hll::dense_get(value, place.index)) else { return 0 };
    let mut changes = 0;
    cx.db.edit(pos, hll::DENSE_LEN, |value| {
        let raised = iter::once(first).chain(places).filter(|place| hll::dense_raise(value, *place));
        changes = raised.count() as u64;
        hll::outdate(value);
    });
    changes
}

/// As `add_dense`, on a sparse value, which may become dense.
fn add_sparse(cx: &mut KeyCx<'_>, pos: Pos, mut places: impl ExactSizeIterator<Item = Place>) -> Result<u64> {
    let (value, _) = hll_at(cx, pos)?;
    let first = loop {
        let Some(place) = places.next() else {
            make_raw(cx, pos);
            return Ok(0);
        };
        if place.rank > hll::sparse_get(value, place.index)? {
            break place;
        }
    };
    let (n, len_max) = (places.len() + 1, cx.config.hll_sparse_max_bytes);
    let places = iter::once(first).chain(places);
    // What can fail only at once, or not at all, is changed where it is.
    if cx.db.at(pos).kind() == Kind::Heap && (n == 1 || hll::is_whole(value)) {
        return add_in_place(cx, pos, places, n);
    }
    let (draft, changes) = Draft::raised(value, places, n, len_max)?;
    draft.store(|value| cx.replace(pos, value));
    Ok(changes)
}

fn add_in_place(
    cx: &mut KeyCx<'_>,
    pos: Pos,
    mut places: impl Iterator<Item = Place>,
    n: usize,
) -> Result<u64> {
    let len_max = cx.config.hll_sparse_max_bytes;
    let mut outcome = Ok(0);
    cx.db.change_heap(pos, |heap| {
        let len = heap.as_slice().len();
        let room = Sparse::room(len, n, len_max);
        heap.reserve(room, room.min(SPARE_MAX));
        heap.resize(room);
        let mut sparse = Sparse::new(heap.make_mut(), len, len_max);
        let raised = raise_all(&mut sparse, &mut places);
        let len = sparse.value().len();
        heap.resize(len);
        outcome = raised.and_then(|(changes, too_much)| {
            let Some(place) = too_much else { return Ok(changes) };
            let (dense, more) = promoted(heap.as_slice(), place, places)?;
            *heap = dense;
            Ok(changes + more)
        });
    });
    outcome
}

pub const PFCOUNT: Spec = Spec::key("pfcount", pfcount)
    .arity(at_least(1))
    .flags(READONLY | MAY_REPLICATE)
    .keys(&[KeySpec { notes: "keeps the count in the value", ..KeySpec::range(1, -1, 1, RW | ACCESS) }])
    .acl(acl::HYPERLOGLOG)
    .group(Group::Hyperloglog)
    .syntax("key [key ...]")
    .since("2.8.9")
    .complexity("O(1) with one key, O(N) for the union of N")
    .summary("Estimates how many different elements were added to HyperLogLogs in all.");

fn pfcount(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if args.left() > 1 {
        let (registers, _) = union(cx, args)?;
        out.int(registers.count().cast_signed());
        return Ok(());
    }
    let key = args.key();
    let Some(pos) = cx.find_read(key) else {
        out.int(0);
        return Ok(());
    };
    let (value, _) = hll_at(cx, pos)?;
    if let Some(count) = hll::cached_count(value) {
        make_raw(cx, pos);
        out.int(count.cast_signed());
        return Ok(());
    }
    let count = hll::count(value)?;
    cx.db.edit(pos, 0, |value| hll::cache_count(value, count));
    // A replica must have the same bytes.
    cx.fx.dirty += 1;
    cx.fx.modified(cx.db.id, key.bytes);
    out.int(count.cast_signed());
    Ok(())
}

/// The union of what the keys that are left hold, and whether one of them is dense.
fn union(cx: &mut KeyCx<'_>, args: &mut Args<'_>) -> Result<(Registers, bool)> {
    let (mut registers, mut dense) = (Registers::new(), false);
    for key in args.rest_keys() {
        if let Some(pos) = cx.find_read(key) {
            let (value, encoding) = hll_at(cx, pos)?;
            dense |= encoding == Encoding::Dense;
            registers.merge(value)?;
        }
    }
    Ok((registers, dense))
}

pub const PFMERGE: Spec = Spec::key("pfmerge", pfmerge)
    .arity(at_least(1))
    .flags(WRITE | DENYOOM)
    .keys(&[KeySpec::first(RW | ACCESS | INSERT), KeySpec::range(2, -1, 1, RO | ACCESS)])
    .acl(acl::HYPERLOGLOG)
    .group(Group::Hyperloglog)
    .syntax("destkey [sourcekey [sourcekey ...]]")
    .since("2.8.9")
    .complexity("O(N) for N keys")
    .summary("Adds to a HyperLogLog what was added to others.");

fn pfmerge(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let key = args.clone().key();
    let (registers, dense) = union(cx, args)?;
    let found = cx.db.find(key);
    let old = match found {
        Some(pos) => hll_at(cx, pos)?,
        None => (&hll::EMPTY[..], Encoding::Sparse),
    };
    if let (Some(pos), (_, Encoding::Dense)) = (found, old) {
        cx.db.edit(pos, hll::DENSE_LEN, |value| {
            registers.write_dense(value);
            hll::outdate(value);
        });
    } else {
        let mut draft = if dense {
            let mut value = dense_of(old.0)?;
            registers.write_dense(value.make_mut());
            Draft::Dense(value)
        } else {
            let places = registers.places();
            let n = places.clone().count();
            Draft::raised(old.0, places, n, cx.config.hll_sparse_max_bytes)?.0
        };
        draft.outdate();
        draft.store(|value| match found {
            Some(pos) => cx.replace(pos, value),
            None => cx.insert(key, value, None),
        });
    }
    cx.changed(key.bytes, Event::PFADD, 1);
    out.ok();
    Ok(())
}

pub const PFDEBUG: Spec = Spec::key("pfdebug", pfdebug)
    .arity(exactly(2))
    .flags(WRITE | DENYOOM | ADMIN | SYSTEM)
    .keys(&[KeySpec::at(2, RW | ACCESS)])
    .acl(acl::HYPERLOGLOG)
    .group(Group::Hyperloglog)
    .syntax("subcommand key")
    .since("2.8.9")
    .complexity("O(1)")
    .summary("Shows the inside of a HyperLogLog, makes it dense, or turns vector instructions on and off.");

fn pfdebug(cx: &mut KeyCx<'_>, args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let subcommand = args.bytes_arg()?;
    if subcommand.eq_ignore_ascii_case(b"simd") {
        return debug_simd(args, out);
    }
    let key = args.key();
    let pos = cx.db.find(key).ok_or(Error::text("ERR The specified key does not exist"))?;
    let (value, encoding) = hll_at(cx, pos)?;
    match subcommand.to_ascii_lowercase().as_slice() {
        b"getreg" => {
            let mut registers = Registers::new();
            registers.merge(value)?;
            make_dense(cx, pos)?;
            out.array(hll::REGISTERS);
            registers.ranks().for_each(|rank| out.int(i64::from(rank)));
        }
        b"decode" if encoding == Encoding::Dense => {
            return Err(Error::text("ERR HLL encoding is not sparse"));
        }
        b"decode" => {
            out.bulk(decoded(value)?.as_bytes());
            make_raw(cx, pos);
        }
        b"encoding" => {
            out.status(if encoding == Encoding::Dense { "dense" } else { "sparse" });
            make_raw(cx, pos);
        }
        b"todense" => out.int(make_dense(cx, pos)? as i64),
        _ => {
            let text = [b"ERR Unknown PFDEBUG subcommand '", subcommand, b"'"].concat();
            return Err(Error::owned(text));
        }
    }
    Ok(())
}

/// Vectors are used where the processor has them, unless they are turned off here.
fn debug_simd(args: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    if args.eat("on") {
        hll::allow_simd(true);
    } else if args.eat("off") {
        hll::allow_simd(false);
    } else {
        return Err(Error::text("ERR Argument must be ON or OFF"));
    }
    out.status(if hll::uses_simd() { "enabled" } else { "disabled" });
    Ok(())
}

/// Makes the value at `pos` dense; whether it was not. Replicas do the same, but nobody is told: it means the same.
fn make_dense(cx: &mut KeyCx<'_>, pos: Pos) -> Result<bool> {
    let (value, encoding) = hll_at(cx, pos)?;
    if encoding == Encoding::Dense {
        return Ok(false);
    }
    let dense = dense_of(value)?;
    cx.replace(pos, NewValue::Heap(dense));
    cx.fx.dirty += 1;
    Ok(true)
}

/// The runs of a sparse value: `Z:n` and `z:n` are n zeros, `v:rank,n` n times a rank.
fn decoded(value: &[u8]) -> Result<String> {
    // One that is whole has 16384 runs at the most, others might have any number.
    if !hll::is_whole(value) {
        return Err(Corrupt.into());
    }
    let runs = hll::runs(value).map(|run| {
        Ok(match run? {
            Run { len, rank: 0, bytes: 1 } => format!("z:{len}"),
            Run { len, rank: 0, .. } => format!("Z:{len}"),
            Run { len, rank, .. } => format!("v:{rank},{len}"),
        })
    });
    Ok(runs.collect::<Result<Vec<String>>>()?.join(" "))
}

pub const PFSELFTEST: Spec = Spec::server("pfselftest", pfselftest)
    .arity(exactly(0))
    .flags(ADMIN | SYSTEM)
    .acl(acl::HYPERLOGLOG)
    .group(Group::Hyperloglog)
    .since("2.8.9")
    .complexity("O(1)")
    .summary("Tests the registers of HyperLogLogs, and how good their estimates are.");

fn pfselftest(cx: &mut ServerCx<'_>, _: &mut Args<'_>, out: &mut Reply<'_>) -> Result {
    let len_max = cx.server.config.hll_sparse_max_bytes;
    let mut rng = cx.db().rng.clone();
    for _ in 0..HLL_TEST_CYCLES {
        test_registers(&mut rng)?;
    }
    test_estimates(rng.next_u64(), len_max)?;
    out.ok();
    Ok(())
}

/// Every register keeps what is written, and its neighbours too.
fn test_registers(rng: &mut Rng) -> Result {
    let mut dense = dense_of(&hll::EMPTY)?;
    let value = dense.make_mut();
    let ranks: Vec<u8> = iter::repeat_with(|| rng.below(64) as u8).take(hll::REGISTERS).collect();
    for (index, &rank) in ranks.iter().enumerate() {
        hll::dense_raise(value, Place { index, rank });
    }
    for (index, rank) in ranks.iter().enumerate() {
        let held = hll::dense_get(value, index);
        if held != *rank {
            let text = format!("ERR TESTFAILED Register {index} should be {rank} but is {held}");
            return Err(Error::owned(text));
        }
    }
    Ok(())
}

/// Adds elements to a dense and a sparse value, which must agree and not be too far from the truth.
fn test_estimates(seed: u64, len_max: usize) -> Result {
    let mut dense = dense_of(&hll::EMPTY)?;
    let mut buffer = vec![0; Sparse::room(hll::EMPTY.len(), hll::REGISTERS, len_max)];
    buffer[..hll::EMPTY.len()].copy_from_slice(&hll::EMPTY);
    let mut sparse = Sparse::new(&mut buffer, hll::EMPTY.len(), len_max);
    let mut grown: Option<HeapStr> = None;
    let mut checkpoint = 1;
    for n in 1..=HLL_TEST_ELEMENTS {
        let place = hll::place(&(n ^ seed).to_le_bytes());
        hll::dense_raise(dense.make_mut(), place);
        if let Some(value) = &mut grown {
            hll::dense_raise(value.make_mut(), place);
        } else if sparse.raise(place)? == Raised::NeedsDense {
            grown = Some(promoted(sparse.value(), place, iter::empty())?.0);
        }
        if n != checkpoint {
            continue;
        }
        checkpoint *= 10;
        if grown.is_some() && n < (len_max / 2) as u64 {
            return Err(Error::text("ERR TESTFAILED sparse encoding not used"));
        }
        let count = hll::count(dense.as_slice())?;
        if count != hll::count(grown.as_ref().map_or(sparse.value(), HeapStr::as_slice))? {
            return Err(Error::text("ERR TESTFAILED dense/sparse disagree"));
        }
        // Six times the standard error. Of ten elements two may fall together, now and then.
        let error_max = if n == 10 { 1 } else { (1.04 / 128.0 * 6.0 * n as f64).ceil() as u64 };
        let error = n.abs_diff(count);
        if error > error_max {
            let text = format!("ERR TESTFAILED Too big error. card:{n} abserr:{error}");
            return Err(Error::owned(text));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
