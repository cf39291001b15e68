//! Tables in GitHub's Markdown: totals, packages, and the files that miss something, the worst first.
//!
//! Never longer than what it is for takes: a comment 65,536 characters, a step summary 1 MiB. What is cut for that is
//! said, with its number. Names are shown as they are whatever is in them: as code, with references for every
//! character that could mean something.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::missing::MissingInput;
use crate::view::{FileTotals, Ratio, SourceFile, View};

/// What the Markdown is for, which limits its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum MarkdownFor {
    /// A comment on a pull request or an issue, and anything that takes more than that.
    #[default]
    Comment,
    /// `$GITHUB_STEP_SUMMARY`.
    Summary,
}

impl MarkdownFor {
    /// Bytes at most. Comments are limited in characters, of which there are never more than bytes.
    fn limit(self) -> usize {
        match self {
            Self::Comment => 65_536,
            Self::Summary => 1 << 20,
        }
    }
}

/// What the sentences about what was cut may take, and the ends of tables. Bytes.
const RESERVE: usize = 1024;

/// Ranges of missed lines that are shown of one file.
const MOST_RANGES: usize = 20;

/// Missing inputs that are named, and characters of each one's path and reason. Together they take 20 KiB at most.
const MOST_MISSING: usize = 10;
const LONGEST_REASON: usize = 160;

pub(super) fn write(view: &View<'_>, size: MarkdownFor, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page { out, left: size.limit() - RESERVE };
    page.write(&totals(view))?;

    page.write("\n| package | statements | lines | functions |\n|:---|---:|---:|---:|\n")?;
    let by_package = FileTotals::by_package(&view.files);
    let cut = page.write_rows(view.packages.iter().map(|package| {
        let totals = by_package.get(package.path).copied().unwrap_or_default();
        format!(
            "| {} | {} | {} | {} |\n",
            code(&package.path.to_string()),
            cell(package.statements),
            cell(totals.lines),
            cell(totals.functions),
        )
    }))?;
    page.say_cut(cut, "packages", size)?;

    let mut missing: Vec<(u64, &SourceFile<'_>)> =
        view.files.iter().map(|file| (file.line_totals().missed(), file)).collect();
    let with_code = missing.iter().filter(|(_, file)| !file.lines.is_empty()).count();
    missing.retain(|(missed, _)| *missed != 0);
    missing.sort_by_key(|(missed, _)| std::cmp::Reverse(*missed));
    let whole = with_code - missing.len();
    if missing.is_empty() {
        return page.end(&format!("\nFiles whose lines all ran: {whole}.\n"));
    }
    page.write(&format!(
        "\n<details><summary>Files with lines that did not run: {}</summary>\n\n\
         | file | statements | lines | missed lines |\n|:---|---:|---:|:---|\n",
        missing.len()
    ))?;
    let cut = page.write_rows(missing.iter().map(|(_, file)| {
        let lines = cell(file.line_totals());
        format!("| {} | {} | {lines} | {} |\n", code(&file.path), cell(file.statements), missed_lines(file))
    }))?;
    page.say_cut(cut, "files", size)?;
    page.end("\n</details>\n")?;
    if whole != 0 {
        page.end(&format!("\nFiles whose lines all ran: {whole}.\n"))?;
    }
    Ok(())
}

/// The output, and how much of it may still come.
struct Page<'o> {
    out: &'o mut dyn Write,
    left: usize,
}

impl Page<'_> {
    fn write(&mut self, text: &str) -> io::Result<()> {
        self.left = self.left.saturating_sub(text.len());
        self.out.write_all(text.as_bytes())
    }

    /// Writes out of the reserve.
    fn end(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())
    }

    /// Writes the rows that fit; gives the number of the others.
    fn write_rows(&mut self, rows: impl Iterator<Item = String>) -> io::Result<usize> {
        let mut cut = 0;
        for row in rows {
            if row.len() > self.left {
                cut += 1;
            } else {
                self.write(&row)?;
            }
        }
        Ok(cut)
    }

    fn say_cut(&mut self, cut: usize, what: &str, size: MarkdownFor) -> io::Result<()> {
        if cut == 0 {
            return Ok(());
        }
        let whose = match size {
            MarkdownFor::Comment => "a comment on GitHub takes 65,536 characters",
            MarkdownFor::Summary => "a step summary on GitHub takes 1 MiB",
        };
        self.end(&format!("\n**Not shown: {cut} more {what},** as {whose} at most. The totals count them.\n"))
    }
}

fn totals(view: &View<'_>) -> String {
    let mut text = "<!-- covreport -->\n## Coverage\n\n".to_owned();
    text.push_str(&incomplete(&view.missing));
    text.push_str("| | percent | covered | of |\n|:---|---:|---:|---:|\n");
    let in_files = FileTotals::of_all(&view.files);
    for (what, ratio) in [
        ("statements", view.statements),
        ("lines", in_files.lines),
        ("branches", in_files.branches),
        ("functions", in_files.functions),
    ] {
        let percent = ratio.percent().map_or("none".to_owned(), |percent| format!("{percent}%"));
        // Writing to a string cannot fail.
        _ = writeln!(text, "| {what} | {percent} | {} | {} |", ratio.covered, ratio.total);
    }
    if !view.excluded.is_empty() {
        _ = writeln!(text, "\nExcluded: {}.", view.excluded);
    }
    text
}

