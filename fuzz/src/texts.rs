//! Any bytes as texts: `go.mod`, manifests, file names, patterns.

use std::path::{Component, Path};

use bstr::ByteSlice as _;
use covfetch::names::CoverageName;
use covfmt::ids::MetaHash;
use covfmt::pod::FileName;
use covreport::checkout::ModFile;
use covreport::manifest::Manifest;
use covreport::select::FileGlob;
use covreport::view::PackagePatterns;

/// A `go.mod` or `go.work`.
pub(crate) fn modfile(data: &[u8]) {
    let text = data.to_str_lossy();
    let file = ModFile::parse(&text);
    let words = file.uses.len() + file.replaced.len() + usize::from(file.module.is_some());
    assert!(words <= text.len());
    assert!(file.uses.iter().chain(&file.module).all(|word| word.len() <= text.len()));
}

/// A `manifest.json`: no path in it leaves its directory.
pub(crate) fn manifest(data: &[u8]) {
    match Manifest::parse(data) {
        Ok(Some(manifest)) => {
            for run in &manifest.runs {
                for file in &run.files {
                    let mut parts = file.path.components();
                    assert!(
                        parts.all(|part| matches!(part, Component::Normal(_))),
                        "{}",
                        file.path.display()
                    );
                    assert!(!file.path.as_os_str().is_empty());
                }
                let missing = run.missing_below(Path::new("")).count();
                assert_eq!(missing, run.failures.len());
            }
        }
        Ok(None) => {}
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// File names; patterns of packages and files, with what they are matched with behind a line feed.
pub(crate) fn names(data: &[u8]) {
    let name = FileName::parse(data);
    if let Some(FileName::Counters { nanos, .. }) = &name {
        assert!(nanos.bytes().all(|byte| byte.is_ascii_digit()));
    }
    if let Some(checked) = CoverageName::parse(data) {
        // What covfetch takes, everybody takes, and it is a plain name.
        assert!(name.is_some() && checked.as_str().as_bytes() == data);
        assert!(Path::new(checked.as_str()).file_name().is_some_and(|n| n == checked.as_str()));
    }
    if let Some(hash) = MetaHash::from_hex(data) {
        assert_eq!(hash.to_string().as_bytes(), data.to_ascii_lowercase());
    }
    let (pattern, path) = data.split_once_str("\n").unwrap_or((data, b"example.com/m/internal/a.go"));
    let patterns = PackagePatterns::parse(pattern);
    let matched = patterns.matches(path);
    assert!(!matched || !patterns.without_match(&[path]).contains(&pattern));
    if let Ok(glob) = pattern.to_str_lossy().parse::<FileGlob>() {
        assert!(!format!("{glob:?}").is_empty());
    }
}
