//! Inputs that are no directories of runs.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::Input;
use super::traits::{Trait, Traits};
use crate::support::{NEWEST, data_set};

pub(super) fn make(root: &Path) -> Vec<Input> {
    let odd = root.join("odd");
    let data = data_set(NEWEST, "cases-atomic").join("data/all");
    for name in ["empty", "orphans", "below/deeper", "no-metas"] {
        fs::create_dir_all(odd.join(name)).unwrap();
    }
    fs::write(odd.join("file"), "").unwrap();
    symlink(&data, odd.join("link")).unwrap();
    symlink("loop", odd.join("loop")).unwrap();
    symlink("gone", odd.join("dangling")).unwrap();
    for entry in fs::read_dir(&data).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        let place =
            if name.to_str().unwrap().starts_with("covcounters") { "orphans" } else { "below/deeper" };
        fs::copy(entry.path(), odd.join(place).join(&name)).unwrap();
    }
    fs::create_dir(odd.join("future")).unwrap();
    for entry in fs::read_dir(&data).unwrap() {
        let entry = entry.unwrap();
        let mut bytes = fs::read(entry.path()).unwrap();
        // The version of both kinds of files.
        bytes[4] = 2;
        fs::write(odd.join("future").join(entry.file_name()), bytes).unwrap();
    }
    fs::write(odd.join("no-metas/README"), "nothing here").unwrap();
    let long = format!("in/odd/{}", "n".repeat(300));
    [
        ("in/odd/empty", Trait::Empty),
        ("in/odd/empty/", Trait::Empty),
        ("./in//odd/../odd/empty", Trait::Empty),
        ("in/odd/no-metas", Trait::Empty),
        ("in/odd/orphans", Trait::Orphans),
        ("in/odd/future", Trait::Damaged),
        ("in/odd/below", Trait::SubDirectory),
        ("in/odd/link", Trait::OddNames),
        ("in/odd/link/", Trait::OddNames),
        ("in/odd/nowhere", Trait::Missing),
        ("nowhere", Trait::Missing),
        ("", Trait::Missing),
        (" in/odd/link", Trait::Missing),
        ("in/odd/dangling", Trait::Missing),
        (&long, Trait::Missing),
        ("in/odd/file", Trait::NoDirectory),
        ("in/odd/file/below", Trait::NoDirectory),
        ("in/odd/loop", Trait::NoDirectory),
    ]
    .into_iter()
    .map(|(path, special)| Input { path: OsString::from(path), traits: Traits::from([special]) })
    .collect()
}
