//! `covdata merge`, `subtract` and `intersect`: the files that they write, against the recorded answers of the reference.
#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use bstr::BStr;
use covfmt::ids::{FunctionIndex, PackageIndex};
use covfmt::layout::Flavor;
use covfmt::meta::MetaTables;
use covfmt::read::CounterFile;
use covfmt::write::{CounterWriter, SegmentArgs};
use serde_json::Value;
use support::{NEWEST, VERSIONS, covdata, data_set, data_sets, text};

/// A counter file, taken apart: what may differ (the order of strings) is not in it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Decoded {
    /// The name up to the time.
    name: String,
    header: Vec<u8>,
    args: BTreeMap<String, String>,
    strings: BTreeSet<String>,
    /// Every byte behind the string table and the args.
    tail: Vec<u8>,
}

/// The counter files of a directory in any order, and the bytes of its meta files.
type Left = (Vec<Decoded>, BTreeMap<String, Vec<u8>>);

fn decode(name: &str, bytes: &[u8]) -> Decoded {
    let file = CounterFile::parse(bytes).unwrap();
    assert_eq!(file.segments().len(), 1, "{name}");
    let segment = &file.segments()[0];
    let length = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let args = segment.args().iter().map(|(key, value)| (key.to_string(), value.to_string()));
    Decoded {
        name: name.rsplit_once('.').unwrap().0.to_owned(),
        // The lengths of both tables are equal, too.
        header: bytes[..48].to_vec(),
        args: args.collect(),
        strings: segment.strings().strings().iter().map(ToString::to_string).collect(),
        tail: bytes[48 + length(40) + length(44)..].to_vec(),
    }
}

fn left(directory: &Path) -> Left {
    let mut left = Left::default();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let bytes = fs::read(&path).unwrap();
        if name.starts_with("covcounters.") {
            left.0.push(decode(&name, &bytes));
        } else {
            left.1.insert(name, bytes);
        }
    }
    left.0.sort();
    left
}

/// Runs a command into a new directory, successfully and without a word.
fn run(command: &str, directories: &[&Path], more: &[&str]) -> Left {
    let out = tempfile::tempdir().unwrap();
    let inputs: Vec<&str> = directories.iter().map(|directory| directory.to_str().unwrap()).collect();
    let mut covdata = covdata();
    covdata.args([command, "-i", &inputs.join(","), "-o"]).arg(out.path()).args(more);
    let done = covdata.assert().success();
    let output = done.get_output();
    assert_eq!((text(&output.stdout), text(&output.stderr)), (String::new(), String::new()));
    left(out.path())
}

#[test]
fn the_recorded_directories_are_written_again() {
    let mut compared = BTreeMap::new();
    for set in VERSIONS.iter().flat_map(|version| data_sets(version)) {
        let case: Value = serde_json::from_slice(&fs::read(set.join("case.json")).unwrap()).unwrap();
        for golden in case["goldens"].as_array().unwrap() {
            let list = |key: &str| -> Vec<String> {
                golden[key].as_array().unwrap().iter().map(|s| s.as_str().unwrap().to_owned()).collect()
            };
            let arguments = list("arguments");
            if !["merge", "subtract", "intersect"].contains(&arguments[0].as_str())
                || !list("references").iter().any(|reference| reference == NEWEST)
            {
                continue;
            }
            let what = format!("{} {}", set.display(), golden["name"]);
            let out = tempfile::tempdir().unwrap();
            let path = out.path().to_str().unwrap();
            let arguments: Vec<String> = arguments.iter().map(|a| a.replace("{out}", path)).collect();
            let run = covdata().current_dir(&set).args(&arguments).output().unwrap();
            assert_eq!(run.status.code().map(i64::from), golden["exit"].as_i64(), "{what}");
            for (stream, bytes) in [("stdout", &run.stdout), ("stderr", &run.stderr)] {
                let recorded = golden[stream].as_str().map(|file| fs::read(set.join(file)).unwrap());
                assert_eq!(text(bytes), text(&recorded.unwrap_or_default()), "{what}: {stream}");
            }
            if let Some(output) = golden["output"].as_str() {
                assert_eq!(left(out.path()), left(&set.join(output)), "{what}");
            }
            *compared.entry(arguments[0].clone()).or_insert(0) += 1;
        }
    }
    println!("{compared:?}");
    assert!(
        compared["merge"] >= 40 && compared["subtract"] >= 4 && compared["intersect"] >= 4,
        "{compared:?}"
    );
}

