//! Real files, cut at every byte and with flipped bits.

use std::path::{Path, PathBuf};

use covfmt::integrity::{Integrity, check_integrity};
use covfmt::merge::{MergeOptions, merge_files};
use covfmt::meta::MetaTables;
use covfmt::pod::{Depth, GoPod, group, scan};
use covfmt::read::{CounterFile, MetaFile};

const VERSIONS: [&str; 4] = ["1.21.13", "1.24.11", "1.26.6", "1.27.3"];

fn pods(version: &str) -> Vec<GoPod> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata/recorded")
        .join(version)
        .join("server-atomic/data/pod-0");
    group(&scan(&[data], Depth::Recursive).unwrap()).pods
}

fn read(path: &PathBuf) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

/// A meta file and a counter file of a server, as a version of Go wrote them.
fn files(version: &str) -> (Vec<u8>, Vec<u8>) {
    let pod = pods(version).remove(0);
    (read(&pod.meta), read(&pod.counters[0].path))
}

fn meta_is_sound(bytes: &[u8]) -> bool {
    let sound = MetaFile::parse(bytes).and_then(|file| check_integrity(&file)) == Ok(Integrity::Sound);
    // Decoding without hashes must not fall over it either.
    drop(MetaTables::decode(bytes));
    sound
}

/// The counts that a file gives, if it is taken.
fn merge(tables: &MetaTables, bytes: &[u8]) -> Option<Vec<u32>> {
    let read = |(): &(), buffer: &mut Vec<u8>| {
        buffer.extend_from_slice(bytes);
        Ok::<(), ()>(())
    };
    merge_files(tables, &[()], MergeOptions::default(), read).ok().map(|counts| counts.units().to_vec())
}

#[test]
fn no_cut_goes_unnoticed() {
    let mut cuts = 0;
    for version in VERSIONS {
        let (meta, counters) = files(version);
        let tables = MetaTables::decode(&meta).unwrap();
        for at in 0..meta.len() {
            assert!(MetaTables::decode(&meta[..at]).is_err(), "{version} meta file cut at {at}");
        }
        for at in 0..counters.len() {
            assert!(merge(&tables, &counters[..at]).is_none(), "{version} counter file cut at {at}");
        }
        cuts += meta.len() + counters.len();
    }
    println!("{cuts} cuts");
}

#[test]
fn no_flipped_bit_of_a_header_goes_unnoticed() {
    let mut flips = 0;
    for version in VERSIONS {
        let (meta, counters) = files(version);
        let tables = MetaTables::decode(&meta).unwrap();
        let true_counts = merge(&tables, &counters).unwrap();
        for bit in 0..56 * 8 {
            let mut bytes = meta.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(!meta_is_sound(&bytes), "{version} bit {bit} of the meta file's header");
        }
        let footer = counters.len() - 16;
        for bit in (0..(32 + 16) * 8).chain(footer * 8..counters.len() * 8) {
            let mut bytes = counters.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            // The byte-order flag means nothing in this flavour: another one gives the same counts.
            let counts = merge(&tables, &bytes);
            assert!(
                counts.is_none() || (bit / 8 == 25 && counts == Some(true_counts.clone())),
                "{version} bit {bit}"
            );
        }
        flips += (56 + 32 + 16 + 16) * 8;
    }
    println!("{flips} bits of headers and footers");
}

/// Numbers without pattern, the same each time: xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }
}

#[test]
fn flips_anywhere_give_the_truth_or_an_error_where_the_format_can_tell() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut refused, mut taken) = (0, 0);
    for version in VERSIONS {
        let (meta, counters) = files(version);
        let tables = MetaTables::decode(&meta).unwrap();
        let truth = merge(&tables, &counters).unwrap();
        let flip = |bytes: &[u8], random: &mut Random| {
            let mut flipped = bytes.to_vec();
            for _ in 0..=random.below(3) {
                flipped[random.below(bytes.len())] ^= 1 << random.below(8);
            }
            flipped
        };
        for _ in 0..1000 {
            let bytes = flip(&meta, &mut random);
            // Two flips may undo each other.
            assert!(bytes == meta || !meta_is_sound(&bytes), "{version}");
            let bytes = flip(&counters, &mut random);
            let Some(counts) = merge(&tables, &bytes) else {
                refused += 1;
                continue;
            };
            taken += 1;
            // A counter file has no checksum. What is taken has the functions of the file, each with as many counters as it has
            // units, so that only how often it ran, or which of two alike, can be wrong: a few numbers and never more.
            let file = CounterFile::parse(&bytes).unwrap();
            let original = CounterFile::parse(&counters).unwrap();
            assert_eq!(file.segments()[0].function_count(), original.segments()[0].function_count());
            let units = counts.iter().zip(&truth).filter(|(found, expected)| found != expected).count();
            let largest = tables.functions().iter().map(|f| f.unit_positions().len()).max().unwrap();
            assert!(units <= 3 * 2 * largest, "{units}");
        }
    }
    println!(
        "4000 flips of meta files refused; of counter files {refused} refused, {taken} with the numbers of whole functions"
    );
    assert!(refused > 500 && taken > 500);
}
