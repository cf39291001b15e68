//! Counter files for a program, as our writer makes them: any flavour, several segments, odd args.

use bstr::BStr;
use covfmt::ids::{FunctionIndex, MetaHash, PackageIndex};
use covfmt::layout::Flavor;
use covfmt::mode::CounterMode;
use covfmt::write::{CounterWriter, SegmentArgs};
use fastrand::Rng;

use super::program::{Program, pick};
use super::traits::{Trait, Traits};

/// How likely odd things are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Care {
    /// Only what the format's writers make.
    Sound,
    /// Also counters that do not fit the meta file.
    Skewed,
}

/// The bytes of a counter file.
pub(super) fn draw(
    rng: &mut Rng,
    program: &Program,
    hash: MetaHash,
    care: Care,
    traits: &mut Traits,
) -> Vec<u8> {
    let flavor = match rng.u8(..8) {
        0 => Flavor::RawLittleEndian,
        1 => Flavor::RawBigEndian,
        2 => Flavor::Uleb128 { big_endian_flag: true },
        _ => Flavor::GO,
    };
    match flavor {
        Flavor::RawLittleEndian => _ = traits.insert(Trait::Raw),
        Flavor::RawBigEndian => _ = traits.insert(Trait::BigEndian),
        Flavor::Uleb128 { .. } => {}
    }
    let segments = if rng.u8(..5) == 0 { rng.usize(2..4) } else { 1 };
    if segments > 1 {
        traits.insert(Trait::SeveralSegments);
    }
    let mut writer = CounterWriter::new(hash, flavor);
    for _ in 0..segments {
        let args = draw_args(rng, traits);
        let pairs = args.iter().map(|(key, value)| (BStr::new(key), BStr::new(value))).collect();
        let functions = draw_functions(rng, program, care, traits);
        let functions =
            functions.iter().map(|(package, function, counters)| (*package, *function, &counters[..]));
        writer.append_segment(&SegmentArgs::new(pairs), functions).unwrap();
    }
    writer.finish()
}

type Counted = (PackageIndex, FunctionIndex, Vec<u32>);

fn draw_functions(rng: &mut Rng, program: &Program, care: Care, traits: &mut Traits) -> Vec<Counted> {
    // From nothing ran to everything ran.
    let (live, hit, dead) = (rng.u8(..=8), rng.u8(1..=8), rng.u8(..6) == 0);
    let largest = *pick(rng, &[1, 1, 9, 1_000_000, u32::MAX, u32::MAX]);
    let mut all = Vec::new();
    for (package, functions) in (0_u32..).zip(program.packages.iter().map(|package| &package.functions)) {
        for (function, units) in (0_u32..).zip(functions.iter().map(|function| &function.units)) {
            let ran = rng.u8(..8) < live;
            if !ran && !dead {
                continue;
            }
            if !ran {
                traits.insert(Trait::DeadFunctions);
            }
            let mut count = |_| {
                if !ran || rng.u8(..8) >= hit {
                    return 0;
                }
                if program.mode == CounterMode::Set && rng.u8(..20) != 0 {
                    return 1;
                }
                if largest == u32::MAX { u32::MAX - rng.u32(..3) } else { rng.u32(1..=largest) }
            };
            let counters: Vec<u32> = (0..units.len()).map(&mut count).collect();
            if counters.iter().any(|count| *count > u32::MAX / 2) {
                traits.insert(Trait::Saturating);
            }
            all.push((PackageIndex(package), FunctionIndex(function), counters));
        }
    }
    if rng.bool() {
        rng.shuffle(&mut all);
    }
    if rng.u8(..12) == 0 && !all.is_empty() {
        let copy = pick(rng, &all).clone();
        all.push(copy);
        traits.insert(Trait::FunctionTwice);
    }
    if care == Care::Skewed && rng.u8(..3) == 0 {
        skew(rng, &mut all);
        traits.insert(Trait::SkewedCounters);
    }
    all
}

/// Counters of functions that are not there, or of another number of units.
fn skew(rng: &mut Rng, all: &mut Vec<Counted>) {
    let place = rng.usize(..=all.len());
    match rng.u8(..7) {
        0 => all.insert(place, (PackageIndex(rng.u32(..1_000)), FunctionIndex(0), vec![1])),
        1 => all.insert(place, (PackageIndex(0), FunctionIndex(rng.u32(..100)), vec![1, 2])),
        2 => all.insert(place, (PackageIndex(0), FunctionIndex(0), vec![1; rng.usize(..12)])),
        3 => {
            if let Some((_, _, counters)) = all.last_mut() {
                counters.pop();
            }
        }
        4 => {
            if let Some((_, _, counters)) = all.last_mut() {
                counters.push(1);
            }
        }
        _ => {
            // A file of its own for functions that are all short.
            for (_, _, counters) in &mut *all {
                counters.truncate(1);
            }
        }
    }
}

/// The args of a run: as Go writes them, mostly.
fn draw_args(rng: &mut Rng, traits: &mut Traits) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut args: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let mut put = |key: &str, value: &[u8]| args.push((key.as_bytes().to_vec(), value.to_vec()));
    if rng.u8(..10) != 0 {
        put("GOOS", pick(rng, &["linux", "linux", "linux", "darwin"]).as_bytes());
    }
    if rng.u8(..10) != 0 {
        put("GOARCH", pick(rng, &["amd64", "amd64", "arm64"]).as_bytes());
    }
    if rng.u8(..8) != 0 {
        let choices: [&[&[u8]]; 7] = [
            &[b"/app/server"],
            &[b"/app/server"],
            &[b"/app/server", b"-v"],
            &[b"/app/server", b"", b"a b", b"[x]"],
            &["/app/größe".as_bytes(), b"\xff", b"%d", b"new\nline"],
            &[b"linux", b"argc", b"linux"],
            &[],
        ];
        let values = *pick(rng, &choices);
        put("argc", values.len().to_string().as_bytes());
        for (index, value) in values.iter().enumerate() {
            put(&format!("argv{index}"), value);
        }
    }
    match rng.u8(..90) {
        0 => put("unknown", b"key"),
        1 => put("argv900", b"far"),
        2 => {
            let long = vec![b'y'; rng.usize(1_000..20_000)];
            put("GOEXPERIMENT", &long);
        }
        3 => {
            args.retain(|(key, _)| key != b"argc");
            args.push((
                b"argc".to_vec(),
                pick(rng, &[&b"x"[..], b"", b"+2", b"002", b"1_0", b"0x1"]).to_vec(),
            ));
        }
        4 => args.push((b"argv300".to_vec(), b"300".to_vec())),
        5 => {
            // More strings than one byte of ULEB128 counts.
            args = vec![(b"argc".to_vec(), b"200".to_vec())];
            args.extend((0..200).map(|i| (format!("argv{i}").into_bytes(), format!("v{i}").into_bytes())));
        }
        6 => {
            if let Some(pair) = args.first().cloned() {
                args.push(pair);
            }
        }
        _ => return sorted(rng, args),
    }
    traits.insert(Trait::StrangeArgs);
    sorted(rng, args)
}

fn sorted(rng: &mut Rng, mut args: Vec<(Vec<u8>, Vec<u8>)>) -> Vec<(Vec<u8>, Vec<u8>)> {
    if rng.u8(..6) == 0 {
        rng.shuffle(&mut args);
    } else {
        args.sort();
    }
    args
}