/// The builds of two directories apart: each with its meta file and the counter files of either directory.
fn apart(directories: [&Path; 2], to: &Path) -> Vec<[PathBuf; 2]> {
    let mut builds: BTreeMap<String, [PathBuf; 2]> = BTreeMap::new();
    for (index, directory) in directories.iter().enumerate() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let hash = name.split('.').nth(1).unwrap().to_owned();
            let both = builds.entry(hash.clone()).or_insert_with(|| {
                let both = ["a", "b"].map(|side| to.join(&hash).join(side));
                for side in &both {
                    fs::create_dir_all(side).unwrap();
                }
                both
            });
            fs::copy(&path, both[index].join(&name)).unwrap();
        }
    }
    builds.into_values().collect()
}

#[test]
fn several_builds_in_both_directories_get_what_each_gets_alone() {
    // The reference panics: "decreasing dir index".
    let set = data_set(NEWEST, "server-coverpkg-set").join("data/tests");
    let revised = data_set(NEWEST, "revised-atomic").join("data/volume");
    for (command, one, other) in [
        ("subtract", &set, &set),
        ("intersect", &set, &set),
        ("subtract", &revised, &revised),
        ("intersect", &revised, &revised),
    ] {
        let work = tempfile::tempdir().unwrap();
        let together = run(command, &[one, other], &[]);
        let mut alone = Left::default();
        let builds = apart([one, other], work.path());
        assert!(builds.len() > 1);
        for [a, b] in &builds {
            let (counters, metas) = run(command, &[a, b], &[]);
            alone.0.extend(counters);
            alone.1.extend(metas);
        }
        alone.0.sort();
        assert_eq!(together, alone, "{command}");
    }
}

#[test]
fn a_function_with_more_counters_elsewhere_is_an_error_where_the_reference_panics() {
    let source = data_set(NEWEST, "cases-count").join("data/all");
    let work = tempfile::tempdir().unwrap();
    let (a, b, out) = (work.path().join("a"), work.path().join("b"), work.path().join("out"));
    for directory in [&a, &b, &out] {
        fs::create_dir(directory).unwrap();
    }
    let meta = fs::read_dir(source).unwrap().map(|entry| entry.unwrap().path());
    let meta =
        meta.filter(|path| text(path.as_os_str().as_encoded_bytes()).contains("covmeta.")).last().unwrap();
    let hash = MetaTables::decode(&fs::read(&meta).unwrap()).unwrap().hash();
    for (directory, counters) in [(&a, &[1, 2][..]), (&b, &[1, 2, 0, 1])] {
        fs::copy(&meta, directory.join(meta.file_name().unwrap())).unwrap();
        let mut file = CounterWriter::new(hash, Flavor::GO);
        let functions = [(PackageIndex(0), FunctionIndex(0), counters)];
        file.append_segment(&SegmentArgs::new(vec![(BStr::new("GOOS"), BStr::new("linux"))]), functions)
            .unwrap();
        fs::write(directory.join(format!("covcounters.{hash}.1.1")), file.finish()).unwrap();
    }
    for command in ["subtract", "intersect"] {
        let inputs = format!("{},{}", a.display(), b.display());
        let run = covdata().args([command, "-i", &inputs, "-o"]).arg(&out).assert().code(1);
        let message = text(&run.get_output().stderr);
        assert!(message.starts_with("error: ") && message.contains("2 counters in the first"), "{message}");
    }
    assert_eq!(fs::read_dir(&out).unwrap().count(), 0);
}

#[test]
fn a_directory_can_be_merged_into_itself() {
    // The reference empties the meta file.
    let source = data_set(NEWEST, "server-atomic").join("data/pod-3");
    let work = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(&source).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), work.path().join(entry.file_name())).unwrap();
    }
    let (mut counters, metas) = left(&source);
    let (merged, _) = run("merge", &[&source], &[]);
    let path = work.path().to_str().unwrap();
    covdata().args(["merge", "-i", path, "-o", path]).assert().success();
    counters.extend(merged);
    counters.sort();
    assert_eq!(left(work.path()), (counters, metas));
}

#[test]
fn files_of_one_moment_and_one_hash_are_all_kept() {
    // No package of any of the builds is asked for, so that all results have one hash.
    let set = data_set(NEWEST, "server-coverpkg-set").join("data/tests");
    let builds = left(&set).1.len();
    assert!(builds > 2);
    let (counters, metas) = run("merge", &[&set], &["-pkg=nothing"]);
    assert_eq!((counters.len(), metas.len()), (builds, 1));
}

