//! `covdata` against the real `go tool covdata`: recorded answers always, thousands of generated cases where
//! `COVDATA_GO_DIR` says where Go is.
//!
//! Every case runs the same command line with our program and with the reference of each Go version, each in a
//! directory of its own with the same contents, and compares standard output, standard error, exit code and all files
//! that are there afterwards. The newest Go decides; where an older one differs, the difference must stand in
//! `known_differences.rs`. Where the reference panics or exhausts the machine there is nothing to compare with: those
//! cases are counted apart, and say what ours has to do instead (`verdict.rs`).
//!
//! That the comparison finds mistakes is shown by `planted/run`, which makes them one at a time.
//!
//! A failing case is made small and left below `target/` with a script that runs it again. The environment chooses
//! what is run:
//!
//! | variable | meaning |
//! |---|---|
//! | `COVDATA_DIFF_CASES` | number of cases, 2,600 if unset |
//! | `COVDATA_DIFF_SEED` | seed of inputs and cases, 1 if unset |
//! | `COVDATA_DIFF_PROGRAM` | another program to be compared in the place of ours |
//! | `COVDATA_DIFF_SMALL` | number of failing cases that are made small, 12 if unset |
//! | `COVDATA_DIFF_CASE` | the number of the only case to run, with everything that it printed |
#![allow(clippy::unwrap_used, clippy::panic, reason = "in tests a panic is the report")]

mod apart;
mod arguments;
mod distribution;
mod generated;
mod known_differences;
mod pool;
mod recorded;
mod reference;
mod reproduce;
mod run;
mod snapshot;
#[path = "../support/mod.rs"]
mod support;
mod verdict;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = vec![
        Trial::test("covdata_says_what_the_reference_said", || {
            recorded::run();
            Ok(())
        }),
        Trial::test("covdata_answers_generated_cases_as_the_reference_does", generated::run),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}
