//! Output formats: one file each, all written from the same view.

mod cobertura;
mod lcov;
mod percent;
mod textfmt;

use std::io::{self, Write};

pub use cobertura::Timestamp;
pub(crate) use textfmt::write_profile;

use crate::view::View;

/// An output format with its options.
///
/// A new format is a file of its own, a variant here and an option in [`crate::cli`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A line per package and a total, for people.
    Percent,
    /// The text profile of `go test -coverprofile`.
    Textfmt,
    /// LCOV tracefile.
    Lcov,
    /// Cobertura XML.
    Cobertura(Timestamp),
}

impl Format {
    /// Whether the format shows lines, so that [`View::files`] must be filled.
    pub fn needs_files(self) -> bool {
        match self {
            Self::Percent | Self::Textfmt => false,
            Self::Lcov | Self::Cobertura(_) => true,
        }
    }

    /// The option that asks for the format, without its dashes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Percent => "percent",
            Self::Textfmt => "textfmt",
            Self::Lcov => "lcov",
            Self::Cobertura(_) => "cobertura",
        }
    }

    /// Writes the report.
    pub fn write(self, view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Percent => percent::write(view, out),
            Self::Textfmt => textfmt::write(view, out),
            Self::Lcov => lcov::write(view, out),
            Self::Cobertura(timestamp) => cobertura::write(view, timestamp, out),
        }
    }
}