type Sums = BTreeMap<(u32, u32), Vec<u32>>;

/// Writes runs of a build into a directory, each with some of the functions; gives what they recorded.
fn write_runs(tables: &MetaTables, meta: &Path, directory: &Path, runs: u32, seed: u32) -> Vec<Sums> {
    fs::create_dir(directory).unwrap();
    fs::copy(meta, directory.join(meta.file_name().unwrap())).unwrap();
    let mut state = seed;
    let mut random = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 16
    };
    let mut all = Vec::new();
    for run in 0..runs {
        let mut sums = Sums::new();
        for (package, table) in (0_u32..).zip(tables.packages()) {
            for (function, entry) in (0_u32..).zip(tables.functions_of(table)) {
                if random() % 3 != 0 {
                    let counters = entry.unit_positions().map(|_| [0, 0, 1, random()][random() as usize % 4]);
                    sums.insert((package, function), counters.collect());
                }
            }
        }
        let hash = tables.hash();
        let mut file = CounterWriter::new(hash, [Flavor::GO, Flavor::RawBigEndian][run as usize % 2]);
        let functions = sums.iter().map(|((p, f), c)| (PackageIndex(*p), FunctionIndex(*f), c.as_slice()));
        file.append_segment(&SegmentArgs::default(), functions).unwrap();
        fs::write(directory.join(format!("covcounters.{hash}.1.{run}")), file.finish()).unwrap();
        all.push(sums);
    }
    all
}

fn add_up(runs: &[Sums]) -> Sums {
    let mut total = Sums::new();
    for (key, counters) in runs.iter().flatten() {
        let sums = total.entry(*key).or_insert_with(|| vec![0; counters.len()]);
        sums.iter_mut().zip(counters).for_each(|(sum, count)| *sum += count);
    }
    total
}

fn merged_sums(command: &str, directories: &[&Path], more: &[&str]) -> Sums {
    let (counters, _) = run(command, directories, more);
    assert_eq!(counters.len(), 1);
    let mut sums = Sums::new();
    let bytes = &counters[0].tail;
    let mut at = 0;
    let mut next = || {
        let (value, length) = covfmt::uleb128::read(&bytes[at..]).unwrap();
        at += length;
        u32::try_from(value).unwrap()
    };
    // The number of functions is the first field of the segment's header.
    for _ in 0..u64::from_le_bytes(counters[0].header[32..40].try_into().unwrap()) {
        let (count, package, function) = (next(), next(), next());
        sums.insert((package, function), (0..count).map(|_| next()).collect());
    }
    sums
}

#[test]
fn a_thousand_runs_give_the_naive_result() {
    let meta = fs::read_dir(data_set(NEWEST, "cases-count").join("data/all")).unwrap();
    let meta = meta
        .map(|entry| entry.unwrap().path())
        .find(|path| text(path.as_os_str().as_encoded_bytes()).contains("/covmeta."));
    let meta = meta.unwrap();
    let tables = MetaTables::decode(&fs::read(&meta).unwrap()).unwrap();
    let work = tempfile::tempdir().unwrap();
    let (a, b) = (work.path().join("a"), work.path().join("b"));
    let mut first = write_runs(&tables, &meta, &a, 1_000, 1);
    let second = write_runs(&tables, &meta, &b, 3, 2);

    // `subtract`: what any run of the second directory has hit is gone.
    let mut less = add_up(&first);
    for (key, hits) in add_up(&second) {
        for (sum, hit) in less.get_mut(&key).into_iter().flatten().zip(hits) {
            *sum = if hit == 0 { *sum } else { 0 };
        }
    }
    assert_eq!(merged_sums("subtract", &[&a, &b], &[]), less);

    // `intersect`: functions that any run of the second directory has, units that none of those missed.
    let mut both = add_up(&first);
    both.retain(|key, _| second.iter().any(|run| run.contains_key(key)));
    for (key, counters) in second.iter().flatten() {
        for (sum, count) in both.get_mut(key).into_iter().flatten().zip(counters) {
            *sum = if *count == 0 { 0 } else { *sum };
        }
    }
    assert_eq!(merged_sums("intersect", &[&a, &b], &[]), both);

    first.extend(second);
    let total = add_up(&first);
    assert_eq!(merged_sums("merge", &[&a, &b], &[]), total);
    // All functions are in the new file, in their order: no two are equal here.
    assert_eq!(merged_sums("merge", &[&a, &b], &["-pcombine"]), total);
}
