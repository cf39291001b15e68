//! Sizes and bytes -> files, from images without tar: what `wc -c` says of some files, a line `data`, what `cat` makes of
//! them, and a line `end` behind the last batch. No input panics.
//!
//! The sizes are the proof that all came. A file that changed between the two commands shows, too: its bytes are not
//! followed by what must follow them.

use std::io::{BufRead, BufReader, Read};

use super::{Budget, Limits, Receive, broken, hand_over, truncated};
use crate::error::{Failure, Kind};
use crate::names::{CoverageName, quoted};

/// Longest line, bytes: a number, spaces, and one of Go's file names, which are shorter than 100.
const LONGEST_LINE: u64 = 200;

/// Reads batches until the line `end`.
pub(super) fn unpack_batches(
    stream: impl Read,
    limits: &Limits,
    receive: &mut Receive<'_>,
) -> Result<(), Failure> {
    let mut budget = Budget::new(limits);
    let mut stream = BufReader::new(stream);
    while let Some(sizes) = read_sizes(&mut stream, limits)? {
        read_files(&mut stream, &sizes, &mut budget, receive)?;
    }
    expect_end(&mut stream)
}

/// Reads files of known sizes, and nothing behind them.
pub(super) fn unpack_sized(
    stream: impl Read,
    sizes: &[(CoverageName, u64)],
    limits: &Limits,
    receive: &mut Receive<'_>,
) -> Result<(), Failure> {
    let mut stream = BufReader::new(stream);
    read_files(&mut stream, sizes, &mut Budget::new(limits), receive)?;
    expect_end(&mut stream)
}

fn read_files(
    stream: &mut impl BufRead,
    sizes: &[(CoverageName, u64)],
    budget: &mut Budget,
    receive: &mut Receive<'_>,
) -> Result<(), Failure> {
    for (name, size) in sizes {
        budget.charge(name.as_str().as_bytes(), *size)?;
        if !budget.seen.insert(name.clone()) {
            return Err(Failure::new(Kind::Rejected, format!("{name} came before")));
        }
        hand_over(&mut stream.take(*size), name, *size, receive)?;
    }
    Ok(())
}

/// The lines before a batch; `None` if there is no further one.
fn read_sizes(
    stream: &mut impl BufRead,
    limits: &Limits,
) -> Result<Option<Vec<(CoverageName, u64)>>, Failure> {
    let mut sizes = Vec::new();
    loop {
        let mut line = Vec::new();
        stream.take(LONGEST_LINE).read_until(b'\n', &mut line).map_err(|error| broken(&error))?;
        if line.pop_if(|last| *last == b'\n').is_none() {
            return Err(match line.len() as u64 {
                LONGEST_LINE => unexpected(&line),
                _ => truncated("the stream ended before its last line"),
            });
        }
        match line.as_slice() {
            b"end" if sizes.is_empty() => return Ok(None),
            b"data" => return Ok(Some(sizes)),
            line => sizes.extend(parse_size(line)?),
        }
        if sizes.len() as u64 > limits.files {
            let message = format!("more than {} files (--max-files)", limits.files);
            return Err(Failure::new(Kind::Limit, message));
        }
    }
}

/// Takes a line of `wc -c` apart: a file and its size in bytes. `None` for the line that sums them up.
pub(crate) fn parse_size(line: &[u8]) -> Result<Option<(CoverageName, u64)>, Failure> {
    let text = std::str::from_utf8(line).map_err(|_| unexpected(line))?;
    let (size, path) = text.trim_start_matches(' ').split_once(' ').ok_or_else(|| unexpected(line))?;
    if !size.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(unexpected(line));
    }
    let size = size.parse().map_err(|_| unexpected(line))?;
    if path == "total" {
        return Ok(None);
    }
    let base = path.rsplit('/').next().unwrap_or(path);
    let name = CoverageName::parse(base.as_bytes()).ok_or_else(|| unexpected(line))?;
    Ok(Some((name, size)))
}

fn expect_end(stream: &mut impl BufRead) -> Result<(), Failure> {
    match stream.fill_buf().map_err(|error| broken(&error))? {
        [] => Ok(()),
        rest => Err(unexpected(rest.get(..60).unwrap_or(rest))),
    }
}

/// What does not belong is most often what a file has grown by; another attempt takes it as it is then.
fn unexpected(line: &[u8]) -> Failure {
    let message = format!("a file changed while it was read, or this is no size: {}", quoted(line));
    Failure::passing(Kind::Rejected, message)
}

#[cfg(test)]
mod tests {
    use super::super::Form;
    use super::*;

    const HASH: &str = "0123456789abcdef0123456789abcdef";

