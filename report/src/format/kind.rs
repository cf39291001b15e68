//! The table of output formats: what each is called, what `--help` says of it and what it needs of the view.
//!
//! The order is that of `--help`, and of messages that name several formats.

/// An output format, without its options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Lines of percentages, for people.
    Percent,
    /// The text profile of `go test -coverprofile`.
    Textfmt,
    /// LCOV tracefile.
    Lcov,
    /// Cobertura XML.
    Cobertura,
}

/// Whether a format shows source files, so that [`crate::view::View::files`] must be filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NeedOfFiles {
    /// It shows packages and units only.
    None,
    /// It is nothing without them.
    Required,
}

impl Kind {
    /// All formats, in the order of the table.
    pub const ALL: [Self; 4] = [Self::Percent, Self::Textfmt, Self::Lcov, Self::Cobertura];

    /// The table: name, need of files, help.
    fn row(self) -> (&'static str, NeedOfFiles, &'static str) {
        use NeedOfFiles::{None, Required};
        match self {
            Self::Percent => (
                "percent",
                None,
                "Percentage of statements of each package and in total; this is the report if none is asked for",
            ),
            Self::Textfmt => ("textfmt", None, "Text profile, as of `go test -coverprofile`"),
            Self::Lcov => ("lcov", Required, "LCOV tracefile"),
            Self::Cobertura => ("cobertura", Required, "Cobertura XML"),
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

    /// What it is, in one line of `--help`.
    pub fn help(self) -> &'static str {
        self.row().2
    }
}
