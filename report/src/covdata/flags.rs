//! Flags as Go's package `flag` reads them: one dash or two, `-name=value` or `-name value`, the first argument that is
//! no flag ends them. `flag/flag.go`, `parseOne`.

use std::collections::HashMap;

use super::go_text::quote;

/// What a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Int,
    Text,
}

/// A flag that a command knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flag {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
}

/// What was given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Given<'a> {
    values: HashMap<&'static str, &'a [u8]>,
    /// Number of arguments behind the flags.
    pub(super) rest: usize,
}

/// Why flags cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FlagError {
    /// Help was asked for.
    Help,
    /// The message that is printed before the usage.
    Wrong(Vec<u8>),
}

impl<'a> Given<'a> {
    /// Reads the flags of a command.
    pub(super) fn parse(known: &[Flag], arguments: &[&'a [u8]]) -> Result<Self, FlagError> {
        let mut given = Self::default();
        let mut arguments = arguments.iter().copied();
        loop {
            given.rest = arguments.len();
            let Some(argument) = arguments.next() else { return Ok(given) };
            let Some(name) = argument.strip_prefix(b"-").filter(|name| !name.is_empty()) else {
                return Ok(given);
            };
            let name = name.strip_prefix(b"-").unwrap_or(name);
            if name.is_empty() {
                given.rest = arguments.len();
                return Ok(given);
            }
            if matches!(name.first(), Some(b'-' | b'=')) {
                return Err(FlagError::Wrong([b"bad flag syntax: ", argument].concat()));
            }
            let (name, mut value) = match name.iter().position(|byte| *byte == b'=') {
                Some(at) => (name.get(..at).unwrap_or_default(), name.get(at + 1..)),
                None => (name, None),
            };
            let Some(flag) = known.iter().find(|flag| flag.name.as_bytes() == name) else {
                if matches!(name, b"help" | b"h") {
                    return Err(FlagError::Help);
                }
                return Err(FlagError::Wrong([b"flag provided but not defined: -", name].concat()));
            };
            if flag.kind == Kind::Bool {
                let value = value.unwrap_or(b"true");
                if parse_bool(value).is_none() {
                    let message =
                        format!("invalid boolean value {} for -{}: parse error", quote(value), flag.name);
                    return Err(FlagError::Wrong(message.into()));
                }
                given.values.insert(flag.name, value);
                continue;
            }
            if value.is_none() {
                value = arguments.next();
            }
            let Some(value) = value else {
                return Err(FlagError::Wrong(format!("flag needs an argument: -{}", flag.name).into()));
            };
            if flag.kind == Kind::Int
                && let Err(why) = parse_int(value)
            {
                let message = format!("invalid value {} for flag -{}: {why}", quote(value), flag.name);
                return Err(FlagError::Wrong(message.into()));
            }
            given.values.insert(flag.name, value);
        }
    }

    /// The value of a text flag; empty if it was not given.
    pub(super) fn text(&self, name: &str) -> &'a [u8] {
        self.values.get(name).copied().unwrap_or_default()
    }

    /// The value of a number flag; 0 if it was not given.
    pub(super) fn number(&self, name: &str) -> i64 {
        self.values.get(name).and_then(|value| parse_int(value).ok()).unwrap_or_default()
    }

    /// Whether a flag without value is on.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|value| parse_bool(value) == Some(true))
    }
}

/// `strconv.ParseBool`.
fn parse_bool(text: &[u8]) -> Option<bool> {
    match text {
        b"1" | b"t" | b"T" | b"true" | b"TRUE" | b"True" => Some(true),
        b"0" | b"f" | b"F" | b"false" | b"FALSE" | b"False" => Some(false),
        _ => None,
    }
}

