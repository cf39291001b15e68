//! Why inputs cannot be used.

use std::path::{Path, PathBuf};

use covfmt::load::LoadError;
use covfmt::merge::MergeError;
use covfmt::pod::ScanError;

use crate::manifest::ManifestError;
use crate::notice::some_of;

const KEEP_GOING: &str = ". With --keep-going the rest is reported";

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// A directory could not be searched.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// A coverage file could not be read, or is damaged.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A file could not be compared with its copy.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A manifest cannot be used.
    #[error("{}: {source}", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong.
        source: ManifestError,
    },
    /// A file is not what the manifest says, or is gone.
    #[error("{}: the manifest beside it says {expected}, but {found}: damaged or changed since it was fetched", path.display())]
    NotAsListed {
        /// The file.
        path: PathBuf,
        /// What the manifest says.
        expected: String,
        /// What is there.
        found: String,
    },
    /// Two meta files of one name that are not the same.
    #[error("{} and {} have the same name, but {difference}", first.display(), second.display())]
    MetaClash {
        /// The first file.
        first: PathBuf,
        /// The other file.
        second: PathBuf,
        /// What differs.
        difference: String,
    },
    /// A meta file that was renamed.
    #[error("{}: the header says build {hash}, the name another: renamed or damaged", path.display())]
    MetaName {
        /// The file.
        path: PathBuf,
        /// The hash in the header.
        hash: String,
    },
    /// Builds that cannot be merged.
    #[error(transparent)]
    Builds(#[from] MergeError),
    /// An input that does not exist.
    #[error("{}: no such file or directory{advice}", path.display())]
    Missing {
        /// The input.
        path: PathBuf,
        /// What to do, or nothing.
        advice: String,
    },
    /// A file that was named and is no coverage file.
    #[error("{}: not named like a coverage file (covmeta.HASH, covcounters.HASH.PID.NANOSECONDS){advice}", path.display())]
    NotCoverage {
        /// The file.
        path: PathBuf,
        /// What to do, or nothing.
        advice: String,
    },
    /// There is nothing to report.
    #[error("no coverage files in {}: was the program built with -cover, and GOCOVERDIR set?", some_of(.inputs))]
    Empty {
        /// The inputs.
        inputs: Vec<String>,
    },
    /// Meta files only.
    #[error(
        "no counters, only the meta files of {}: the program wrote none. It writes them when it ends \
         (not if it is killed or panics), or when a signal handler in it flushes them",
        some_of(.builds)
    )]
    NoCounters {
        /// The builds.
        builds: Vec<String>,
    },
    /// Packages were asked for of which there is none: an empty report would pass for one that says 0 %.
    #[error("--pkg {patterns} matches none of the {packages} packages{hint}")]
    NoPackage {
        /// The patterns as given, with commas between them.
        patterns: String,
        /// Number of packages in the input.
        packages: usize,
        /// What may be the reason, or nothing.
        hint: &'static str,
    },
    /// Something is missing, and it was not asked to go on all the same.
    #[error("{}{}", .what.join("; "), if *.rest { KEEP_GOING } else { "" })]
    Incomplete {
        /// What is missing.
        what: Vec<String>,
        /// Whether there is anything else.
        rest: bool,
    },
    /// A file cannot be used, and it was not asked to go on without it.
    #[error("{0}{KEEP_GOING}")]
    Refused(Box<InputError>),
    /// It was asked to go on, and nothing is left.
    #[error("{}. Nothing else is there to report", .what.join("; "))]
    NothingLeft {
        /// What is missing.
        what: Vec<String>,
    },
}

impl InputError {
    /// The file without which it could go on, if the error is about one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Scan(error) => Some(&error.path),
            Self::Load(error) => Some(error.path()),
            Self::Io { path, .. }
            | Self::Manifest { path, .. }
            | Self::NotAsListed { path, .. }
            | Self::MetaName { path, .. } => Some(path),
            Self::MetaClash { second, .. } => Some(second),
            _ => None,
        }
    }

    /// The same with a word about how to go on without the file.
    pub(super) fn with_advice(self) -> Self {
        if self.file().is_some() { Self::Refused(Box::new(self)) } else { self }
    }

    /// Whether the input is incomplete or misnamed, rather than damaged or unreadable.
    pub fn is_unusable(&self) -> bool {
        matches!(
            self,
            Self::Missing { .. }
                | Self::NotCoverage { .. }
                | Self::Empty { .. }
                | Self::NoCounters { .. }
                | Self::NoPackage { .. }
                | Self::Incomplete { .. }
                | Self::NothingLeft { .. }
        )
    }
}
