//! What fuzzing starts from: recorded files, sources and texts of `testdata`, and parts of them.

use std::fs;
use std::path::{Path, PathBuf};

use covfmt::layout::{COUNTER_HEADER_BYTES, FOOTER_BYTES, PACKAGE_HEADER_BYTES};
use covfmt::pod::{Depth, FileName, FoundFile, scan};
use covfmt::read::MetaFile;

/// An input to start from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    /// Where it comes from.
    pub origin: String,
    /// The bytes that a target takes.
    pub bytes: Vec<u8>,
}

/// Larger inputs only slow fuzzing down. Bytes.
const LARGEST: usize = 64 << 10;

/// The seeds of a target, by its name.
pub fn seeds(target: &str) -> Vec<Seed> {
    let mut seeds = match target {
        "meta" => recorded(is_meta),
        "package" | "function" | "strings" => parts(target),
        "counters" => recorded(is_counters),
        "segment" => recorded(is_counters).into_iter().filter_map(segment).collect(),
        "dropin" => [(0, recorded(is_meta)), (1, recorded(is_counters))]
            .into_iter()
            .flat_map(|(kind, files)| (0..5).flat_map(move |command| led_by(kind | command << 1, &files)))
            .collect(),
        "unpack" => archives(),
        "scanner" => named("src", |name| Path::new(name).extension().is_some_and(|end| end == "go")),
        "modfile" => named("src", |name| matches!(name, "go.mod" | "go.work")),
        "manifest" => vec![documented_manifest()],
        "names" => named("recorded", |name| name.starts_with("cov"))
            .into_iter()
            .map(|seed| Seed { bytes: base_name(Path::new(&seed.origin)).as_bytes().to_vec(), ..seed })
            .collect(),
        // Decisions, not files: any bytes will do.
        _ => (0..8).map(|n| Seed { origin: format!("bytes {n}"), bytes: scrambled(n) }).collect(),
    };
    seeds.retain(|seed| seed.bytes.len() <= LARGEST);
    let mut seen = std::collections::HashSet::new();
    seeds.retain(|seed| seen.insert(seed.bytes.clone()));
    seeds
}

/// The meta file of a recorded program.
pub(crate) fn recorded_meta() -> Vec<u8> {
    first(is_meta)
}

/// A counter file of it.
pub(crate) fn recorded_counters() -> Vec<u8> {
    first(is_counters)
}

fn first(wanted: fn(&[u8]) -> bool) -> Vec<u8> {
    let pod = testdata().join("recorded/1.27.3/server-atomic/data/pod-0");
    let found = files(&pod).into_iter().find(|path| wanted(base_name(path).as_bytes()));
    fs::read(found.unwrap()).unwrap()
}

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata")
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let found = scan(&[directory], Depth::Recursive).unwrap();
    found.into_iter().map(|FoundFile { path, .. }| path).collect()
}

fn base_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn named(directory: &str, wanted: impl Fn(&str) -> bool) -> Vec<Seed> {
    let found = files(&testdata().join(directory)).into_iter().filter(|path| wanted(&base_name(path)));
    found.map(|path| Seed { bytes: fs::read(&path).unwrap(), origin: path.display().to_string() }).collect()
}

fn recorded(wanted: fn(&[u8]) -> bool) -> Vec<Seed> {
    named("recorded", |name| wanted(name.as_bytes()))
}

fn is_meta(name: &[u8]) -> bool {
    matches!(FileName::parse(name), Some(FileName::Meta { .. }))
}

fn is_counters(name: &[u8]) -> bool {
    matches!(FileName::parse(name), Some(FileName::Counters { .. }))
}

fn led_by(first: u8, seeds: &[Seed]) -> Vec<Seed> {
    let lead = |seed: &Seed| Seed { bytes: [&[first], &seed.bytes[..]].concat(), ..seed.clone() };
    seeds.iter().map(lead).collect()
}

/// Packages, functions and string tables out of recorded meta files.
fn parts(target: &str) -> Vec<Seed> {
    let mut seeds = Vec::new();
    for Seed { origin, bytes } in recorded(is_meta) {
        let file = MetaFile::parse(&bytes).unwrap();
        for package in file.packages() {
            let package = package.unwrap();
            let index = covfmt::ids::PackageIndex(u32::try_from(seeds.len()).unwrap() % file.package_count());
            let blob = file.package_bytes(index).unwrap();
            let functions = package.header().functions as usize;
            let table = PACKAGE_HEADER_BYTES + 4 * functions;
            let part = match target {
                "package" => blob,
                "strings" => blob.get(table..).unwrap_or_default(),
                _ => {
                    let field = blob.get(PACKAGE_HEADER_BYTES..PACKAGE_HEADER_BYTES + 4);
                    let start = field.map_or(0, |f| u32::from_le_bytes(f.try_into().unwrap()) as usize);
                    blob.get(start..).unwrap_or_default()
                }
            };
            seeds.push(Seed { origin: origin.clone(), bytes: part.to_vec() });
        }
    }
    seeds
}

fn segment(Seed { origin, bytes }: Seed) -> Option<Seed> {
    let end = bytes.len().checked_sub(FOOTER_BYTES)?;
    let bytes = [&[0], bytes.get(COUNTER_HEADER_BYTES..end)?].concat();
    Some(Seed { origin, bytes })
}

/// What the four ways of copying send of two small files.
fn archives() -> Vec<Seed> {
    let names =
        ["covmeta.0123456789abcdef0123456789abcdef", "covcounters.0123456789abcdef0123456789abcdef.1.17"];
    let mut archive = Vec::new();
    for name in names {
        let mut header = [0_u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..107].copy_from_slice(b"0000644");
        header[124..135].copy_from_slice(b"00000000003");
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        archive.extend_from_slice(&header);
        let mut block = [0; 512];
        block[..3].copy_from_slice(b"abc");
        archive.extend_from_slice(&block);
    }
    archive.extend([0; 1024]);
    let plain = format!("3 ./{}\n3 ./{}\n6 total\ndata\nabcabcend\n", names[0], names[1]);
    let seed =
        |first: u8, bytes: &[u8]| Seed { origin: format!("form {first}"), bytes: [&[first], bytes].concat() };
    vec![
        seed(0, &archive),
        seed(0, &[&archive[..], &archive[..]].concat()),
        seed(1, &archive),
        seed(4, &archive),
        seed(2, plain.as_bytes()),
        seed(3 + 3 * 8, b"abcabc"),
    ]
}

fn documented_manifest() -> Seed {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/MANIFEST.md");
    let page = fs::read_to_string(&path).unwrap();
    let example = page.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    Seed { origin: path.display().to_string(), bytes: example.into() }
}

/// Bytes without pattern, the same each time: xorshift.
fn scrambled(n: u64) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(n + 1);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..512).map(|_| next()).collect()
}
