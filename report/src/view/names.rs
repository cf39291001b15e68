//! Names of packages, modules, source files and functions: which of them reports can show, and how long they may be.
//!
//! A name stands once in a meta file and may be that of a million functions, each of which has it in reports. So names are
//! short, and together in proportion to the functions that have them.

use std::collections::HashMap;

use bstr::{BStr, ByteSlice as _};
use covfmt::profile::Profile;
use rayon::prelude::*;

use super::statements::PackageView;

/// The longest name. Bytes; the longest path that any system has, Windows, and more than compilers take for a name.
const MOST_BYTES: usize = 1 << 15;
/// What the names of functions, with those of their files, may have together in any run, and what is added for each function.
/// Bytes; programs have some hundred in a function.
const BYTES_OF_ANY_RUN: u64 = 1 << 26;
const BYTES_FOR_A_FUNCTION: u64 = 512;

/// Names that no Go toolchain writes, or none that reports can hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NamesError {
    /// A name with a control character or another that reports cannot hold: it would break their lines, also for readers that
    /// take U+2028 and U+2029 for line breaks, or be no XML. Tabs in the names of source files are taken.
    #[error("the name {name:?} of a {what} holds a control character: damaged or hostile coverage data")]
    ControlCharacter {
        /// Whose name.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A name that is longer than any.
    #[error(
        "the name of a {what} has {bytes} bytes, more than any ({MOST_BYTES}): damaged or hostile coverage data; it begins with \
         {start:?}"
    )]
    Long {
        /// Whose name.
        what: &'static str,
        /// Its length in bytes.
        bytes: usize,
        /// How it begins.
        start: String,
    },
    /// The names of all functions together are longer than those of any program.
    #[error(
        "the names of {functions} functions and of their files have {bytes} bytes, more than those of any program ({most})"
    )]
    TooMuch {
        /// Number of functions.
        functions: u64,
        /// Bytes of their names.
        bytes: u64,
        /// How many there may be.
        most: u64,
    },
    /// Two names that differ only in bytes that are no UTF-8: reports, which are UTF-8, would show two things as one.
    #[error(
        "two names of {what}s differ only in bytes that are no UTF-8, and would be one in reports: {name}"
    )]
    Alike {
        /// Whose names.
        what: &'static str,
        /// What both would be.
        name: String,
    },
}

const SOURCE_FILE: &str = "source file";

/// Checks the names that functions have, and how many bytes they and those of their files are.
pub(super) fn check_functions(profile: &Profile) -> Result<(), NamesError> {
    let sizes = profile.packages().par_iter().map(|package| {
        package.functions().try_fold((0_u64, 0_u64), |(functions, bytes), function| {
            check_length(SOURCE_FILE, function.file)?;
            check_length("function", function.name)?;
            Ok((functions + 1, bytes + (function.name.len() + function.file.len()) as u64))
        })
    });
    let (functions, bytes) = sizes.try_reduce(|| (0, 0), |a, b| Ok((a.0 + b.0, a.1 + b.1)))?;
    let most = BYTES_OF_ANY_RUN.saturating_add(functions.saturating_mul(BYTES_FOR_A_FUNCTION));
    if bytes > most {
        return Err(NamesError::TooMuch { functions, bytes, most });
    }
    profile
        .packages()
        .par_iter()
        .try_for_each(|package| package.functions().try_for_each(|f| check_name("function", f.name)))
}

/// Checks the names of packages, of their modules and files.
pub(super) fn check_packages(packages: &[PackageView<'_>]) -> Result<(), NamesError> {
    let (mut paths, mut files) = (Alike::new("package"), Alike::new(SOURCE_FILE));
    for package in packages {
        check_name("package", package.path)?;
        check_name("package", package.name)?;
        check_name("module", package.module)?;
        paths.add(package.path)?;
        for file in &package.files {
            check_name(SOURCE_FILE, file.name)?;
            files.add(file.name)?;
        }
    }
    Ok(())
}

fn check_length(what: &'static str, name: &BStr) -> Result<(), NamesError> {
    const SHOWN_BYTES: usize = 60;
    if name.len() <= MOST_BYTES {
        return Ok(());
    }
    let start = name.get(..SHOWN_BYTES).unwrap_or_default().to_str_lossy().into_owned();
    Err(NamesError::Long { what, bytes: name.len(), start })
}

fn check_name(what: &'static str, name: &BStr) -> Result<(), NamesError> {
    check_length(what, name)?;
    // The go command compiles files with tabs in their names, and every format can hold a tab.
    let taken = |c: char| c == '\t' && what == SOURCE_FILE;
    let breaks = |c| matches!(c, '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}');
    if name.chars().any(|c| c.is_control() && !taken(c) || breaks(c)) {
        return Err(NamesError::ControlCharacter { what, name: name.to_string() });
    }
    Ok(())
}

/// Tells names that are no UTF-8 apart.
struct Alike<'p> {
    what: &'static str,
    shown: HashMap<String, &'p BStr>,
}

impl<'p> Alike<'p> {
    fn new(what: &'static str) -> Self {
        Self { what, shown: HashMap::new() }
    }

    fn add(&mut self, name: &'p BStr) -> Result<(), NamesError> {
        // Only these can look like another.
        if !name.chars().any(|c| c == char::REPLACEMENT_CHARACTER) {
            return Ok(());
        }
        match self.shown.insert(name.to_string(), name) {
            Some(other) if other != name => {
                Err(NamesError::Alike { what: self.what, name: name.to_string() })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_path_of_any_system_is_taken() {
        let path = "a/".repeat(MOST_BYTES / 2);
        assert_eq!(check_name(SOURCE_FILE, path.as_str().into()), Ok(()));
        let error = check_name(SOURCE_FILE, format!("{path}b").as_str().into()).unwrap_err().to_string();
        assert!(
            error.starts_with("the name of a source file has 32769 bytes, more than any (32768)"),
            "{error}"
        );
        assert!(error.ends_with("a/a/\""), "{error}");
    }

    #[test]
    fn names_that_would_look_alike_are_refused() {
        let check = |names: &[&'static [u8]]| {
            let mut alike = Alike::new(SOURCE_FILE);
            names.iter().try_for_each(|name| alike.add(BStr::new(*name)))
        };
        assert_eq!(check(&[b"a\xff.go", b"b\xff.go", b"a\xff.go", b"a.go", b"a.go"]), Ok(()));
        for other in [b"a\xfe.go".as_slice(), "a\u{fffd}.go".as_bytes()] {
            let error = check(&[b"a\xff.go", b"a.go", other]).unwrap_err();
            assert_eq!(error, NamesError::Alike { what: SOURCE_FILE, name: "a\u{fffd}.go".into() });
        }
    }

    #[test]
    fn tabs_are_for_files_only() {
        assert_eq!(check_name(SOURCE_FILE, "a\tb.go".into()), Ok(()));
        for name in ["a\tb", "a\u{85}b", "a\u{2028}b", "a\u{2029}b", "a\nb"] {
            assert!(matches!(check_name("function", name.into()), Err(NamesError::ControlCharacter { .. })));
        }
    }
}
