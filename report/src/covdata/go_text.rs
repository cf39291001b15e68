//! Text as Go's standard library writes it: quoted strings, system errors, cleaned paths.

use std::fmt::{self, Write as _};
use std::io;

/// `strconv.Quote`, as `%q` prints a string.
pub(super) fn quote(text: &[u8]) -> String {
    Quoted(text).to_string()
}

struct Quoted<'t>(&'t [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for chunk in self.0.utf8_chunks() {
            chunk.valid().chars().try_for_each(|c| write_quoted(c, f))?;
            chunk.invalid().iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))?;
        }
        f.write_char('"')
    }
}

fn write_quoted(c: char, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match c {
        '"' | '\\' => write!(f, "\\{c}"),
        '\u{7}' => f.write_str("\\a"),
        '\u{8}' => f.write_str("\\b"),
        '\u{c}' => f.write_str("\\f"),
        '\n' => f.write_str("\\n"),
        '\r' => f.write_str("\\r"),
        '\t' => f.write_str("\\t"),
        '\u{b}' => f.write_str("\\v"),
        _ if is_printable(c) => f.write_char(c),
        _ if c < ' ' || c == '\u{7f}' => write!(f, "\\x{:02x}", u32::from(c)),
        _ if u32::from(c) < 0x10000 => write!(f, "\\u{:04x}", u32::from(c)),
        _ => write!(f, "\\U{:08x}", u32::from(c)),
    }
}

/// `strconv.IsPrint`: letters, marks, numbers, punctuation, symbols and the ASCII space.
fn is_printable(c: char) -> bool {
    // Rust escapes what is not printable, and combining marks too, but not behind another character.
    c == ' ' || (!c.is_whitespace() && format!("a{c}").escape_debug().eq(['a', c]))
}

/// The text of a system error: Go writes the C library's message without the capital letter.
pub(super) fn system_error(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    match chars.next() {
        Some(first) if error.raw_os_error().is_some() => first.to_lowercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

/// `filepath.Clean` on Unix.
pub(super) fn clean_path(path: &[u8]) -> Vec<u8> {
    let rooted = path.starts_with(b"/");
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." if parts.last().is_some_and(|last| *last != b"..") => drop(parts.pop()),
            b".." if rooted => {}
            other => parts.push(other),
        }
    }
    let joined = parts.join(&b'/');
    match (rooted, joined.is_empty()) {
        (true, _) => [b"/", joined.as_slice()].concat(),
        (false, true) => b".".to_vec(),
        (false, false) => joined,
    }
}

/// `filepath.Join` of a directory and a base name.
pub(super) fn join_path(directory: &[u8], name: &[u8]) -> Vec<u8> {
    clean_path(&[directory, b"/", name].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted_as_in_go() {
        // As printed by fmt.Printf("%q").
        for (text, quoted) in [
            (&b"a b"[..], r#""a b""#),
            (b"a\"\\\n\t\x07\x1b\x7f", r#""a\"\\\n\t\a\x1b\x7f""#),
            ("é\u{301}世".as_bytes(), "\"é\u{301}世\""),
            ("\u{a0}\u{ad}\u{200b}\u{e000}".as_bytes(), r#""\u00a0\u00ad\u200b\ue000""#),
            (b"a\xff\xfeb", r#""a\xff\xfeb""#),
            ("\u{1f600}\u{10ffff}".as_bytes(), "\"\u{1f600}\\U0010ffff\""),
        ] {
            assert_eq!(quote(text), quoted);
        }
    }

    #[test]
    fn paths_are_cleaned_as_in_go() {
        for (path, clean) in [
            ("", "."),
            (".", "."),
            ("./a/../b//c/.", "b/c"),
            ("../../a", "../../a"),
            ("a/../..", ".."),
            ("/../a", "/a"),
            ("//", "/"),
        ] {
            assert_eq!(clean_path(path.as_bytes()), clean.as_bytes(), "{path}");
        }
        assert_eq!(join_path(b".", b"x"), b"x");
        assert_eq!(join_path(b"a/", b"x"), b"a/x");
        assert_eq!(join_path(b"/", b"x"), b"/x");
    }

    #[test]
    fn system_errors_begin_in_lower_case() {
        assert_eq!(system_error(&io::Error::from_raw_os_error(2)), "no such file or directory");
        assert_eq!(system_error(&io::Error::from_raw_os_error(20)), "not a directory");
    }
}
