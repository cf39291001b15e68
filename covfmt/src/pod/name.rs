//! What a file's name says. `internal/coverage/pods/pods.go`, `defs.go` (`CounterFileRegexp`),
//! `cfile/emit.go` (temporary names).

use bstr::{BStr, ByteSlice};

use crate::layout::{COUNTER_PREFIX, META_PREFIX};

/// The name of a coverage file, taken apart.
///
/// The tag is what ties a meta file to its counter files: 32 hex digits in what Go writes, but the reference
/// takes anything without white space, and so does this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileName<'a> {
    /// `covmeta.<tag>`
    Meta {
        /// The tag.
        tag: &'a BStr,
    },
    /// `covcounters.<tag>.<pid>.<nanoseconds>`
    Counters {
        /// The tag.
        tag: &'a BStr,
        /// Id of the process; nearly always 1 in a container, 0 for a merged file.
        pid: u64,
        /// Nanoseconds since 1970 as decimal digits.
        nanos: &'a BStr,
    },
    /// `tmp.cov…`: a file that a program is writing, or left behind on a full disk.
    Temporary,
}

impl<'a> FileName<'a> {
    /// Takes a base name apart; `None` if it is no coverage file's.
    pub fn parse(name: &'a [u8]) -> Option<Self> {
        if let Some(rest) = name.strip_prefix(b"tmp.") {
            let prefixes = [META_PREFIX, COUNTER_PREFIX];
            let temporary = prefixes.iter().any(|p| after_prefix(rest, p).is_some());
            return temporary.then_some(Self::Temporary);
        }
        if let Some(tag) = after_prefix(name, META_PREFIX) {
            return is_tag(tag).then(|| Self::Meta { tag: BStr::new(tag) });
        }
        let rest = after_prefix(name, COUNTER_PREFIX)?;
        // The reference's pattern is greedy: the tag ends at the last two dots.
        let (rest, nanos) = rest.rsplit_once_str(".")?;
        let (tag, pid) = rest.rsplit_once_str(".")?;
        let digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
        if !is_tag(tag) || !digits(pid) || !digits(nanos) {
            return None;
        }
        // strconv.Atoi: a process id above 2^63-1 makes the reference pass over the file.
        let pid: i64 = std::str::from_utf8(pid).ok()?.parse().ok()?;
        Some(Self::Counters { tag: BStr::new(tag), pid: pid.unsigned_abs(), nanos: BStr::new(nanos) })
    }

    /// Whether a base name begins like that of a meta or counter file, whatever follows.
    pub fn begins_like_one(name: &[u8]) -> bool {
        [META_PREFIX, COUNTER_PREFIX].iter().any(|prefix| after_prefix(name, prefix).is_some())
    }
}

fn after_prefix<'a>(name: &'a [u8], prefix: &str) -> Option<&'a [u8]> {
    name.strip_prefix(prefix.as_bytes())?.strip_prefix(b".")
}

/// `\S+` as Go's regular expressions have it: only ASCII white space counts.
fn is_tag(tag: &[u8]) -> bool {
    !tag.is_empty() && !tag.iter().any(|byte| matches!(byte, b'\t' | b'\n' | 0x0c | b'\r' | b' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_the_reference_reads_them() {
        let meta = |tag: &'static str| Some(FileName::Meta { tag: BStr::new(tag) });
        let counters = |tag: &'static str, pid, nanos: &'static str| {
            Some(FileName::Counters { tag: BStr::new(tag), pid, nanos: BStr::new(nanos) })
        };
        for (name, expected) in [
            ("covmeta.0123456789abcdef0123456789abcdef", meta("0123456789abcdef0123456789abcdef")),
            ("covmeta.foo", meta("foo")),
            ("covmeta.foo.bar", meta("foo.bar")),
            ("covmeta.", None),
            ("covmeta.a b", None),
            ("covmeta", None),
            ("xcovmeta.foo", None),
            ("covcounters.abc.1.1700000000000000000", counters("abc", 1, "1700000000000000000")),
            ("covcounters.a.b.2.3", counters("a.b", 2, "3")),
            ("covcounters.a.2.3.4", counters("a.2", 3, "4")),
            ("covcounters.abc.x.3", None),
            ("covcounters.abc.1.", None),
            ("covcounters.abc.1", None),
            ("covcounters..1.2", None),
            ("covcounters.abc.9223372036854775807.2", counters("abc", 9_223_372_036_854_775_807, "2")),
            ("covcounters.abc.9223372036854775808.2", None),
            ("tmp.covmeta.abc123", Some(FileName::Temporary)),
            ("tmp.covcounters.abc.1.2", Some(FileName::Temporary)),
            ("tmp.txt", None),
            ("manifest.json", None),
        ] {
            assert_eq!(FileName::parse(name.as_bytes()), expected, "{name}");
        }
    }
}
