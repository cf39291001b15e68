//! Makes a failing case small and leaves it below `target/`, with a script that runs it again.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::arguments::Case;
use crate::generated::{Bench, Failure, line, quote};
use crate::reference::Tool;
use crate::run::{Stage, run};
use crate::verdict::{Verdict, judge};

/// Rounds of two runs that making small may take.
const ROUNDS: usize = 400;

/// Gives a report that names the directory.
pub(crate) fn reproduce(bench: &Bench, failure: &Failure) -> String {
    let name = format!("seed-{}-case-{}-go{}", bench.seed, failure.case.number, failure.version);
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("differential").join(&name);
    if place.exists() {
        fs::remove_dir_all(&place).unwrap();
    }
    fs::create_dir_all(&place).unwrap();
    let reference = bench.references.iter().find(|tool| tool.name == failure.version).unwrap();
    copy_used(&failure.case, &bench.work.join("pool"), &place.join("in"));
    let mut shrinker = Shrinker { bench, reference, place: &place, rounds: 0 };
    let mut case = failure.case.clone();
    let (what, same) = match shrinker.difference(&case) {
        Some(what) => {
            shrinker.drop_arguments(&mut case);
            shrinker.drop_files(&case);
            shrinker.drop_arguments(&mut case);
            (shrinker.difference(&case).unwrap_or(what), true)
        }
        None => (failure.what.clone(), false),
    };
    write_script(&place, &case, bench, reference);
    format!(
        "case {} of seed {}, Go {}: {}\n{what}\n{} {}/run.sh\nor COVDATA_DIFF_SEED={} COVDATA_DIFF_CASE={}",
        failure.case.number,
        bench.seed,
        failure.version,
        line(&case.arguments),
        if same { "again:" } else { "not seen a second time, or only when read back; again:" },
        place.display(),
        bench.seed,
        failure.case.number,
    )
}

/// Copies the pool's directories that the command line names.
fn copy_used(case: &Case, pool: &Path, target: &Path) {
    fs::create_dir(target).unwrap();
    let mentioned = |name: &[u8]| {
        let all = case.arguments.iter().chain(case.copies.iter().map(|(_, input)| input));
        all.into_iter().any(|argument| argument.as_bytes().windows(name.len()).any(|part| part == name))
    };
    // Recorded data is behind a link; no other is to be followed, as some lead anywhere.
    for start in ["", "real"] {
        let from = pool.join(start).canonicalize().unwrap();
        for entry in WalkDir::new(&from).min_depth(1).into_iter().filter_map(Result::ok) {
            let relative = Path::new(start).join(entry.path().strip_prefix(&from).unwrap());
            if entry.file_type().is_dir() && mentioned(relative.as_os_str().as_bytes()) {
                copy_entries(entry.path(), &target.join(&relative));
            }
        }
    }
    if mentioned(b"in/odd/") {
        copy_entries(&pool.join("odd"), &target.join("odd"));
    }
}

fn copy_entries(source: &Path, target: &Path) {
    fs::create_dir_all(target).unwrap();
    for entry in fs::read_dir(source).unwrap() {
        let (from, to) = {
            let entry = entry.unwrap();
            (entry.path(), target.join(entry.file_name()))
        };
        if from.is_symlink() {
            let link = fs::read_link(&from).unwrap();
            if from.ends_with("odd/link") {
                copy_entries(&link, &to);
            } else {
                drop(std::os::unix::fs::symlink(link, to));
            }
        } else if from.is_dir() {
            fs::create_dir_all(to).unwrap();
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

struct Shrinker<'b> {
    bench: &'b Bench,
    reference: &'b Tool,
    place: &'b Path,
    rounds: usize,
}

impl Shrinker<'_> {
    /// What differs in this case, if anything does.
    fn difference(&mut self, case: &Case) -> Option<String> {
        self.rounds += 1;
        let stage = Stage { pool: self.place.join("in"), copies: case.copies.clone() };
        let ours = run(&self.bench.ours, &case.arguments, &stage, &self.place.join("ours"));
        let theirs = run(self.reference, &case.arguments, &stage, &self.place.join("theirs"));
        match judge(case, &ours, &theirs, (&self.bench.ours, self.reference)) {
            Verdict::Different(what) => Some(what),
            _ => None,
        }
    }

    /// Tries shorter command lines until none differs any more.
    fn drop_arguments(&mut self, case: &mut Case) {
        let mut index = case.arguments.len();
        while index > 1 && self.rounds < ROUNDS {
            index -= 1;
            for argument in shorter(&case.arguments[index]) {
                let mut candidate = case.clone();
                match argument {
                    None => _ = candidate.arguments.remove(index),
                    Some(argument) => candidate.arguments[index] = argument,
                }
                if self.difference(&candidate).is_some() {
                    *case = candidate;
                    // Once more with what is there now.
                    index = (index + 1).min(case.arguments.len());
                    break;
                }
            }
        }
    }

    /// Tries the same without a file.
    fn drop_files(&mut self, case: &Case) {
        let files: Vec<PathBuf> = WalkDir::new(self.place.join("in"))
            .min_depth(1)
            .into_iter()
            .filter_map(Result::ok)
            .filter(|entry| !entry.file_type().is_dir())
            .map(|entry| entry.path().to_owned())
            .collect();
        let aside = self.place.join("aside");
        for file in files {
            if self.rounds >= ROUNDS {
                return;
            }
            fs::rename(&file, &aside).unwrap();
            if self.difference(case).is_some() {
                fs::remove_file(&aside).unwrap();
            } else {
                fs::rename(&aside, &file).unwrap();
            }
        }
    }
}

/// Nothing in its place, or one part of a list less.
fn shorter(argument: &OsStr) -> Vec<Option<OsString>> {
    let bytes = argument.as_bytes();
    let start = bytes.iter().position(|byte| *byte == b'=').map_or(0, |at| at + 1);
    let parts: Vec<&[u8]> = bytes[start..].split(|byte| *byte == b',').collect();
    let mut all = vec![None];
    if parts.len() > 1 {
        for index in 0..parts.len() {
            let mut fewer = parts.clone();
            fewer.remove(index);
            all.push(Some(OsString::from_vec([&bytes[..start], &fewer.join(&b',')].concat())));
        }
    }
    all
}

fn write_script(place: &Path, case: &Case, bench: &Bench, reference: &Tool) {
    let copies: Vec<String> = case
        .copies
        .iter()
        .map(|(name, input)| format!("    mkdir -p {name}; cp -p {}/cov* {name} || true\n", quote(input)))
        .collect();
    let copies = copies.concat();
    let script = format!(
        "#!/usr/bin/env bash\n\
         # Runs the case again with ours and with the reference, and compares what they leave.\n\
         cd \"$(dirname \"$0\")\" || exit\n\
         run() {{\n    rm -rf \"$1\"; mkdir -p \"$1/out\"; cd \"$1\"; ln -s ../in in; echo 'no directory' >file\n{copies}    \
         env -i PATH=/usr/bin:/bin \"$2\" {} >../\"$1.stdout\" 2>../\"$1.stderr\"\n    \
         echo \"$1: exit $?\"; rm in; cd ..\n}}\n\
         run ours {}\nrun theirs {}\n\
         diff -u theirs.stdout ours.stdout; diff -u theirs.stderr ours.stderr; diff -r theirs ours\n",
        line(&case.arguments),
        quote(bench.ours.program.as_os_str()),
        quote(reference.program.as_os_str()),
    );
    let path = place.join("run.sh");
    fs::write(&path, script).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
