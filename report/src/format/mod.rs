//! Output formats: one file each, all written from the same view.

mod cobertura;
mod kind;
mod lcov;
mod percent;
mod textfmt;

use std::io::{self, Write};

pub use cobertura::Timestamp;
pub use kind::{Kind, NeedOfFiles};
pub(crate) use textfmt::write_profile;

use crate::view::View;

/// An output format with its options.
///
/// A new format is a file of its own, a variant here, a row in the table of [`Kind`]s and a line where
/// [`crate::plan`] gives it its options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// See [`Kind::Percent`].
    Percent,
    /// See [`Kind::Textfmt`].
    Textfmt,
    /// See [`Kind::Lcov`].
    Lcov,
    /// See [`Kind::Cobertura`].
    Cobertura(Timestamp),
}

impl Format {
    /// The format without its options.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Percent => Kind::Percent,
            Self::Textfmt => Kind::Textfmt,
            Self::Lcov => Kind::Lcov,
            Self::Cobertura(_) => Kind::Cobertura,
        }
    }

    /// The option that asks for the format, without its dashes.
    pub fn name(&self) -> &'static str {
        self.kind().name()
    }

    /// Writes the report.
    pub fn write(&self, view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Percent => percent::write(view, out),
            Self::Textfmt => textfmt::write(view, out),
            Self::Lcov => lcov::write(view, out),
            Self::Cobertura(timestamp) => cobertura::write(view, *timestamp, out),
        }
    }
}