/// What the report lacks, ahead of its numbers.
fn incomplete(missing: &[MissingInput]) -> String {
    if missing.is_empty() {
        return String::new();
    }
    let inputs = match missing.len() {
        1 => "1 input is".to_owned(),
        more => format!("{more} inputs are"),
    };
    let mut text = format!("**Incomplete:** {inputs} missing or damaged, and in none of the numbers.\n\n");
    for MissingInput { path, reason, .. } in missing.iter().take(MOST_MISSING) {
        let reason: String = reason.chars().take(LONGEST_REASON).collect();
        let path = path.display().to_string();
        let tail = path.chars().count().saturating_sub(LONGEST_REASON);
        let path: String = path.chars().skip(tail).collect();
        // Writing to a string cannot fail.
        _ = writeln!(text, "- {}: {}", code(&path), code(&reason));
    }
    if let more @ 1.. = missing.len().saturating_sub(MOST_MISSING) {
        _ = writeln!(text, "- and {more} more");
    }
    text.push('\n');
    text
}

/// `84.3% (134 of 159)`
fn cell(ratio: Ratio) -> String {
    let Ratio { covered, total } = ratio;
    ratio.percent().map_or("none".to_owned(), |percent| format!("{percent}% ({covered} of {total})"))
}

/// `12-15, 20`: neighbours among the lines with code that did not run.
fn missed_lines(file: &SourceFile<'_>) -> String {
    let ranges: Vec<(u32, u32)> = file
        .lines
        .chunk_by(|a, b| (a.hits == 0) == (b.hits == 0))
        .filter_map(|run| run.first().zip(run.last()))
        .filter(|(first, _)| first.hits == 0)
        .map(|(first, last)| (first.number, last.number))
        .collect();
    let shown = ranges.iter().take(MOST_RANGES).map(|(first, last)| {
        if first == last { first.to_string() } else { format!("{first}\u{2013}{last}") }
    });
    let shown = shown.collect::<Vec<_>>().join(", ");
    match ranges.len().saturating_sub(MOST_RANGES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// A name as code. Within `<code>` Markdown still means something, so all that is no letter or digit is a reference;
/// names as Go has them need none and are put between backticks.
fn code(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | '@' | '~');
    if !name.is_empty() && name.chars().all(plain) {
        return format!("`{name}`");
    }
    let mut text = "<code>".to_owned();
    for c in name.chars() {
        if c.is_alphanumeric() {
            text.push(c);
        } else {
            _ = write!(text, "&#{};", u32::from(c));
        }
    }
    text.push_str("</code>");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{Line, PackageView};
    use covfmt::mode::CounterMode;

    fn text(view: &View<'_>, size: MarkdownFor) -> String {
        let mut out = Vec::new();
        write(view, size, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn file(path: String, hits: &[u32]) -> SourceFile<'static> {
        let line = |(number, hits): (u32, &u32)| Line { number, hits: *hits, branches: Vec::new() };
        SourceFile { path, lines: (1..).zip(hits).map(line).collect(), ..SourceFile::default() }
    }

    #[test]
    fn names_mean_nothing() {
        assert_eq!(code("example.com/a_b-c"), "`example.com/a_b-c`");
        assert_eq!(code("a`|<b>\\"), "<code>a&#96;&#124;&#60;b&#62;&#92;</code>");
        assert_eq!(code("\u{202e}\u{e9}"), "<code>&#8238;\u{e9}</code>");
    }

    #[test]
    fn missed_lines_are_ranges() {
        let mut file = file("a.go".into(), &[0, 0, 1, 0, 1, 0]);
        file.lines[5].number = 90;
        assert_eq!(missed_lines(&file), "1\u{2013}2, 4, 90");
        let many = SourceFile { lines: self::file(String::new(), &[0, 1].repeat(30)).lines, ..file };
        assert!(missed_lines(&many).ends_with("37, 39 and 10 more"));
    }

    #[test]
    fn the_worst_files_come_first_and_whole_ones_are_counted() {
        let files = vec![
            file("a.go".into(), &[1, 0]),
            file("b.go".into(), &[0, 0]),
            file("c.go".into(), &[1]),
            file("d.go".into(), &[]),
        ];
        let text = text(&View { files, ..View::empty(CounterMode::Set) }, MarkdownFor::Comment);
        let (a, b) = (text.find("| `a.go` |").unwrap(), text.find("| `b.go` |").unwrap());
        assert!(
            b < a
                && text.contains("<summary>Files with lines that did not run: 2<")
                && !text.contains("`c.go`"),
            "{text}"
        );
        assert!(text.ends_with("\nFiles whose lines all ran: 1.\n"), "{text}");
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let files: Vec<_> = (0..40_000).map(|n| file(format!("dir/file_{n:05}.go"), &[0])).collect();
        let long = "x".repeat(2 << 20);
        let package = |path: &'static str| PackageView {
            path: path.into(),
            name: "".into(),
            module: "".into(),
            files: Vec::new(),
            statements: Ratio::default(),
        };
        let packages = vec![package(long.leak()), package("short")];
        let view = View { packages, files, ..View::empty(CounterMode::Set) };
        for (size, limit) in [(MarkdownFor::Comment, 65_536), (MarkdownFor::Summary, 1 << 20)] {
            let text = text(&view, size);
            assert!(text.len() <= limit && text.len() > limit - 2 * RESERVE, "{}", text.len());
            assert!(text.contains("| `short` |") && text.contains("**Not shown: 1 more packages,**"));
            let shown = text.matches("| `dir/").count();
            assert!(text.contains(&format!("**Not shown: {} more files,**", 40_000 - shown)));
            assert!(text.ends_with("\n</details>\n"));
        }
    }
}
