//! Changes to a listpack in any order against a vector of texts, and any bytes in its form: read whole, or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tarn::base::num::NumBuf;
use tarn::types::listpack::{At, Listpack};
use tarn::types::value::Value;

/// Steps of one input, so that its time stays below the square of that.
const STEPS_MAX: usize = 256;

fuzz_target!(|data: &[u8]| {
    let Some((head, data)) = data.split_first() else { return };
    if head & 1 == 0 {
        steps(data);
    } else {
        read(data);
        // The same as elements in a right frame, which gets further.
        let total = data.len() as u32 + 7;
        read(&[&total.to_le_bytes()[..], &[255, 255], data, &[255]].concat());
    }
});

fn text(value: Value<'_>) -> Vec<u8> {
    value.bytes(&mut NumBuf::new()).to_vec()
}

/// A text of few bytes, a long one of one letter, or an integer of any width.
fn value(data: &mut &[u8]) -> Vec<u8> {
    let [kind, more, rest @ ..] = data else { return Vec::new() };
    let (kind, more) = (*kind, usize::from(*more));
    *data = rest;
    match kind & 3 {
        0 | 1 => {
            let (text, rest) = data.split_at((more & 31).min(data.len()));
            *data = rest;
            text.to_vec()
        }
        2 => vec![b'x'; more << (kind >> 4 & 7)],
        _ => {
            let mut wide = [0; 8];
            let (bytes, rest) = data.split_at((more & 7).min(data.len()));
            wide[..bytes.len()].copy_from_slice(bytes);
            *data = rest;
            let value = i64::from_le_bytes(wide);
            let value = if kind & 4 == 0 { value } else { value.wrapping_neg() };
            value.to_string().into_bytes()
        }
    }
}

fn steps(mut data: &[u8]) {
    let (mut pack, mut model) = (Listpack::new(), Vec::<Vec<u8>>::new());
    for _ in 0..STEPS_MAX {
        let [step, place, rest @ ..] = data else { break };
        data = rest;
        let i = usize::from(*place) % model.len().max(1);
        let at = pack.at(i as i64);
        match (step & 7, at) {
            (0, _) | (_, None) => {
                let v = value(&mut data);
                pack.push_back(&v);
                model.push(v);
            }
            (1, _) => {
                let v = value(&mut data);
                pack.push_front(&v);
                model.insert(0, v);
            }
            (2, Some(at)) => {
                let v = value(&mut data);
                assert_eq!(pack.insert_before(at, &v), at);
                model.insert(i, v);
            }
            (3, Some(at)) => {
                let v = value(&mut data);
                let at = pack.insert_after(at, &v);
                assert_eq!(Some(at), pack.at(i as i64 + 1));
                model.insert(i + 1, v);
            }
            (4, Some(at)) => {
                let v = value(&mut data);
                assert_eq!(pack.replace(at, &v), at);
                model[i] = v;
            }
            (5, Some(at)) => {
                let n = usize::from(step >> 3);
                let next = pack.remove_range(at, n);
                model.drain(i..(i + n).min(model.len()));
                assert_eq!(next, pack.at(i as i64));
            }
            (6, Some(at)) => {
                let tail = pack.split_off(at);
                same(&tail, &model[i..]);
                pack.append(&tail);
            }
            (_, Some(at)) => {
                let skip = usize::from(step >> 3 & 1);
                let v = value(&mut data);
                let v = if step >> 4 & 1 == 0 { v } else { model[v.len() % model.len()].clone() };
                let found = (i..model.len()).step_by(skip + 1).find(|i| model[*i] == v);
                assert_eq!(pack.find(at, &v, skip), found.and_then(|i| pack.at(i as i64)));
            }
        }
        same(&pack, &model);
    }
    match Listpack::from_bytes(pack.as_bytes()) {
        Ok(again) => same(&again, &model),
        Err(_) => panic!("what we write is refused"),
    }
}

fn same(pack: &Listpack, model: &[Vec<u8>]) {
    assert_eq!(pack.len(), model.len());
    assert!(pack.iter().map(text).eq(model.iter().cloned()));
    assert!(pack.iter().rev().map(text).eq(model.iter().rev().cloned()));
}

fn read(bytes: &[u8]) {
    let Ok(mut pack) = Listpack::from_bytes(bytes) else { return };
    let all: Vec<Vec<u8>> = pack.iter().map(text).collect();
    same(&pack, &all);
    let places: Vec<At> = std::iter::successors(pack.first(), |at| pack.next(*at)).collect();
    let back = std::iter::successors(pack.last(), |at| pack.prev(*at));
    assert!(places.iter().rev().copied().eq(back));
    if let (Some(first), Some(last)) = (pack.first(), all.last()) {
        assert!(pack.find(first, last, 0).is_some_and(|at| text(pack.get(at)) == *last));
    }
    pack.push_back(b"more");
    while let Some(first) = pack.first() {
        pack.remove(first);
    }
    assert_eq!(pack.bytes(), 7);
}
