//! The table of output formats: what each is called, what `--help` says of it and what it needs of the view.
//!
//! The order is that of `--help`, and of messages that name several formats.

/// An output format, without its options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Percentages, for people.
    Percent,
    /// A line per function, for people.
    Func,
    /// The import paths of the packages.
    Pkglist,
    /// Tables in Markdown, for GitHub.
    Markdown,
    /// The text profile of `go test -coverprofile`.
    Textfmt,
    /// LCOV tracefile.
    Lcov,
    /// Cobertura XML.
    Cobertura,
    /// Codecov's own JSON.
    Codecov,
    /// The JSON of Coveralls.
    Coveralls,
    /// SonarQube's generic test coverage XML.
    Sonarqube,
    /// JaCoCo XML.
    Jacoco,
    /// JSON of our own.
    Json,
}

/// Whether a format shows source files, so that [`crate::view::View::files`] must be filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NeedOfFiles {
    /// It shows packages and units only.
    None,
    /// It shows more with them, and can be written without.
    IfFound,
    /// It is nothing without them.
    Required,
    /// It is nothing without them, and wants digests of their contents, too.
    WithDigests,
}

impl Kind {
    /// All formats, in the order of the table.
    pub const ALL: [Self; 12] = [
        Self::Percent,
        Self::Func,
        Self::Pkglist,
        Self::Markdown,
        Self::Textfmt,
        Self::Lcov,
        Self::Cobertura,
        Self::Codecov,
        Self::Coveralls,
        Self::Sonarqube,
        Self::Jacoco,
        Self::Json,
    ];

    /// The table: name, need of files, help.
    fn row(self) -> (&'static str, NeedOfFiles, &'static str) {
        use NeedOfFiles::{IfFound, None, Required, WithDigests};
        match self {
            Self::Percent => (
                "percent",
                IfFound,
                "Percentage of statements of each package; totals of statements and, in a repository, of lines and \
                 functions; this is the report if none is asked for",
            ),
            Self::Func => ("func", Required, "Percentage of statements of each function and in total"),
            Self::Pkglist => ("pkglist", None, "Import paths of the packages, one per line"),
            Self::Markdown => {
                ("markdown", Required, "Tables in Markdown, for GitHub's step summaries and comments")
            }
            Self::Textfmt => ("textfmt", None, "Text profile, as of `go test -coverprofile`"),
            Self::Lcov => ("lcov", Required, "LCOV tracefile"),
            Self::Cobertura => ("cobertura", Required, "Cobertura XML"),
            Self::Codecov => ("codecov", Required, "Codecov's custom coverage JSON"),
            Self::Coveralls => ("coveralls", WithDigests, "JSON of Coveralls, with the files but no token"),
            Self::Sonarqube => ("sonarqube", Required, "Generic test coverage XML of SonarQube"),
            Self::Jacoco => ("jacoco", Required, "JaCoCo XML"),
            Self::Json => ("json", Required, "All that is known, as JSON with a schema: see docs/JSON.md"),
        }
    }

    /// The option that asks for the format, without its dashes.
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// Whether it shows source files.
    pub fn files(self) -> NeedOfFiles {
        self.row().1
    }

    /// Whether it shows how often code ran, and not only whether it did.
    pub fn shows_counts(self) -> bool {
        match self {
            Self::Percent | Self::Func | Self::Pkglist | Self::Markdown | Self::Sonarqube | Self::Jacoco => {
                false
            }
            Self::Textfmt | Self::Lcov | Self::Cobertura | Self::Codecov | Self::Coveralls | Self::Json => {
                true
            }
        }
    }

    /// Whether it shows the parts of lines.
    pub fn shows_branches(self) -> bool {
        self.shows_files() && self != Self::Func
    }

    /// Whether it shows the paths of files.
    pub fn shows_files(self) -> bool {
        self.files() >= NeedOfFiles::Required
    }

    /// Whether `--clamp-counts` is for it.
    pub fn clamps_on_request(self) -> bool {
        matches!(self, Self::Textfmt | Self::Lcov)
    }

    /// What it is, in one line of `--help`.
    pub fn help(self) -> &'static str {
        self.row().2
    }
}
