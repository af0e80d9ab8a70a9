//! `math`. Random numbers come from a generator that is seeded alike at every start, as in the reference.

use super::call::{Call, Run, Vm};
use super::value::{Res, Value};

macro_rules! of_one {
    ($($name:ident = $f:expr;)*) => {$(
        fn $name(run: &mut Run<'_>, call: Call) -> Res<usize> {
            let x = run.number(call, 0)?;
            let f: fn(f64) -> f64 = $f;
            run.give(Value::Num(f(x)))
        }
    )*};
}
of_one! {
    abs = f64::abs; acos = f64::acos; asin = f64::asin; atan = f64::atan; ceil = f64::ceil; cos = f64::cos;
    cosh = f64::cosh; deg = |x| x / (std::f64::consts::PI / 180.0); exp = f64::exp; floor = f64::floor; log = f64::ln;
    log10 = f64::log10; rad = |x| x * (std::f64::consts::PI / 180.0); sin = f64::sin; sinh = f64::sinh;
    sqrt = f64::sqrt; tan = f64::tan; tanh = f64::tanh;
}

/// Adds it.
pub fn open(vm: &mut Vm) {
    let math = vm.library(
        "math",
        &[
            ("abs", abs),
            ("acos", acos),
            ("asin", asin),
            ("atan", atan),
            ("atan2", atan2),
            ("ceil", ceil),
            ("cos", cos),
            ("cosh", cosh),
            ("deg", deg),
            ("exp", exp),
            ("floor", floor),
            ("fmod", fmod),
            ("frexp", frexp),
            ("ldexp", ldexp),
            ("log", log),
            ("log10", log10),
            ("max", max),
            ("min", min),
            ("mod", fmod),
            ("modf", modf),
            ("pow", pow),
            ("rad", rad),
            ("random", random),
            ("randomseed", randomseed),
            ("sin", sin),
            ("sinh", sinh),
            ("sqrt", sqrt),
            ("tan", tan),
            ("tanh", tanh),
        ],
    );
    vm.heap.set_field(math, "pi", Value::Num(std::f64::consts::PI));
    vm.heap.set_field(math, "huge", Value::Num(f64::INFINITY));
}

fn atan2(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let v = run.number(call, 0)?.atan2(run.number(call, 1)?);
    run.give(Value::Num(v))
}

fn fmod(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let v = run.number(call, 0)? % run.number(call, 1)?;
    run.give(Value::Num(v))
}

fn pow(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let v = run.number(call, 0)?.powf(run.number(call, 1)?);
    run.give(Value::Num(v))
}

fn frexp(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let x = run.number(call, 0)?;
    let (mut m, mut e) = (x, 0);
    if x != 0.0 && x.is_finite() {
        // Numbers below the normal ones are lifted first.
        let (lifted, by) = if x.abs() < f64::MIN_POSITIVE { (x * 2f64.powi(64), -64) } else { (x, 0) };
        e = ((lifted.to_bits() >> 52) & 0x7ff) as i32 - 1022 + by;
        m = f64::from_bits((lifted.to_bits() & !(0x7ff << 52)) | (1022 << 52));
    }
    run.push(Value::Num(m));
    run.push(Value::Num(e as f64));
    Ok(2)
}

fn ldexp(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let (m, e) = (run.number(call, 0)?, run.int(call, 1)?.clamp(-2200, 2200) as i32);
    // In two steps: 2^e alone can be beyond the range while the product is not.
    let v = m * 2f64.powi(e / 2) * 2f64.powi(e - e / 2);
    run.give(Value::Num(v))
}

fn modf(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let x = run.number(call, 0)?;
    run.push(Value::Num(x.trunc()));
    run.push(Value::Num(if x.is_infinite() { 0.0f64.copysign(x) } else { x - x.trunc() }));
    Ok(2)
}

fn max(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let mut most = run.number(call, 0)?;
    for i in 1..call.n {
        let x = run.number(call, i)?;
        if x > most {
            most = x;
        }
    }
    run.give(Value::Num(most))
}

fn min(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let mut least = run.number(call, 0)?;
    for i in 1..call.n {
        let x = run.number(call, i)?;
        if x < least {
            least = x;
        }
    }
    run.give(Value::Num(least))
}

/// The multiplier and the increment of the 48-bit generator that `drand48` is too: the reference's sequence.
const STEP: (u64, u64) = (0x5DEE_CE66D, 0xB);
const MASK: u64 = (1 << 48) - 1;
/// What `redisLrand48` may give at the most.
const RANDOM_MAX: i64 = i32::MAX as i64;

/// The generator's state before any seed.
pub const FIRST: u64 = 0x1234_ABCD_330E;

/// Its state after a seed.
fn seeded(seed: i32) -> u64 {
    ((seed as u32 as u64) << 16 | 0x330E) & MASK
}

fn random(run: &mut Run<'_>, call: Call) -> Res<usize> {
    let rng = &mut run.vm.rng;
    *rng = rng.wrapping_mul(STEP.0).wrapping_add(STEP.1) & MASK;
    let r = ((*rng >> 17) as i64 % RANDOM_MAX) as f64 / RANDOM_MAX as f64;
    let (low, high) = match call.n {
        0 => return run.give(Value::Num(r)),
        1 => (1, run.int(call, 0)?),
        2 => (run.int(call, 0)?, run.int(call, 1)?),
        _ => return run.error("wrong number of arguments"),
    };
    if low > high {
        return run.bad_arg(call, call.n - 1, "interval is empty");
    }
    let width = (high as f64 - low as f64) + 1.0;
    run.give(Value::Num((r * width).floor() + low as f64))
}

fn randomseed(run: &mut Run<'_>, call: Call) -> Res<usize> {
    run.vm.rng = seeded(run.int(call, 0)? as i32);
    Ok(0)
}
