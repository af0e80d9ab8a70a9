//! Any bytes as a HyperLogLog, and any registers raised in it: no panic, a value that is whole stays so and is what a
//! plain model of 16384 bytes says, one that is not ends in an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tarn::types::hll::{self, Corrupt, Encoding, Place, Raised, Registers, Sparse};

fuzz_target!(|data: &[u8]| {
    let Some((head, rest)) = data.split_first_chunk::<4>() else { return };
    let (places, runs) = rest.split_at(rest.len().min(usize::from(head[0])));
    let places: Vec<Place> = places
        .as_chunks::<2>()
        .0
        .iter()
        .map(|[low, high]| {
            let index = usize::from(u16::from_le_bytes([*low, *high])) % hll::REGISTERS;
            // Near one another, so that runs are joined, or anywhere.
            Place { index: if head[1] & 1 == 0 { index % 32 } else { index }, rank: 1 + high % 40 }
        })
        .collect();
    let value = match head[1] >> 1 & 3 {
        0 => rest.to_vec(),
        1 => hll::EMPTY.to_vec(),
        2 => [&hll::EMPTY[..hll::HEADER], runs, &[0x7f, 0xff]].concat(),
        _ => [&hll::EMPTY[..hll::HEADER], runs].concat(),
    };
    let len_max = usize::from(u16::from_le_bytes([head[2], head[3]]));
    match hll::encoding(&value) {
        Some(Encoding::Sparse) => sparse(value, &places, len_max),
        Some(Encoding::Dense) => assert!(hll::count(&value).is_ok()),
        None => assert_eq!(hll::count(&value), Err(Corrupt)),
    }
});

fn sparse(value: Vec<u8>, places: &[Place], len_max: usize) {
    let whole = hll::is_whole(&value);
    let mut registers = Registers::new();
    assert_eq!(registers.merge(&value).is_ok(), whole);
    assert_eq!(hll::count(&value).is_ok(), whole);
    let mut model: Vec<u8> = registers.ranks().collect();
    let len = value.len();
    let mut buffer = value.clone();
    buffer.resize(Sparse::room(len, places.len(), len_max), 0);
    let mut one_by_one = buffer.clone();
    let mut short = len;
    let mut sparse = Sparse::new(&mut buffer, len, len_max);
    for place in places {
        let raised = sparse.raise(*place);
        let mut fresh = Sparse::new(&mut one_by_one, short, len_max);
        assert_eq!(fresh.raise(*place), raised, "searched from the start");
        short = fresh.value().len();
        assert_eq!(fresh.value(), sparse.value());
        assert!(sparse.value().len() <= len.max(len_max));
        if !whole {
            continue;
        }
        let (raised, held) = (raised.unwrap(), &mut model[place.index]);
        assert_eq!(raised == Raised::No, *held >= place.rank);
        if raised == Raised::Yes {
            *held = place.rank;
        }
    }
    if whole {
        both(sparse.value(), &model);
    }
}

/// A whole value against the model, in both encodings.
fn both(value: &[u8], model: &[u8]) {
    let mut dense = vec![0; hll::DENSE_LEN];
    assert_eq!(hll::to_dense(value, &mut dense), Ok(()));
    assert_eq!(hll::count(value), hll::count(&dense));
    let (mut from_sparse, mut from_dense) = (Registers::new(), Registers::new());
    assert_eq!(from_sparse.merge(value).and(from_dense.merge(&dense)), Ok(()));
    assert!(from_sparse.ranks().eq(model.iter().copied()) && from_dense.ranks().eq(model.iter().copied()));
    let mut again = dense.clone();
    from_dense.write_dense(&mut again);
    assert_eq!(again, dense);
}
