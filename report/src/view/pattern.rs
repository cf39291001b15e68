//! Package patterns: `...` stands for any string. `cmd/internal/pkgpattern`, `MatchSimplePattern`.

/// One or more package patterns, any of which may match.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PackagePatterns {
    patterns: Vec<Pattern>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    text: Vec<u8>,
    /// What stands between the wildcards.
    literals: Vec<Vec<u8>>,
    /// Whether the pattern ended in `/...`, which matches nothing at all, too.
    tail: bool,
}

impl PackagePatterns {
    /// Reads a comma-separated list; empty elements are passed over, so a list may match nothing.
    pub fn parse(list: &[u8]) -> Self {
        let patterns =
            list.split(|byte| *byte == b',').filter(|p| !p.is_empty()).map(Pattern::parse).collect();
        Self { patterns }
    }

    /// Whether any of the patterns matches an import path.
    pub fn matches(&self, path: &[u8]) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(path))
    }

    /// The patterns that match none of the import paths, as they were given.
    pub fn without_match(&self, paths: &[&[u8]]) -> Vec<&[u8]> {
        let idle = self.patterns.iter().filter(|pattern| !paths.iter().any(|path| pattern.matches(path)));
        idle.map(|pattern| pattern.text.as_slice()).collect()
    }
}

impl Pattern {
    fn parse(text: &[u8]) -> Self {
        let (body, tail) = match text.strip_suffix(b"/...") {
            Some(body) => (body, true),
            None => (text, false),
        };
        let mut literals = Vec::new();
        let mut rest = body;
        while let Some(at) = rest.windows(3).position(|three| three == b"...") {
            let (literal, behind) = rest.split_at(at);
            literals.push(literal.to_vec());
            rest = behind.get(3..).unwrap_or_default();
        }
        literals.push(rest.to_vec());
        Self { text: text.to_vec(), literals, tail }
    }

    fn matches(&self, path: &[u8]) -> bool {
        // The reference matches with regular expressions: those of invalid UTF-8 it refuses to make.
        if std::str::from_utf8(&self.text).is_err() {
            return false;
        }
        if !self.tail {
            return glob(&self.literals, path);
        }
        let mut with_tail = self.literals.clone();
        if let Some(last) = with_tail.last_mut() {
            last.push(b'/');
        }
        with_tail.push(Vec::new());
        glob(&self.literals, path) || glob(&with_tail, path)
    }
}

/// Whether `text` is the literals in order with anything but line feeds between them.
fn glob(literals: &[Vec<u8>], text: &[u8]) -> bool {
    let Some((first, rest)) = literals.split_first() else { return text.is_empty() };
    let Some((last, middle)) = rest.split_last() else { return first == text };
    let Some(mut rest) = text.strip_prefix(first.as_slice()) else { return false };
    for literal in middle {
        let Some(at) = find(rest, literal).filter(|at| !holds_line_feed(rest.get(..*at))) else {
            return false;
        };
        rest = rest.get(at + literal.len()..).unwrap_or_default();
    }
    rest.strip_suffix(last.as_slice()).is_some_and(|wild| !holds_line_feed(Some(wild)))
}

fn holds_line_feed(bytes: Option<&[u8]>) -> bool {
    bytes.is_some_and(|bytes| bytes.contains(&b'\n'))
}

fn find(text: &[u8], literal: &[u8]) -> Option<usize> {
    if literal.is_empty() {
        return Some(0);
    }
    text.windows(literal.len()).position(|window| window == literal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_the_reference() {
        for (pattern, matching, other) in [
            ("net", &["net"][..], &["net/http", "ne", "xnet"][..]),
            ("net/...", &["net", "net/http", "net/http/internal", "net/"], &["netchan", "xnet"]),
            ("net...", &["net", "net/http", "netchan"], &["ne"]),
            ("...", &["", "net", "a/vendor/b"], &[]),
            ("/...", &["", "/", "/a"], &["a"]),
            (".../http", &["net/http", "/http", "a/b/http"], &["http", "net/https"]),
            ("a/.../b/...", &["a/x/b", "a/x/y/b/z", "a//b"], &["a/b", "a/x/bc", "b"]),
            (".../...", &["", "a", "a/b"], &[]),
            ("a....", &["a.", "axx."], &["a", "axx"]),
            ("a.b", &["a.b"], &["axb"]),
            ("./...", &[".", "./a"], &["a", "example.com/a"]),
            ("vendor/...", &["vendor", "vendor/a"], &["a/vendor/b"]),
            ("a,b/...", &["a", "b", "b/c"], &["a/c"]),
            (",", &[], &["", "a"]),
            ("a...a", &["aa", "axa", "aaa"], &["a"]),
            ("...aab", &["aaab"], &["aaba"]),
            ("a...b...c", &["abc", "axbbc"], &["acb", "ab"]),
        ] {
            let patterns = PackagePatterns::parse(pattern.as_bytes());
            for path in matching {
                assert!(patterns.matches(path.as_bytes()), "{pattern} should match {path:?}");
            }
            for path in other {
                assert!(!patterns.matches(path.as_bytes()), "{pattern} should not match {path:?}");
            }
        }
    }

    #[test]
    fn odd_bytes_follow_the_reference() {
        assert!(!PackagePatterns::parse(b"a\xff...").matches(b"a\xff"));
        assert!(PackagePatterns::parse(b"a...").matches(b"a\xff"));
        assert!(!PackagePatterns::parse(b"a...").matches(b"a\nb"));
    }

    #[test]
    fn idle_patterns_are_named() {
        let patterns = PackagePatterns::parse(b"a/...,./...,b");
        assert_eq!(patterns.without_match(&[b"a/x", b"b"]), [b"./...".as_slice()]);
    }
}
