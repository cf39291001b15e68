//! Every target on its seeds, on damaged copies of them, and on every input that fuzzing found something with.
#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

use std::fs;
use std::path::Path;

use fuzz::{TARGETS, seeds};

#[test]
fn seeds_break_no_promise() {
    for target in TARGETS {
        let seeds = seeds(target.name);
        assert!(!seeds.is_empty(), "{} has no seeds", target.name);
        for seed in &seeds {
            (target.run)(&seed.bytes);
        }
        // And halves, and some with a byte changed.
        for seed in seeds.iter().step_by(seeds.len().div_ceil(8)) {
            (target.run)(&seed.bytes[..seed.bytes.len() / 2]);
            for at in (0..seed.bytes.len()).step_by(seed.bytes.len().div_ceil(12).max(1)) {
                let mut bytes = seed.bytes.clone();
                bytes[at] ^= 1 << (at % 8);
                (target.run)(&bytes);
            }
        }
        (target.run)(b"");
    }
}

/// A short run of each target without libFuzzer: seeds with bytes set, taken out, doubled and joined, the same each time. The
/// variable `FUZZ_ROUNDS` asks for more than the usual.
#[test]
fn a_moment_of_fuzzing_finds_nothing() {
    let rounds = std::env::var("FUZZ_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(300);
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut below = |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % limit.max(1) as u64).unwrap()
    };
    for target in TARGETS {
        let seeds: Vec<_> = seeds(target.name).into_iter().filter(|seed| seed.bytes.len() < 8192).collect();
        for _ in 0..rounds {
            let mut bytes = seeds[below(seeds.len())].bytes.clone();
            for _ in 0..=below(4) {
                let at = below(bytes.len());
                match below(5) {
                    0 if !bytes.is_empty() => drop(bytes.remove(at)),
                    1 => bytes.insert(at, u8::try_from(below(256)).unwrap()),
                    2 => bytes.truncate(at),
                    3 => {
                        let other = &seeds[below(seeds.len())].bytes;
                        bytes.truncate(at);
                        bytes.extend_from_slice(&other[below(other.len())..]);
                    }
                    _ if !bytes.is_empty() => bytes[at] = u8::try_from(below(256)).unwrap(),
                    _ => {}
                }
            }
            (target.run)(&bytes);
        }
        println!("{}: {rounds} inputs", target.name);
    }
}

#[test]
fn what_was_found_once_is_found_no_more() {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("found");
    for directory in fs::read_dir(&found).unwrap() {
        let directory = directory.unwrap();
        let name = directory.file_name().into_string().unwrap();
        if !directory.path().is_dir() {
            continue;
        }
        let target = fuzz::target(&name).unwrap_or_else(|| panic!("found/{name} is of no target"));
        for input in fs::read_dir(directory.path()).unwrap() {
            (target.run)(&fs::read(input.unwrap().path()).unwrap());
        }
    }
}

#[test]
fn each_target_has_a_binary() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    for target in TARGETS {
        assert!(manifest.contains(&format!("name = \"{}\"\npath = \"targets/{0}.rs\"", target.name)));
    }
}
