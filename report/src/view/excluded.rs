//! What the user left out of a view, so that reports can say so.

use std::fmt;

/// What was left out, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Excluded {
    /// By `--include` and `--exclude`.
    pub by_glob: ExcludedPart,
    /// By `--exclude-generated`.
    pub generated: ExcludedPart,
    /// By comments such as `//coverage:ignore`.
    pub marked: ExcludedPart,
}

/// What was left out for one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExcludedPart {
    /// Number of files that were left out, in whole or in part.
    pub files: u64,
    /// Number of statements in what was left out.
    pub statements: u64,
}

impl Excluded {
    /// Whether nothing was left out.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Number of statements that were left out, for whatever reason.
    pub fn statements(&self) -> u64 {
        [self.by_glob, self.generated, self.marked].iter().map(|part| part.statements).sum()
    }
}

/// `12 statements: 10 in 1 generated file, 2 marked by comments in 1 file`
impl fmt::Display for Excluded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files =
            |files: u64, word: &str| format!("{files} {word}file{}", if files == 1 { "" } else { "s" });
        let total = self.statements();
        write!(f, "{total} statement{}", if total == 1 { "" } else { "s" })?;
        let Self { by_glob, generated, marked } = self;
        let parts = [
            (by_glob, format!("in {} by path", files(by_glob.files, ""))),
            (generated, format!("in {}", files(generated.files, "generated "))),
            (marked, format!("marked by comments in {}", files(marked.files, ""))),
        ];
        let mut separator = ": ";
        for (part, place) in parts.iter().filter(|(part, _)| part.files != 0) {
            write!(f, "{separator}{} {place}", part.statements)?;
            separator = ", ";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_given() {
        let part = |files, statements| ExcludedPart { files, statements };
        let excluded = Excluded { by_glob: part(2, 9), generated: part(1, 10), marked: part(1, 1) };
        assert_eq!(
            excluded.to_string(),
            "20 statements: 9 in 2 files by path, 10 in 1 generated file, 1 marked by comments in 1 file"
        );
        assert!(Excluded::default().is_empty() && !excluded.is_empty());
        assert_eq!(
            Excluded { marked: part(1, 1), ..Excluded::default() }.to_string(),
            "1 statement: 1 marked by comments in 1 file"
        );
    }
}
