//! Values by their types: strings here, element by element what was written so; what lies in one block is `packed`'s.

use super::input::Input;
use super::{Loaded, Result, Rules, Skipped, legacy, packed, stream};
use crate::base::num::{self, NumBuf};
use crate::keyspace::NewValue;
use crate::persist::rdb::{REDIS_EXPIRY_MAX, container, kind};
use crate::types::collection::Collection;
use crate::types::hash::{ALL, Hash, NewExpiry, Outcome};
use crate::types::list::{End, List};
use crate::types::listpack::Listpack;
use crate::types::set::Set;
use crate::types::tree::Builder;
use crate::types::value::Value;
use crate::types::zset::Zset;

/// What stands in front of each part of a module's value.
const MODULE_END: u64 = 0;
const MODULE_INT: u64 = 1;
pub const MODULE_UINT: u64 = 2;
const MODULE_FLOAT: u64 = 3;
const MODULE_DOUBLE: u64 = 4;
const MODULE_STRING: u64 = 5;

/// Whether there is such a type.
pub fn is_known(kind: u8) -> bool {
    kind <= kind::HASH_LISTPACK_EX && kind != 8
}

/// A string. One that is an integer is kept as such.
pub fn string<'i>(input: &'i mut Input<'_>) -> Result<NewValue<'i>> {
    input.forget_long();
    Ok(match input.value()? {
        Value::Int(n) => NewValue::Int(n),
        Value::Bytes(bytes) => num::parse_i64(bytes).map_or(NewValue::Bytes(bytes), NewValue::Int),
    })
}

/// A collection of this type. `redis`: types that Valkey and Redis number alike are Redis's.
pub(super) fn collection(
    input: &mut Input<'_>,
    kind: u8,
    redis: bool,
    rules: &Rules,
    active: &[(Vec<u8>, Vec<u8>, i64)],
) -> Result<Loaded> {
    input.forget_long();
    match kind {
        kind::LIST => list(input, rules),
        kind::LIST_QUICKLIST | kind::LIST_QUICKLIST_2 => quicklist(input, kind, rules),
        kind::LIST_ZIPLIST => legacy::list(input, rules),
        kind::SET => set(input, rules),
        kind::SET_INTSET => packed::intset(input, rules),
        kind::SET_LISTPACK => packed::set(input, rules),
        kind::ZSET | kind::ZSET_2 => zset(input, kind, rules),
        kind::ZSET_LISTPACK => packed::zset_listpack(input, rules),
        kind::ZSET_ZIPLIST => legacy::zset(input, rules),
        kind::HASH => hash(input, FieldForm::Plain, rules),
        kind::HASH_2 if !redis => hash(input, FieldForm::Valkey, rules),
        kind::HASH_METADATA => {
            let least = input.i64()?;
            hash(input, FieldForm::Redis { least: Some(least) }, rules)
        }
        kind::HASH_METADATA_PRE_GA => hash(input, FieldForm::Redis { least: None }, rules),
        kind::HASH_LISTPACK => packed::hash_listpack(input, rules),
        kind::HASH_LISTPACK_EX => {
            input.i64()?;
            packed::hash_with_expiry(input, rules)
        }
        kind::HASH_LISTPACK_EX_PRE_GA => packed::hash_with_expiry(input, rules),
        kind::HASH_ZIPLIST => legacy::hash(input, rules),
        kind::HASH_ZIPMAP => legacy::zipmap(input, rules),
        kind::STREAM | kind::STREAM_2 | kind::STREAM_3 => stream::stream(input, kind, active),
        kind::MODULE_2 => {
            let name = module_name(input.length()?);
            skip_module(input, &name)?;
            let what =
                format!("The RDB file contains module data I can't load: no matching module type '{name}'");
            Err(input.error(super::Cause::Unknown, what))
        }
        _ => {
            let what = format!("Unknown RDB encoding type {kind}");
            Err(input.error(super::Cause::Unknown, what))
        }
    }
}

