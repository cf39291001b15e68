//! `--include GLOB` and `--exclude GLOB`: which paths they match.

use std::str::FromStr;

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};

/// A glob for files and directories, matched with paths below the repository's root.
///
/// `*` and `?` match within a component of the path, `**` matches any number of components, `[a-z]` and `{a,b}` are as in
/// a shell. `.` is the root, so all files. A glob without a slash but at its end matches a file or directory of that name anywhere; any other one
/// starts at the root. What matches a directory matches all files in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileGlob {
    typed: String,
    file: Glob,
    below: Glob,
}

/// A value that is no glob.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// Nothing at all, as of a variable that is not set.
    #[error("it names no file; `.` means all of them")]
    Empty,
    /// Brackets that do not match, and the like.
    #[error(transparent)]
    Malformed(#[from] globset::Error),
}

impl FromStr for FileGlob {
    type Err = GlobError;

    fn from_str(typed: &str) -> Result<Self, GlobError> {
        if typed.is_empty() {
            return Err(GlobError::Empty);
        }
        let plain = typed.trim_end_matches('/');
        let anchored = plain.contains('/');
        let plain = plain.trim_start_matches("./").trim_start_matches('/');
        let pattern = match plain {
            "" | "." => "**".to_owned(),
            _ if anchored => plain.to_owned(),
            _ => format!("**/{plain}"),
        };
        let glob = |pattern: &str| GlobBuilder::new(pattern).literal_separator(true).build();
        Ok(Self { typed: typed.to_owned(), file: glob(&pattern)?, below: glob(&format!("{pattern}/**"))? })
    }
}

/// Several globs, any of which may match.
#[derive(Debug)]
pub(super) struct FileGlobs<'g> {
    globs: &'g [FileGlob],
    /// Two for each of them.
    set: GlobSet,
}

impl<'g> FileGlobs<'g> {
    pub(super) fn new(globs: &'g [FileGlob]) -> Result<Self, globset::Error> {
        let mut builder = GlobSetBuilder::new();
        for glob in globs {
            builder.add(glob.file.clone()).add(glob.below.clone());
        }
        Ok(Self { globs, set: builder.build()? })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.globs.is_empty()
    }

    pub(super) fn matches(&self, path: &str) -> bool {
        self.set.is_match(path.trim_start_matches('/'))
    }

    /// The globs, as typed, that match none of the paths.
    pub(super) fn without_match<'p>(&self, paths: impl Iterator<Item = &'p str>) -> Vec<&'g str> {
        let mut used = vec![false; self.globs.len()];
        for path in paths {
            for index in self.set.matches(path.trim_start_matches('/')) {
                if let Some(used) = used.get_mut(index / 2) {
                    *used = true;
                }
            }
        }
        let idle = self.globs.iter().zip(used).filter(|(_, used)| !used);
        idle.map(|(glob, _)| glob.typed.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_files_and_what_is_below_directories() {
        for (glob, matching, other) in [
            ("*.pb.go", &["a.pb.go", "x/y/a.pb.go"][..], &["a.pb.gox", "pb.go"][..]),
            ("mocks", &["mocks/a.go", "x/mocks/y/a.go"], &["mocksx/a.go", "x/mocks.go"]),
            ("mocks/", &["mocks/a.go", "x/mocks/a.go"], &["mocks.go"]),
            ("/mocks", &["mocks/a.go"], &["x/mocks/a.go"]),
            ("./mocks/", &["mocks/a.go"], &["x/mocks/a.go"]),
            ("internal/*.go", &["internal/a.go"], &["internal/x/a.go", "x/internal/a.go"]),
            ("internal/*", &["internal/a.go", "internal/x/a.go"], &["internal.go"]),
            ("internal/**/*.go", &["internal/a.go", "internal/x/y/a.go"], &["a.go"]),
            ("**/internal/**", &["internal/a.go", "x/internal/y/a.go"], &["internals/a.go"]),
            ("**", &["a.go", "x/a.go"], &[]),
            (".", &["a.go", "x/a.go"], &[]),
            ("./", &["a.go", "x/a.go"], &[]),
            ("./.", &["a.go", "x/a.go"], &[]),
            ("/", &["a.go", "x/a.go"], &[]),
            ("./*.go", &["a.go"], &["x/a.go"]),
            ("cmd/{a,b}/main.go", &["cmd/a/main.go", "cmd/b/main.go"], &["cmd/c/main.go"]),
            ("[ab]?.go", &["a1.go", "x/b2.go"], &["c1.go", "a.go"]),
            ("zz_generated.*", &["api/zz_generated.deepcopy.go"], &["zz_generated/a.go2/x"][..0]),
            ("A.go", &["A.go"], &["a.go"]),
        ] {
            let globs = [glob.parse().unwrap()];
            let globs = FileGlobs::new(&globs).unwrap();
            for path in matching {
                assert!(globs.matches(path), "{glob} should match {path}");
            }
            for path in other {
                assert!(!globs.matches(path), "{glob} should not match {path}");
            }
        }
        assert_eq!("".parse::<FileGlob>(), Err(GlobError::Empty));
        assert!("a[".parse::<FileGlob>().is_err());
        assert!("{a".parse::<FileGlob>().is_err());
    }

    #[test]
    fn a_glob_that_matches_nothing_is_named() {
        let globs = ["*.pb.go", "mocks", "x/*.go"].map(|glob| glob.parse().unwrap());
        let globs = FileGlobs::new(&globs).unwrap();
        assert_eq!(globs.without_match(["a.pb.go", "y/a.go"].into_iter()), ["mocks", "x/*.go"]);
    }
}
