//! Writes the seeds of a target into a directory: `seeds TARGET DIRECTORY`.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a tool for developers")]

use std::path::PathBuf;

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let target = arguments.next().and_then(|name| name.into_string().ok()).expect("seeds TARGET DIRECTORY");
    let directory = arguments.next().map(PathBuf::from).expect("seeds TARGET DIRECTORY");
    std::fs::create_dir_all(&directory).unwrap();
    for (index, seed) in fuzz::seeds(&target).iter().enumerate() {
        std::fs::write(directory.join(format!("seed-{index}")), &seed.bytes).unwrap();
    }
}