fn list(input: &mut Input<'_>, rules: &Rules) -> Result<Loaded> {
    let limits = rules.limits.list;
    let n = input.length()?;
    let mut list = List::new();
    for _ in 0..n {
        let element = input.bytes()?;
        list.grow(1, element.len(), limits);
        list.push(End::Back, element, limits);
    }
    Ok(done(list))
}

fn quicklist(input: &mut Input<'_>, kind: u8, rules: &Rules) -> Result<Loaded> {
    let limits = rules.limits.list;
    let n = input.length()?;
    let mut list = List::of_nodes(limits);
    for _ in 0..n {
        let mut form = container::PACKED;
        if kind == kind::LIST_QUICKLIST_2 {
            form = input.length()?;
            if form != container::PACKED && form != container::PLAIN {
                return Err(input.corrupt("Quicklist integrity check failed."));
            }
        }
        let bytes = input.bytes()?;
        if bytes.is_empty() {
            return Err(input.corrupt("A node of a list without bytes"));
        }
        if form == container::PLAIN {
            list.push_plain(bytes);
            continue;
        }
        if kind == kind::LIST_QUICKLIST_2 {
            match Listpack::from_bytes(bytes) {
                Ok(pack) => list.push_pack(pack),
                Err(_) => return Err(input.corrupt("Listpack integrity check failed.")),
            }
        } else {
            match legacy::to_listpack(bytes) {
                Ok(pack) => list.push_pack(pack),
                Err(_) => return Err(input.corrupt("Ziplist integrity check failed.")),
            }
        }
    }
    list.settle(limits);
    Ok(done(list))
}

/// A collection that was read, unless it has no elements.
pub(super) fn done<T: Collection>(value: T) -> Loaded
where
    NewValue<'static>: From<T>,
{
    if value.is_empty() { Loaded::Skipped(Skipped::Empty) } else { Loaded::Value(value.into()) }
}

fn set(input: &mut Input<'_>, rules: &Rules) -> Result<Loaded> {
    let n = input.length()?;
    let mut set: Option<Set> = None;
    for _ in 0..n {
        let member = input.value()?;
        let set = set.get_or_insert_with(|| {
            let first = member.bytes(&mut NumBuf::new()).to_vec();
            Set::for_members(&first, usize::try_from(n).unwrap_or(usize::MAX), rules.limits.set)
        });
        if !set.add_value(member, rules.limits.set) {
            return Err(input.corrupt("Duplicate set members detected"));
        }
    }
    Ok(set.map_or(Loaded::Skipped(Skipped::Empty), done))
}

fn zset(input: &mut Input<'_>, kind: u8, rules: &Rules) -> Result<Loaded> {
    let n = input.length()?;
    let mut builder = Builder::new();
    let mut member = Vec::new();
    for _ in 0..n {
        member.clear();
        member.extend_from_slice(input.bytes()?);
        let score = if kind == kind::ZSET_2 { input.f64()? } else { old_score(input)? };
        if score.is_nan() {
            return Err(input.corrupt("Zset with NAN score detected"));
        }
        if builder.contains(&member) {
            return Err(input.corrupt("Duplicate zset fields detected"));
        }
        builder.add_new(&member, score);
    }
    Ok(done(Zset::of(builder, rules.limits.zset)))
}

/// A score as text behind a byte that tells its length, or that it is no finite number.
fn old_score(input: &mut Input<'_>) -> Result<f64> {
    match input.byte()? {
        255 => Ok(f64::NEG_INFINITY),
        254 => Ok(f64::INFINITY),
        253 => Ok(f64::NAN),
        n => {
            let score = num::parse_f64(input.take(n.into())?);
            score.ok_or_else(|| input.corrupt("A score that is no number"))
        }
    }
}

/// How the fields of a hash are written.
#[derive(Clone, Copy)]
enum FieldForm {
    Plain,
    /// The expiry behind the value, -1 for none.
    Valkey,
    /// In front of the field: 0 for none, otherwise relative to the least, or absolute where there is none.
    Redis {
        least: Option<i64>,
    },
}

