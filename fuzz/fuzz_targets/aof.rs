//! Append-only files and manifests of any bytes: no panic, no hang; and what is
//! cut off as a torn end leaves a file that is right.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use tarn::persist::aof::manifest::Manifest;
use tarn::persist::aof::scan::{Scanner, Item, tail, verify};
use tarn::sys::disk::{Disk, File, MemoryDisk, Open};

fn file(bytes: &[u8]) -> Box<dyn File> {
    let (disk, path) = (MemoryDisk::new(), Path::new("f"));
    let written = disk.open(path, Open::New).and_then(|mut f| f.write_all(bytes));
    written.and_then(|()| disk.open(path, Open::Read)).expect("a disk in memory")
}

fuzz_target!(|data: &[u8]| {
    if let Ok(manifest) = Manifest::parse(data) {
        let again = Manifest::parse(&manifest.to_bytes());
        assert!(manifest.is_empty() && manifest.history.is_empty() || again.is_ok_and(|m| m.to_bytes() == manifest.to_bytes()));
    }
    let size = data.len() as u64;
    let verdict = verify(file(data), 0, size, &mut |_, _| true);
    assert!(verdict.good <= size);
    let Some(cut) = tail(&mut *file(data), &verdict).expect("a disk in memory") else { return };
    assert!(cut <= size);
    let rest = &data[..cut as usize];
    let verdict = verify(file(rest), 0, cut, &mut |_, _| true);
    assert!(verdict.fault.is_none(), "{verdict:?}");
    let mut scanner = Scanner::new(file(rest), 0, cut).expect("a disk in memory");
    while scanner.next_item().expect("it was verified") != Item::End {}
});
