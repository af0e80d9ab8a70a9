//! The filters of CLIENT LIST and CLIENT KILL: read once, then held against every client. Of a filter given twice the
//! last one counts; ids gather.

use crate::engine::args::Args;
use crate::engine::client_info;
use crate::engine::error::{Error, Result};
use crate::engine::session::{ClientType, Session};

/// One property to be had, or not to be had.
#[derive(Default)]
struct Properties<'a> {
    ids: Option<Vec<u64>>,
    kind: Option<ClientType>,
    addr: Option<&'a [u8]>,
    laddr: Option<&'a [u8]>,
    user: Option<&'a [u8]>,
    flags: Option<&'a [u8]>,
    name: Option<&'a [u8]>,
    lib_name: Option<&'a [u8]>,
    lib_ver: Option<&'a [u8]>,
    db: Option<usize>,
    capa: Option<&'a [u8]>,
    ip: Option<&'a [u8]>,
}

/// Which clients are meant.
#[derive(Default)]
pub struct Filter<'a> {
    must: Properties<'a>,
    must_not: Properties<'a>,
    max_age: Option<i64>,
    idle: Option<i64>,
    /// Leave out the client that asks.
    pub skip_me: bool,
}

/// Letters that the flags filter knows: those of the reference's `flags` field.
const FLAG_LETTERS: &[u8] = b"OSMPxbtRBdcuAUreTIiEN";

