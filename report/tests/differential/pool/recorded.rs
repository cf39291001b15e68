//! What real programs wrote: `testdata/recorded`, all versions.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use covfmt::load::load_meta;

use super::traits::{Trait, Traits};
use super::{Family, Input};
use crate::support::{VERSIONS, data_sets, testdata};

pub(super) fn families(root: &Path) -> Vec<Family> {
    symlink(testdata().join("recorded"), root.join("real")).unwrap();
    VERSIONS.iter().flat_map(|version| data_sets(version)).map(|set| family(&set)).collect()
}

fn family(set: &Path) -> Family {
    let mut directories: Vec<_> =
        fs::read_dir(set.join("data")).unwrap().map(|entry| entry.unwrap().path()).collect();
    directories.sort();
    let mut packages = Vec::new();
    let inputs = directories
        .iter()
        .map(|directory| {
            let relative = directory.strip_prefix(testdata().join("recorded")).unwrap();
            let mut traits = Traits::from([Trait::Recorded]);
            let mut metas = 0;
            for entry in fs::read_dir(directory).unwrap() {
                let entry = entry.unwrap();
                if entry.file_name().to_str().unwrap().starts_with("covmeta.") {
                    let tables = load_meta(&entry.path()).unwrap();
                    packages.extend(tables.packages().iter().map(|package| package.path().to_vec()));
                    metas += 1;
                }
            }
            if metas > 1 {
                traits.insert(Trait::SeveralBuilds);
            }
            Input { path: Path::new("in/real").join(relative).into_os_string(), traits }
        })
        .collect();
    packages.sort();
    packages.dedup();
    Family { inputs, packages }
}
