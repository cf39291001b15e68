//! Directories of made-up runs of a few programs that share packages.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;

use covfmt::ids::MetaHash;
use fastrand::Rng;

use super::counters::{self, Care};
use super::damage;
use super::program::{Program, Shape, pick};
use super::traits::{Trait, Traits};
use super::{Family, Input};

/// A program with its meta file.
struct Build {
    program: Program,
    hash: MetaHash,
    meta: Vec<u8>,
    /// What the file names say, the hash as a rule.
    tag: String,
    traits: Traits,
}

impl Build {
    fn new(rng: &mut Rng, program: Program, mut traits: Traits) -> Self {
        let (hash, meta) = program.encode();
        let tag = if rng.u8(..12) == 0 {
            traits.insert(Trait::OddTag);
            (*pick(rng, &["foo", "foo.bar", "1.2", "größe", "0123456789ABCDEF0123456789ABCDEF"])).to_owned()
        } else {
            hash.to_string()
        };
        Self { program, hash, meta, tag, traits }
    }
}

/// Makes the directories of a family.
pub(super) fn make(rng: &mut Rng, root: &Path, number: usize) -> Family {
    let shape = match number {
        0 => Shape::ManyPackages,
        1..=7 => Shape::StrangeNames,
        8..=12 => Shape::PerFunction,
        13..=20 => Shape::Duplicates,
        21..=25 => Shape::Sparse,
        _ => Shape::Plain,
    };
    let mut traits = Traits::new();
    let first = Program::draw(rng, shape, &mut traits);
    let mut builds = vec![Build::new(rng, first, traits)];
    if shape != Shape::ManyPackages {
        for _ in 0..rng.usize(..3) {
            let mut traits = Traits::new();
            let program = if rng.u8(..3) == 0 {
                Program::draw(rng, shape, &mut traits)
            } else {
                builds[0].program.revise(rng, &mut traits)
            };
            builds.push(Build::new(rng, program, traits));
        }
    }
    let care = if number % 4 == 3 { Care::Skewed } else { Care::Sound };
    let name = format!("made{number:02}");
    let family_root = root.join(&name);
    fs::create_dir(&family_root).unwrap();
    let mut inputs = Vec::new();
    for directory in ["a", "a-b", "b", "c"].into_iter().take(rng.usize(2..5)) {
        let directory = match rng.u8(..20) {
            0 => OsString::from(format!("{directory} größe")),
            1 => OsStr::from_bytes(&[directory.as_bytes(), b"\xff%d"].concat()).to_owned(),
            _ => OsString::from(directory),
        };
        let place = family_root.join(&directory);
        fs::create_dir(&place).unwrap();
        let mut traits = fill(rng, &place, &builds, care);
        if inputs.is_empty() && number.is_multiple_of(2) {
            clutter(rng, number / 2 % 6, &place, &builds, &mut traits);
        }
        let path = Path::new("in").join(&name).join(&directory).into_os_string();
        inputs.push(Input { path, traits });
    }
    if number.is_multiple_of(2) {
        let original = rng.usize(..inputs.len());
        let source = root.join(Path::new(&inputs[original].path).strip_prefix("in").unwrap());
        damage::copy_damaged(rng, &source, &family_root.join("damaged"));
        let mut traits = inputs[original].traits.clone();
        traits.insert(Trait::Damaged);
        inputs.push(Input { path: Path::new("in").join(&name).join("damaged").into_os_string(), traits });
    }
    let mut packages: Vec<Vec<u8>> = builds
        .iter()
        .flat_map(|build| build.program.packages.iter().map(|package| package.path.clone()))
        .collect();
    packages.sort();
    packages.dedup();
    Family { inputs, packages }
}

/// Puts meta and counter files of some builds into a directory.
fn fill(rng: &mut Rng, place: &Path, builds: &[Build], care: Care) -> Traits {
    let mut traits = Traits::new();
    let mut here = 0;
    for build in builds {
        if here > 0 && rng.u8(..3) == 0 {
            continue;
        }
        here += 1;
        traits.extend(build.traits.iter().copied());
        let counters = if rng.u8(..7) == 0 { 0 } else { rng.usize(1..4) };
        if rng.u8(..14) == 0 {
            if counters > 0 {
                traits.insert(Trait::Orphans);
            }
        } else {
            fs::write(place.join(format!("covmeta.{}", build.tag)), &build.meta).unwrap();
            if counters == 0 {
                traits.insert(Trait::MetaOnly);
            }
        }
        for run in 0..counters {
            let bytes = counters::draw(rng, &build.program, build.hash, care, &mut traits);
            let process = pick(rng, &["0", "1", "1", "7", "4242", "007"]);
            let name =
                format!("covcounters.{}.{process}.16{:017}", build.tag, rng.u64(..1_000) * 10 + run as u64);
            fs::write(place.join(name), bytes).unwrap();
        }
    }
    if here > 1 {
        traits.insert(Trait::SeveralBuilds);
    }
    traits
}

/// Files that belong to no run, or cannot be read.
fn clutter(rng: &mut Rng, kind: usize, place: &Path, builds: &[Build], traits: &mut Traits) {
    let build = pick(rng, builds);
    let tag = &build.tag;
    match kind {
        0 => {
            fs::write(place.join(format!("tmp.covmeta.{tag}1700000000")), &build.meta).unwrap();
            fs::write(place.join(format!("tmp.covcounters.{tag}.1.1700000000")), b"").unwrap();
            traits.insert(Trait::Temporary);
        }
        1 => {
            for name in [
                format!("covcounters.{tag}.1"),
                format!("covcounters.{tag}.-1.2"),
                format!("covcounters.{tag}.x.2"),
                format!("covcounters.{tag}.99999999999999999999.2"),
                format!("covmeta{tag}"),
                format!("xcovmeta.{tag}"),
                "covmeta.with space".to_owned(),
                "covmeta.".to_owned(),
                "manifest.json".to_owned(),
                "COVMETA.a".to_owned(),
            ] {
                fs::write(place.join(name), b"not to be read").unwrap();
            }
            traits.insert(Trait::OddNames);
        }
        2 => {
            let below = place.join(*pick(rng, &["below", "covmeta.dir", ".hidden"]));
            fs::create_dir(&below).unwrap();
            fs::write(below.join(format!("covmeta.{tag}")), &build.meta).unwrap();
            traits.insert(Trait::SubDirectory);
        }
        3 => {
            let name = format!("covcounters.{tag}.1.{}", pick(rng, &["1", "9999999999999999999"]));
            symlink(*pick(rng, &["nowhere", "/", ".", "loop"]), place.join(name)).unwrap();
            symlink("loop", place.join("loop")).unwrap();
            traits.insert(Trait::Unreadable);
        }
        4 => {
            symlink(*pick(rng, &["nowhere", "/", "."]), place.join("covmeta.unreadable")).unwrap();
            traits.insert(Trait::Unreadable);
        }
        _ => {
            // A second run that was copied under a link, and a file that anybody but root may not read.
            let name = format!("covcounters.{tag}.1.1500000000000000000");
            let bytes = counters::draw(rng, &build.program, build.hash, Care::Sound, traits);
            fs::write(place.join("elsewhere"), bytes).unwrap();
            symlink("elsewhere", place.join(name)).unwrap();
            traits.insert(Trait::OddNames);
        }
    }
}
