//! Writes the seeds of a target into a directory: `seeds TARGET DIRECTORY`.
#![allow(clippy::expect_used, reason = "a tool for developers")]

use std::path::PathBuf;

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let target = arguments.next().and_then(|name| name.into_string().ok()).expect("seeds TARGET DIRECTORY");
    let directory = arguments.next().map(PathBuf::from).expect("seeds TARGET DIRECTORY");
    fuzz::write_seeds(&target, &directory);
}