impl<'a> Filter<'a> {
    /// The old form of CLIENT KILL: by address alone.
    pub fn by_addr(addr: &'a [u8]) -> Filter<'a> {
        Filter { must: Properties { addr: Some(addr), ..Default::default() }, ..Default::default() }
    }

    /// Reads all filters that are left in `args`.
    pub fn read(args: &mut Args<'a>, skip_me: bool, databases: usize) -> Result<Filter<'a>> {
        let mut filter = Filter { skip_me, ..Filter::default() };
        while let Some(word) = args.next_opt() {
            let word = word.to_ascii_lowercase();
            let (negative, name) = match word.strip_prefix(b"not-") {
                Some(rest) => (true, rest),
                None => (false, word.as_slice()),
            };
            match name {
                b"maxage" if !negative => filter.max_age = Some(positive(args, "maxage")?),
                b"idle" if !negative => filter.idle = Some(positive(args, "idle")?),
                b"skipme" if !negative => filter.skip_me = yes_or_no(args)?,
                _ => {
                    let side = if negative { &mut filter.must_not } else { &mut filter.must };
                    side.read(name, negative, args, databases)?;
                }
            }
        }
        Ok(filter)
    }

    /// Whether this client is meant. `me` is the one that asks.
    pub fn takes(&self, s: &Session, me: u64, now_ms: i64) -> bool {
        let older = |seconds: Option<i64>, since_ms: i64| {
            seconds.is_none_or(|least| now_ms / 1000 - since_ms / 1000 >= least)
        };
        !(self.skip_me && s.id == me)
            && older(self.max_age, s.created_ms)
            && older(self.idle, s.last_ms)
            && self.must.compare(s).all(|same| same)
            && self.must_not.compare(s).all(|same| !same)
    }
}

impl<'a> Properties<'a> {
    fn read(&mut self, name: &[u8], not: bool, args: &mut Args<'a>, databases: usize) -> Result {
        let slot = match name {
            b"id" => return read_ids(self.ids.get_or_insert_default(), args),
            b"type" => {
                self.kind = Some(kind(args.bytes_arg()?)?);
                return Ok(());
            }
            b"db" => {
                self.db = Some(database(args, not, databases)?);
                return Ok(());
            }
            b"addr" => &mut self.addr,
            b"laddr" => &mut self.laddr,
            b"user" => &mut self.user,
            b"flags" => &mut self.flags,
            b"name" => &mut self.name,
            b"lib-name" => &mut self.lib_name,
            b"lib-ver" => &mut self.lib_ver,
            b"capa" => &mut self.capa,
            b"ip" => &mut self.ip,
            _ => return Err(Error::SYNTAX),
        };
        let value = args.bytes_arg()?;
        *slot = Some(value);
        match name {
            b"user" if value != b"default" => {
                Err(Error::owned([b"ERR No such user '", value, b"'"].concat()))
            }
            b"flags" => known(value, FLAG_LETTERS, "flags", "NOT-FLAGS", not),
            b"capa" => known(value, b"r", "capa", "NOT-CAPA", not),
            _ => Ok(()),
        }
    }

    /// Of every property asked for, whether the client has it.
    fn compare(&self, s: &Session) -> impl Iterator<Item = bool> {
        // An absent name is not equal to an empty one.
        let named = |wanted: &[u8], own: &[u8]| !own.is_empty() && wanted == own;
        [
            self.ids.as_ref().map(|ids| ids.binary_search(&s.id).is_ok()),
            self.kind.map(|k| s.kind == k),
            self.addr.map(|a| s.peer.addr.as_bytes() == a),
            self.laddr.map(|a| s.peer.laddr.as_bytes() == a),
            self.user.map(|u| s.user.as_bytes() == u),
            self.flags.map(|f| has_flags(s, f)),
            self.name.map(|n| named(n, &s.name)),
            self.lib_name.map(|n| named(n, &s.lib_name)),
            self.lib_ver.map(|n| named(n, &s.lib_ver)),
            self.db.map(|db| s.db == db),
            self.capa.map(|_| s.capa_redirect),
            self.ip.map(|ip| has_ip(s.peer.addr.as_bytes(), ip)),
        ]
        .into_iter()
        .flatten()
    }
}

fn has_flags(s: &Session, wanted: &[u8]) -> bool {
    let own = client_info::flags(s);
    wanted.iter().all(|c| own.as_bytes().contains(c))
}

/// Whether an address is `ip` with a port: `1.2.3.4:5` or `[::1]:5`.
fn has_ip(addr: &[u8], ip: &[u8]) -> bool {
    let addr = addr.strip_prefix(b"[").unwrap_or(addr);
    let Some(rest) = addr.strip_prefix(ip) else { return false };
    let rest = rest.strip_prefix(b"]").unwrap_or(rest);
    rest.first() == Some(&b':') && rest.get(1) != Some(&b'0')
}

/// Reads ids up to the first word that is no number. They stay sorted.
fn read_ids(ids: &mut Vec<u64>, args: &mut Args<'_>) -> Result {
    while let Some(n) = args.peek().and_then(crate::base::num::parse_i64) {
        if n < 1 {
            return Err(Error::text("ERR client-id should be greater than 0"));
        }
        args.bytes_arg()?;
        ids.push(n as u64);
    }
    ids.sort_unstable();
    Ok(())
}

fn kind(name: &[u8]) -> Result<ClientType> {
    match name.to_ascii_lowercase().as_slice() {
        b"normal" => Ok(ClientType::Normal),
        b"replica" | b"slave" => Ok(ClientType::Replica),
        b"pubsub" => Ok(ClientType::Pubsub),
        b"primary" | b"master" => Ok(ClientType::Primary),
        _ => Err(Error::owned([b"ERR Unknown client type '", name, b"'"].concat())),
    }
}

fn database(args: &mut Args<'_>, not: bool, databases: usize) -> Result<usize> {
    let label = if not { "NOT-DB" } else { "DB" };
    let range = i32::MIN as i64..=i32::MAX as i64;
    let n = args.int_in(range, Error::owned(format!("ERR {label} is not an integer or out of range")))?;
    match usize::try_from(n) {
        Ok(db) if db < databases => Ok(db),
        _ => Err(Error::owned(format!("ERR {label} number should be between 0 and {}", databases - 1))),
    }
}

fn positive(args: &mut Args<'_>, label: &str) -> Result<i64> {
    let bad = Error::owned(format!("ERR {label} is not an integer or out of range"));
    let n = args.int_in(i64::MIN..=i64::MAX, bad)?;
    if n <= 0 {
        return Err(Error::owned(format!("ERR {label} should be greater than 0")));
    }
    Ok(n)
}

fn yes_or_no(args: &mut Args<'_>) -> Result<bool> {
    if args.eat("yes") {
        Ok(true)
    } else if args.eat("no") {
        Ok(false)
    } else {
        Err(Error::SYNTAX)
    }
}

/// All letters of `value` must be among `letters`.
fn known(value: &[u8], letters: &[u8], what: &str, not_filter: &str, not: bool) -> Result {
    if value.iter().all(|c| letters.contains(c)) {
        return Ok(());
    }
    let place = if not { format!("the {not_filter} filter") } else { "the provided filter".into() };
    let text = format!("ERR Unknown {what} found in {place}: ");
    Err(Error::owned([text.as_bytes(), value].concat()))
}
