//! Values as the reference makes them (Valkey 9.1), and agreement of the two encodings.

use super::*;

fn empty_dense() -> Vec<u8> {
    let mut dense = vec![0; DENSE_LEN];
    to_dense(&EMPTY, &mut dense).unwrap();
    dense
}

/// A sparse value with these registers raised, and what came of the last one.
fn sparse_of(places: impl Iterator<Item = Place>, len_max: usize) -> (Vec<u8>, Raised) {
    let mut buffer = vec![0; Sparse::room(EMPTY.len(), REGISTERS, len_max)];
    buffer[..EMPTY.len()].copy_from_slice(&EMPTY);
    let mut sparse = Sparse::new(&mut buffer, EMPTY.len(), len_max);
    let mut last = Raised::No;
    for place in places {
        last = sparse.raise(place).unwrap();
        if last == Raised::NeedsDense {
            break;
        }
    }
    (sparse.value().to_vec(), last)
}

#[test]
fn elements_choose_registers() {
    let expected: [(&[u8], usize, u8); 5] = [
        (b"", 5938, 2),
        (b"a", 12711, 2),
        (b"1234567", 10327, 3),
        (b"12345678", 10579, 3),
        (b"hello world, longer than sixteen", 10052, 2),
    ];
    for (element, index, rank) in expected {
        assert_eq!(place(element), Place { index, rank });
    }
}

#[test]
fn estimates_are_the_references() {
    let filled = |rank: u8| {
        let mut value = empty_dense();
        (0..REGISTERS).for_each(|index| {
            dense_raise(&mut value, Place { index, rank });
        });
        count(&value)
    };
    let expected = [(0, 0), (1, 23637), (2, 47274), (33, 101_520_638_258_700), (50, 1 << 63), (63, 1 << 63)];
    for (rank, n) in expected {
        assert_eq!(filled(rank), Ok(n), "{rank}");
    }
}

#[test]
fn runs_are_split_and_joined() {
    let raised = |places: &[(usize, u8)]| {
        let places = places.iter().map(|&(index, rank)| Place { index, rank });
        sparse_of(places, 3000).0[HEADER..].to_vec()
    };
    assert_eq!(raised(&[(0, 1)]), [0x80, 0x7f, 0xfe]);
    assert_eq!(raised(&[(16383, 32)]), [0x7f, 0xfe, 0xfc]);
    assert_eq!(raised(&[(64, 1)]), [0x3f, 0x80, 0x7f, 0xbe]);
    assert_eq!(raised(&[(65, 1)]), [0x40, 0x40, 0x80, 0x7f, 0xbd]);
    assert_eq!(raised(&[(0, 1), (1, 1), (2, 1), (3, 1), (4, 1)]), [0x83, 0x80, 0x7f, 0xfa]);
    assert_eq!(raised(&[(0, 1), (2, 1), (1, 1)]), [0x82, 0x7f, 0xfc]);
    assert_eq!(raised(&[(0, 1), (1, 1), (2, 1), (1, 2)]), [0x80, 0x84, 0x80, 0x7f, 0xfc]);
    assert_eq!(raised(&[(5, 3), (5, 2), (5, 3)]), [0x04, 0x88, 0x7f, 0xf9]);
}

#[test]
fn a_sparse_value_says_when_it_is_too_small() {
    let raise = |rank, len_max| sparse_of(std::iter::once(Place { index: 9, rank }), len_max).1;
    assert_eq!(raise(32, 21), Raised::Yes);
    assert_eq!(raise(32, 19), Raised::NeedsDense);
    assert_eq!(raise(33, 3000), Raised::NeedsDense);
    // What is too long already may still change in place.
    assert_eq!(raise(1, 0), Raised::NeedsDense);
}

#[test]
fn spoiled_values_are_told() {
    let with = |runs: &[u8]| [&EMPTY[..HEADER], runs].concat();
    let whole = with(&[0x7f, 0xff]);
    assert!(is_whole(&whole));
    for runs in [&[][..], &[0x7f], &[0x7f, 0xfe], &[0x7f, 0xff, 0x00], &[0x7f, 0xff, 0x80], &[0x3f; 255]] {
        let value = with(runs);
        assert!(!is_whole(&value) && count(&value) == Err(Corrupt), "{runs:x?}");
        assert_eq!(Registers::new().merge(&value), Err(Corrupt));
        assert_eq!(to_dense(&value, &mut vec![0; DENSE_LEN]), Err(Corrupt));
    }
    assert_eq!(sparse_get(&with(&[0x7f, 0xfe]), 16382), Ok(0));
    assert_eq!(sparse_get(&with(&[0x7f, 0xfe]), 16383), Err(Corrupt));
    assert_eq!(encoding(&whole), Some(Encoding::Sparse));
    assert_eq!(encoding(&empty_dense()), Some(Encoding::Dense));
    assert_eq!(encoding(&empty_dense()[1..]), None);
    assert_eq!(encoding(&empty_dense()[..DENSE_LEN - 1]), None);
    assert_eq!(encoding(b"HYLL\x01"), None);
    assert_eq!(encoding(b"HYLL\x02\0\0\0\0\0\0\0\0\0\0\0\x7f\xff"), None);
}

/// Elements one by one into both encodings, and in ascending order of registers, as PFMERGE does.
#[test]
fn encodings_agree() {
    let n: u64 = if cfg!(miri) { 40 } else { 2000 };
    let mut dense = empty_dense();
    let places: Vec<Place> = (0..n).map(|i| place(&i.to_le_bytes())).collect();
    for place in &places {
        dense_raise(&mut dense, *place);
    }
    outdate(&mut dense);
    let (sparse, _) = sparse_of(places.iter().copied(), 1 << 20);
    let mut again = vec![0; DENSE_LEN];
    to_dense(&sparse, &mut again).unwrap();
    assert!(again == dense, "a dense value of the same registers");
    assert_eq!(count(&sparse), count(&dense));
    let mut registers = Registers::new();
    registers.merge(&sparse).unwrap();
    registers.merge(&dense).unwrap();
    assert_eq!(Ok(registers.count()), count(&dense));
    let mut written = empty_dense();
    registers.write_dense(&mut written);
    outdate(&mut written);
    assert!(written == dense, "registers written back");
    for (index, rank) in registers.ranks().enumerate() {
        assert_eq!((dense_get(&dense, index), sparse_get(&sparse, index)), (rank, Ok(rank)));
    }
    // Searching from where the last search ended must be the same as from the start.
    let (ascending, _) = sparse_of(registers.places(), 1 << 20);
    let mut buffer = vec![0; 1 << 17];
    buffer[..EMPTY.len()].copy_from_slice(&EMPTY);
    let mut len = EMPTY.len();
    for place in registers.places() {
        let mut fresh = Sparse::new(&mut buffer, len, 1 << 20);
        fresh.raise(place).unwrap();
        len = fresh.value().len();
    }
    assert!(buffer[..len] == ascending, "one by one");
}

#[test]
fn a_count_is_kept() {
    let mut value = EMPTY;
    assert_eq!(cached_count(&value), Some(0));
    outdate(&mut value);
    assert_eq!(cached_count(&value), None);
    cache_count(&mut value, 77);
    assert_eq!(cached_count(&value), Some(77));
}