impl FieldForm {
    fn expiry_before(self, input: &mut Input<'_>) -> Result<Option<i64>> {
        let FieldForm::Redis { least } = self else { return Ok(None) };
        let told = input.length()?;
        let at = match least {
            _ if told == 0 => return Ok(None),
            Some(least) => told.wrapping_add(least as u64).wrapping_sub(1),
            None => told,
        };
        if at > REDIS_EXPIRY_MAX {
            return Err(input.error(super::Cause::Corrupt, format!("invalid expireAt time: {at}")));
        }
        Ok(Some(at as i64))
    }

    fn expiry_behind(self, input: &mut Input<'_>) -> Result<Option<i64>> {
        let FieldForm::Valkey = self else { return Ok(None) };
        match input.i64()? {
            -1 => Ok(None),
            at if at < -1 => Err(input.corrupt("A field's expiry before all time")),
            at => Ok(Some(at)),
        }
    }
}

fn hash(input: &mut Input<'_>, form: FieldForm, rules: &Rules) -> Result<Loaded> {
    let n = input.length()?;
    let mut hash = Hash::new();
    hash.prepare(usize::try_from(n).unwrap_or(usize::MAX), std::iter::empty(), rules.limits.hash);
    let mut field = Vec::new();
    let mut left_out = false;
    for _ in 0..n {
        let before = form.expiry_before(input)?;
        field.clear();
        field.extend_from_slice(input.bytes()?);
        let value = input.bytes()?;
        let expiry = match form {
            FieldForm::Valkey => {
                let value = value.to_vec();
                let expiry = form.expiry_behind(input)?;
                if !add_field(&mut hash, &field, &value, expiry, rules, &mut left_out) {
                    return Err(input.corrupt("Duplicate hash fields detected"));
                }
                continue;
            }
            _ => before,
        };
        if !add_field(&mut hash, &field, value, expiry, rules, &mut left_out) {
            return Err(input.corrupt("Hash with dup elements"));
        }
    }
    Ok(fields_done(hash, left_out))
}

/// A hash that was read, unless it has no fields.
pub(super) fn fields_done(hash: Hash, left_out: bool) -> Loaded {
    match hash.is_empty() {
        true if left_out => Loaded::Skipped(Skipped::AllFieldsExpired),
        _ => done(hash),
    }
}

/// Adds a field, unless its time has come; whether it is new.
pub(super) fn add_field(
    hash: &mut Hash,
    field: &[u8],
    value: &[u8],
    expiry: Option<i64>,
    rules: &Rules,
    left_out: &mut bool,
) -> bool {
    if let (Some(at), Some(now_ms)) = (expiry, rules.fields_due_ms)
        && at < now_ms
    {
        *left_out = true;
        return true;
    }
    let expiry = expiry.map_or(NewExpiry::Never, NewExpiry::At);
    hash.set(field, value, expiry, ALL, rules.limits.hash) == Outcome::Created
}

/// The name that a module's id stands for: nine letters of six bits, and ten bits of its version.
pub fn module_name(id: u64) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    (0..9).map(|i| LETTERS[(id >> (58 - 6 * i) & 63) as usize] as char).collect()
}

/// Passes over what a module has written.
pub fn skip_module(input: &mut Input<'_>, name: &str) -> Result<()> {
    loop {
        match input.length()? {
            MODULE_END => return Ok(()),
            MODULE_INT | MODULE_UINT => {
                input.length()?;
            }
            MODULE_FLOAT => {
                input.array::<4>()?;
            }
            MODULE_DOUBLE => {
                input.f64()?;
            }
            MODULE_STRING => {
                input.bytes()?;
            }
            code => {
                let what = format!("Unknown part {code} of what module {name} has written");
                return Err(input.error(super::Cause::Corrupt, what));
            }
        }
    }
}
