//! Output formats: one file each, all written from the same view.

mod batches;
mod cobertura;
mod codecov;
mod coveralls;
mod func;
mod jacoco;
mod json;
mod kind;
mod lcov;
mod markdown;
mod percent;
mod pkglist;
mod sonarqube;
mod textfmt;

use std::io::{self, Write};

pub(crate) use batches::write_in_order;
pub use cobertura::{CoberturaOptions, Timestamp};
pub use kind::{Kind, NeedOfFiles};
pub use lcov::{FunctionRecords, LcovOptions};
pub use markdown::MarkdownFor;
pub(crate) use textfmt::{append_units, write_mode};

use crate::view::View;

/// An output format with its options.
///
/// A new format is a file of its own, a variant here, a row in the table of [`Kind`]s and a line where
/// [`crate::plan`] gives it its options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// See [`Kind::Percent`].
    Percent,
    /// See [`Kind::Func`].
    Func,
    /// See [`Kind::Pkglist`].
    Pkglist,
    /// See [`Kind::Markdown`].
    Markdown(MarkdownFor),
    /// See [`Kind::Textfmt`].
    Textfmt(CountLimit),
    /// See [`Kind::Lcov`].
    Lcov(LcovOptions),
    /// See [`Kind::Cobertura`].
    Cobertura(CoberturaOptions),
    /// See [`Kind::Codecov`].
    Codecov,
    /// See [`Kind::Coveralls`].
    Coveralls,
    /// See [`Kind::Sonarqube`].
    Sonarqube,
    /// See [`Kind::Jacoco`].
    Jacoco,
    /// See [`Kind::Json`].
    Json,
}

impl Format {
    /// The format without its options.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Percent => Kind::Percent,
            Self::Func => Kind::Func,
            Self::Pkglist => Kind::Pkglist,
            Self::Markdown(_) => Kind::Markdown,
            Self::Textfmt(_) => Kind::Textfmt,
            Self::Lcov(_) => Kind::Lcov,
            Self::Cobertura(_) => Kind::Cobertura,
            Self::Codecov => Kind::Codecov,
            Self::Coveralls => Kind::Coveralls,
            Self::Sonarqube => Kind::Sonarqube,
            Self::Jacoco => Kind::Jacoco,
            Self::Json => Kind::Json,
        }
    }

    /// The option that asks for the format, without its dashes.
    pub fn name(&self) -> &'static str {
        self.kind().name()
    }

    /// What to say of a report of so many bytes, if it is more than some take.
    pub fn size_note(&self, bytes: u64) -> Option<String> {
        match self {
            Self::Cobertura(options) => cobertura::size_note(*options, bytes),
            _ => None,
        }
    }

    /// Writes the report.
    pub fn write(&self, view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Percent => percent::write(view, out),
            Self::Func => func::write(view, out),
            Self::Pkglist => pkglist::write(view, out),
            Self::Markdown(size) => markdown::write(view, *size, out),
            Self::Textfmt(limit) => textfmt::write(view, *limit, out),
            Self::Lcov(options) => lcov::write(view, options, out),
            Self::Cobertura(options) => cobertura::write(view, *options, out),
            Self::Codecov => codecov::write(view, out),
            Self::Coveralls => coveralls::write(view, out),
            Self::Sonarqube => sonarqube::write(view, out),
            Self::Jacoco => jacoco::write(view, out),
            Self::Json => json::write(view, out),
        }
    }
}

/// The greatest count that a format shows; greater ones are shown as this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CountLimit {
    /// Counts as they are, up to 4,294,967,295.
    #[default]
    None,
    /// Up to 2,147,483,647, for consumers that read 32-bit signed integers: some take an overflow for 0, or fail.
    Int32,
}

impl CountLimit {
    fn of(self, count: u32) -> u32 {
        match self {
            Self::None => count,
            Self::Int32 => count.min(i32::MAX.unsigned_abs()),
        }
    }
}
