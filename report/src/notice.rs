//! Messages for people on standard error.

use std::fmt;
use std::io::{self, Write};

/// A remark about a run that went on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    severity: Severity,
    /// Whether `--strict` makes an error of it.
    refused_if_strict: bool,
    text: String,
}

/// How much a remark matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Good to know.
    Note,
    /// The numbers may not be what was wanted.
    Warning,
}

impl Notice {
    /// Something that is good to know.
    pub fn note(text: impl Into<String>) -> Self {
        Self { severity: Severity::Note, refused_if_strict: false, text: text.into() }
    }

    /// Something that was decided for the user, and that `--strict` leaves to the user.
    pub fn decision(text: impl Into<String>) -> Self {
        Self { refused_if_strict: true, ..Self::note(text) }
    }

    /// Something that may make the numbers other than wanted.
    pub fn warning(text: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, refused_if_strict: true, text: text.into() }
    }

    /// Whether `--strict` makes an error of it: of every warning, and of some notes.
    pub fn is_refused_if_strict(&self) -> bool {
        self.refused_if_strict
    }

    /// How much it matters.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// What it says.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
        };
        write!(f, "{word}: {}", self.text)
    }
}

/// Writes one line to the terminal. Names in it may come from coverage data or from a pod: control characters are
/// shown and not obeyed.
pub fn say(out: &mut dyn Write, message: &dyn fmt::Display) -> io::Result<()> {
    // At once: standard error has no buffer, and escaping goes by characters.
    let line = format!("covreport: {}\n", Printable(&message.to_string()));
    out.write_all(line.as_bytes())
}

/// Text without control characters, which are escaped as in Rust.
#[derive(Debug, Clone, Copy)]
pub struct Printable<'t>(pub &'t str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        self.0.chars().try_for_each(|c| {
            if c.is_control() { write!(f, "{}", c.escape_default()) } else { f.write_char(c) }
        })
    }
}

/// The first few of a list, and how many more there are: `a, b and 3 more`.
pub fn some_of<T: fmt::Display>(items: &[T]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<String> = items.iter().take(SHOWN).map(ToString::to_string).collect();
    match items.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown() {
        let mut out = Vec::new();
        say(&mut out, &Notice::warning("a\x1b[31mb\nc")).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "covreport: warning: a\\u{1b}[31mb\\nc\n");
    }

    #[test]
    fn a_message_is_one_write() {
        struct Writes(usize);
        impl Write for Writes {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0 += 1;
                Ok(bytes.len())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut writes = Writes(0);
        say(&mut writes, &Notice::warning("a".repeat(1000))).unwrap();
        assert_eq!(writes.0, 1);
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(some_of(&[1, 2]), "1, 2");
        assert_eq!(some_of(&[1, 2, 3, 4, 5, 6, 7]), "1, 2, 3, 4, 5 and 2 more");
    }
}