/// `strconv.ParseInt` with base 0 and 64 bits: prefixes 0x, 0o, 0b and 0, underscores between digits.
fn parse_int(text: &[u8]) -> Result<i64, &'static str> {
    const SYNTAX: &str = "parse error";
    const RANGE: &str = "value out of range";
    let text = std::str::from_utf8(text).map_err(|_| SYNTAX)?;
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, body) = match lower.get(..2) {
        Some("0x") if lower.len() > 2 => (16, lower.get(2..).unwrap_or_default()),
        Some("0o") if lower.len() > 2 => (8, lower.get(2..).unwrap_or_default()),
        Some("0b") if lower.len() > 2 => (2, lower.get(2..).unwrap_or_default()),
        Some(_) if lower.starts_with('0') => (8, lower.get(1..).unwrap_or_default()),
        _ => (10, lower.as_str()),
    };
    // An underscore stands between digits, or between the base's prefix and a digit.
    let prefixed = body.len() < lower.len();
    let well_placed = !body.ends_with('_') && !body.contains("__") && (prefixed || !body.starts_with('_'));
    let plain = body.replace('_', "");
    if !well_placed || plain.is_empty() || !plain.chars().all(|digit| digit.is_digit(radix)) {
        return Err(SYNTAX);
    }
    let magnitude = u64::from_str_radix(&plain, radix).map_err(|_| RANGE)?;
    let limit = i64::MAX.unsigned_abs() + u64::from(negative);
    if magnitude > limit {
        return Err(RANGE);
    }
    let value = i64::try_from(magnitude).unwrap_or(i64::MIN);
    Ok(if negative { value.wrapping_neg() } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [Flag; 4] = [
        Flag { name: "h", kind: Kind::Bool, help: "" },
        Flag { name: "i", kind: Kind::Text, help: "" },
        Flag { name: "o", kind: Kind::Text, help: "" },
        Flag { name: "v", kind: Kind::Int, help: "" },
    ];

    fn parse<'a>(arguments: &[&'a str]) -> Result<Given<'a>, FlagError> {
        let arguments: Vec<&[u8]> = arguments.iter().map(|argument| argument.as_bytes()).collect();
        Given::parse(&KNOWN, &arguments)
    }

    fn wrong(arguments: &[&str]) -> String {
        match parse(arguments) {
            Err(FlagError::Wrong(message)) => String::from_utf8(message).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn flags_are_given_in_either_way() {
        for arguments in
            [&["-i", "a,b", "-h"][..], &["--i=a,b", "--h=T"], &["-i=x", "-h=0", "--h", "-i", "a,b"]]
        {
            let given = parse(arguments).unwrap();
            assert_eq!(
                (given.text("i"), given.is_on("h"), given.rest),
                (&b"a,b"[..], true, 0),
                "{arguments:?}"
            );
        }
        assert_eq!(parse(&["-i="]).unwrap().text("i"), b"");
        assert_eq!(parse(&["-i", "-h"]).unwrap().text("i"), b"-h");
        assert_eq!(parse(&["-i", "a=b"]).unwrap().text("i"), b"a=b");
    }

    #[test]
    fn flags_end_at_the_first_other_argument() {
        assert_eq!(parse(&["-h", "x", "-i=a"]).unwrap().rest, 2);
        assert_eq!(parse(&["-h", "--", "-i=a"]).unwrap().rest, 1);
        assert_eq!(parse(&["-h", "-", "-i=a"]).unwrap().rest, 2);
        assert_eq!(parse(&["-h", "", "-i=a"]).unwrap().rest, 2);
        assert_eq!(parse(&["-h", "--"]).unwrap().rest, 0);
    }

    #[test]
    fn mistakes_are_named_as_in_go() {
        assert_eq!(wrong(&["---i"]), "bad flag syntax: ---i");
        assert_eq!(wrong(&["-=x"]), "bad flag syntax: -=x");
        assert_eq!(wrong(&["-x=1"]), "flag provided but not defined: -x");
        assert_eq!(wrong(&["-i"]), "flag needs an argument: -i");
        assert_eq!(wrong(&["-h=maybe"]), "invalid boolean value \"maybe\" for -h: parse error");
        assert_eq!(wrong(&["-v", "x"]), "invalid value \"x\" for flag -v: parse error");
        assert_eq!(
            wrong(&["-v=9223372036854775808"]),
            "invalid value \"9223372036854775808\" for flag -v: value out of range"
        );
        assert_eq!(parse(&["--help"]), Err(FlagError::Help));
    }

    #[test]
    fn integers_are_go_literals() {
        for (text, value) in [
            ("0", 0),
            ("-5", -5),
            ("+7", 7),
            ("0x1_0", 16),
            ("017", 15),
            ("0b11", 3),
            ("0O17", 15),
            ("1_000", 1000),
            ("-9223372036854775808", i64::MIN),
        ] {
            assert_eq!(parse_int(text.as_bytes()), Ok(value), "{text}");
        }
        for text in ["", "-", "0x", "1__0", "_1", "1_", "08", "0b2", "1.5", "é"] {
            assert_eq!(parse_int(text.as_bytes()), Err("parse error"), "{text}");
        }
    }
}
