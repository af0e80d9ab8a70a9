//! What goes into an RDB file beside the data, and SAVE, which writes one while everything else stands still.

use std::io;
use std::path::Path;

use super::config::Config;
use super::config::values::{EvictionPolicy, RdbFieldExpiry};
use super::server::Server;
use crate::persist::rdb::save::{self, Contents};
use crate::persist::rdb::{FieldExpiry, Target, Usage, version_of};
use crate::sys::{memory, version};

/// The form of hashes with fields that expire, as `rdb-field-expiry-format` says.
pub fn field_expiry(c: &Config) -> FieldExpiry {
    match c.rdb_field_expiry_format {
        RdbFieldExpiry::Valkey => FieldExpiry::Valkey,
        RdbFieldExpiry::Redis => FieldExpiry::Redis,
    }
}

impl Server {
    /// How the data is written as it is now: in the lowest version that can hold it.
    pub fn rdb_target(&self) -> Target {
        use EvictionPolicy::{AllkeysLfu, AllkeysLru, VolatileLfu, VolatileLru};
        let c = &self.config;
        Target {
            version: version_of(&self.dbs, field_expiry(c)),
            compress: c.rdbcompression,
            checksum: c.rdbchecksum,
            usage: match c.maxmemory_policy {
                AllkeysLru | VolatileLru => Usage::Idle,
                AllkeysLfu | VolatileLfu => Usage::Frequency { decay_minutes: c.lfu_decay_time },
                _ => Usage::Nothing,
            },
            now_ms: self.clock.now_ms() as i64,
        }
    }

    /// The fields beside the data.
    pub fn rdb_fields(&self, aof_base: bool) -> Vec<(&'static str, String)> {
        vec![
            ("tarn-ver", version::VERSION.to_owned()),
            ("redis-bits", usize::BITS.to_string()),
            ("ctime", (self.clock.now_ms() / 1000).to_string()),
            ("used-mem", memory::used().to_string()),
            ("aof-base", u8::from(aof_base).to_string()),
        ]
    }

    /// Writes the file that `dbfilename` names. The log tells what went wrong.
    pub fn save_now(&mut self) -> io::Result<()> {
        let fields = self.rdb_fields(false);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, &value[..])).collect();
        let functions: Vec<&[u8]> = self.functions.libraries().map(|l| &l.code[..]).collect();
        let contents = Contents { dbs: &self.dbs, fields: &fields, functions: &functions };
        let path = Path::new(&self.config.dbfilename);
        let sync = self.config.rdb_save_incremental_fsync;
        save::save(&*self.outside.disk, path, &contents, &self.rdb_target(), sync)?;
        tracing::info!("DB saved on disk");
        self.dirty = 0;
        self.last_save_ms = self.clock.now_ms() as i64;
        Ok(())
    }
}
