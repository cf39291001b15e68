//! The drop-in's own reading of damaged files: it answers as the reference would, and where that panics, hangs or asks for
//! all memory, with an error.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use covreport::covdata;
use tempfile::TempDir;

use crate::seeds::{recorded_counters, recorded_meta};

/// The first byte chooses the command and what the rest is: a meta file, or the counter file of a recorded one.
pub(crate) fn drop_in(data: &[u8]) {
    let Some((choice, file)) = data.split_first() else { return };
    let directory = directory();
    let place = directory.path();
    let (meta, counters) =
        if choice & 1 == 0 { (file.to_vec(), recorded_counters()) } else { (recorded_meta(), file.to_vec()) };
    let tag = "0123456789abcdef0123456789abcdef";
    fs::write(place.join(format!("covmeta.{tag}")), meta).unwrap();
    fs::write(place.join(format!("covcounters.{tag}.1.17")), counters).unwrap();
    let commands = ["debugdump", "percent", "textfmt", "func", "pkglist"];
    let command = commands[usize::from(choice >> 1) % commands.len()];
    let mut arguments = vec![OsString::from("covdata"), command.into(), "-i".into(), place.into()];
    if command == "textfmt" {
        arguments.extend(["-o".into(), "/dev/null".into()]);
    }
    let (mut out, mut messages) = (Vec::new(), Vec::new());
    let code = covdata::main(&arguments, &mut out, &mut messages);
    assert!(code <= 2);
    assert!(code == 0 || !messages.is_empty(), "it failed without a word");
}

/// A directory in memory, where there is such a thing.
fn directory() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}