    /// Files by name with their content, and how the stream ended.
    type Outcome = (Vec<(String, Vec<u8>)>, Result<(), Failure>);

    fn run(form: &Form, bytes: &[u8]) -> Outcome {
        let mut files = Vec::new();
        let limits = Limits { file_bytes: 100, container_bytes: 150, files: 4 };
        let result = form.unpack(bytes, &limits, &mut |name, size, content| {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes).map_err(|error| broken(&error))?;
            if bytes.len() as u64 == size {
                files.push((name.to_string(), bytes));
            }
            Ok(())
        });
        (files, result)
    }

    fn good() -> String {
        format!(
            "  4 ./covmeta.{HASH}\n 11 ./covcounters.{HASH}.1.5\n 15 total\ndata\nmetaend\ndata\nxy3 ./covcounters.{HASH}.1.6\ndata\nyesend\n"
        )
    }

    #[test]
    fn batches_come_out_whole() {
        let (files, result) = run(&Form::Plain, good().as_bytes());
        result.unwrap();
        let contents: Vec<&[u8]> = files.iter().map(|(_, bytes)| bytes.as_slice()).collect();
        assert_eq!(contents, [&b"meta"[..], b"end\ndata\nxy", b"yes"]);
        assert_eq!(files[2].0, format!("covcounters.{HASH}.1.6"));
    }

    #[test]
    fn a_cut_at_any_byte_is_noticed() {
        let good = good();
        for end in 0..good.len() {
            let (_, result) = run(&Form::Plain, &good.as_bytes()[..end]);
            assert_eq!(result.unwrap_err().kind, Kind::Truncated, "cut at byte {end}");
        }
    }

    #[test]
    fn a_byte_too_many_or_too_few_is_noticed() {
        let good = good();
        for (grown, shrunk) in [("meta", "met"), ("xy", "x"), ("yes", "ye")] {
            for changed in [good.replace(grown, &format!("{grown}!")), good.replace(grown, shrunk)] {
                let (_, result) = run(&Form::Plain, changed.as_bytes());
                let failure = result.unwrap_err();
                assert!(matches!(failure.kind, Kind::Rejected | Kind::Truncated), "{failure}");
                assert_ne!(failure.retry, crate::error::Retry::No, "{failure}");
            }
        }
    }

    #[test]
    fn what_wc_does_not_write_is_refused() {
        for (bytes, kind) in [
            (format!("1 ./covmeta.{HASH}x\ndata\n"), Kind::Rejected),
            ("1 ../../etc/passwd\ndata\nx".to_owned(), Kind::Rejected),
            (format!("-1 ./covmeta.{HASH}\ndata\n"), Kind::Rejected),
            (format!("+1 ./covmeta.{HASH}\ndata\n"), Kind::Rejected),
            (format!("99999999999999999999 ./covmeta.{HASH}\ndata\n"), Kind::Rejected),
            ("end\nmore".to_owned(), Kind::Rejected),
            (format!("1 ./covmeta.{HASH}\nend\n"), Kind::Rejected),
            (format!("1 ./covmeta.{HASH}\n1 ./covmeta.{HASH}\ndata\nxx"), Kind::Rejected),
            ("1".repeat(1000), Kind::Rejected),
            ("\u{1b}[2J\n".to_owned(), Kind::Rejected),
            (format!("101 ./covmeta.{HASH}\ndata\n"), Kind::Limit),
            (
                format!("100 ./covmeta.{HASH}\n100 ./covcounters.{HASH}.1.1\ndata\n{}", "x".repeat(200)),
                Kind::Limit,
            ),
            ([1, 2, 3, 4, 5].map(|n| format!("1 ./covcounters.{HASH}.1.{n}\n")).concat(), Kind::Limit),
        ] {
            let failure = run(&Form::Plain, bytes.as_bytes()).1.unwrap_err();
            assert_eq!(failure.kind, kind, "{bytes}: {failure}");
            assert!(!failure.message.contains(char::is_control), "{failure:?}");
        }
    }

    #[test]
    fn known_sizes_need_no_lines() {
        let name = |text: String| CoverageName::parse(text.as_bytes()).unwrap();
        let form = Form::Sized(vec![
            (name(format!("covmeta.{HASH}")), 4),
            (name(format!("covcounters.{HASH}.1.5")), 0),
            (name(format!("covcounters.{HASH}.1.6")), 3),
        ]);
        let (files, result) = run(&form, b"metayes");
        result.unwrap();
        assert_eq!(files.len(), 3);
        for (bytes, kind) in
            [(&b""[..], Kind::Truncated), (b"metaye", Kind::Truncated), (b"metayes!", Kind::Rejected)]
        {
            assert_eq!(run(&form, bytes).1.unwrap_err().kind, kind);
        }
    }
}
