//! Comments that mark code as not to be counted: which code they mean.
//!
//! `//coverage:ignore` (go-ignore-cov's spelling) and `// coverage-ignore` (go-test-coverage's) mean what they stand at;
//! `LCOV_EXCL_LINE`, `LCOV_EXCL_START` and `LCOV_EXCL_STOP` mean lines, as in geninfo(1). A reading of the token stream, not
//! a parser: on source that compiles a mark means what docs/SELECTION.md says, on anything else something harmless.

use std::ops::Range;

use super::brackets::Brackets;
use super::comments::{Comment, comments};
use super::scanner::{Token, TokenKind};
use super::text::SourceText;

/// A mark, and the code that it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// 1-based line of the comment.
    pub line: u32,
    /// What it means.
    pub means: Means,
}

/// The code that a mark means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Means {
    /// The whole file.
    File,
    /// A declaration, a block or the body of a clause: a byte range that starts and ends between units.
    Block(Range<u32>),
    /// The statements around the token at this offset, back and forth to the nearest borders of blocks.
    Statements(u32),
    /// Whole lines: a byte range that may cut through units.
    Lines(Range<u32>),
    /// Lines up to the end of the file, as there is no `LCOV_EXCL_STOP`.
    LinesToEnd(Range<u32>),
    /// Nothing: it stands at no code.
    Nothing,
}

/// The marks of a file, in order.
pub fn marks(text: &SourceText) -> Vec<Mark> {
    // Hardly any file has one.
    if !may_hold_marks(text.bytes()) {
        return Vec::new();
    }
    let comments = comments(text);
    let reader = Reader { text, tokens: text.tokens(), brackets: Brackets::new(text) };
    let mut marks = line_marks(text, &comments);
    for (index, comment) in comments.iter().enumerate() {
        if let Some(whole_file) = comment.lines(text).find_map(ignore_mark) {
            let means =
                if whole_file { Means::File } else { reader.meaning(comment, comments.get(index + 1..)) };
            marks.push(Mark { line: text.line_of(comment.start), means });
        }
    }
    marks.sort_by_key(|mark| mark.line);
    marks
}

/// Whether a source is worth a look for marks: quickly told, and wrong only by saying yes.
pub fn may_hold_marks(bytes: &[u8]) -> bool {
    use bstr::ByteSlice as _;
    [&b"coverage:ignore"[..], b"coverage-ignore", b"LCOV_EXCL_"].iter().any(|word| bytes.find(word).is_some())
}

/// Whether a line of a comment starts with a mark, and if so, whether it is for the whole file.
fn ignore_mark(line: &[u8]) -> Option<bool> {
    let inner = line.strip_prefix(b"//").or_else(|| line.strip_prefix(b"/*")).unwrap_or(line).trim_ascii();
    let inner = inner.strip_prefix(b"*").unwrap_or(inner).trim_ascii_start();
    let behind = inner.strip_prefix(b"coverage:ignore").or_else(|| inner.strip_prefix(b"coverage-ignore"))?;
    // Other tools have `coverage:ignore-line` and the like, which mean other things.
    if behind.first().is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
        return None;
    }
    let word = behind.trim_ascii_start().split(|byte| !byte.is_ascii_alphanumeric()).next();
    Some(behind.first().is_some_and(u8::is_ascii_whitespace) && word == Some(b"file"))
}

/// The marks of lcov. A section goes from the line of its start to the line before that of its stop.
fn line_marks(text: &SourceText, comments: &[Comment]) -> Vec<Mark> {
    let length = u32::try_from(text.bytes().len()).unwrap_or(u32::MAX);
    let mut marks = Vec::new();
    let mut open: Option<u32> = None;
    for comment in comments {
        let first = text.line_of(comment.start);
        for (line, words) in (first..).zip(comment.lines(text)) {
            let words = words.split(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
            for word in words {
                match (word, open) {
                    (b"LCOV_EXCL_LINE", _) => {
                        let (start, end) = text.line_bounds(line);
                        marks.push(Mark { line, means: Means::Lines(start..end) });
                    }
                    (b"LCOV_EXCL_START", None) => open = Some(line),
                    (b"LCOV_EXCL_STOP", Some(start)) => {
                        let range = text.line_bounds(start).0..text.line_bounds(line).0;
                        marks.push(Mark { line: start, means: Means::Lines(range) });
                        open = None;
                    }
                    _ => {}
                }
            }
        }
    }
    if let Some(line) = open {
        marks.push(Mark { line, means: Means::LinesToEnd(text.line_bounds(line).0..length) });
    }
    marks
}

struct Reader<'s> {
    text: &'s SourceText,
    tokens: &'s [Token],
    brackets: Brackets<'s>,
}

impl Reader<'_> {
    fn meaning(&self, comment: &Comment, later: Option<&[Comment]>) -> Means {
        let Some(before) = comment.tokens_before.checked_sub(1) else { return Means::File };
        let Some(token) = self.tokens.get(before) else { return Means::Nothing };
        let ends = self.text.line_of(token.end.saturating_sub(1));
        if ends == self.text.line_of(comment.start) {
            // On the line of the package clause.
            if self.tokens.first().is_some_and(|first| self.text.line_of(first.start) == ends) {
                return Means::File;
            }
            return self.behind(before);
        }
        let next = comment.tokens_before;
        let next_token = self.tokens.get(next);
        // Above a clause it may be meant for that or for the one before.
        if next_token.is_some_and(|token| matches!(self.text.text(*token), b"case" | b"default")) {
            return Means::Nothing;
        }
        if let Some(body) = self.opened_by(before) {
            return Means::Block(body);
        }
        if self.is_declaration(next) {
            return if self.is_doc(comment, later) {
                Means::Block(self.declaration(next))
            } else {
                Means::Nothing
            };
        }
        // On a line of its own between statements, or behind the last.
        match next_token.filter(|next| next.kind != TokenKind::CloseBrace).unwrap_or(token) {
            token if is_brace(*token) => Means::Nothing,
            token => Means::Statements(token.start),
        }
    }

    /// What a mark means behind a token on the same line.
    fn behind(&self, before: usize) -> Means {
        if let Some(body) = self.opened_by(before) {
            return Means::Block(body);
        }
        let Some(token) = self.tokens.get(before) else { return Means::Nothing };
        // In a list there is a comma behind the last brace of a value.
        let closing = before.saturating_sub(usize::from(self.text.text(*token) == b","));
        let open = self.brackets.partner(closing).filter(|open| self.brackets.opens_block(*open));
        let (Some(open), Some(close)) =
            (open.and_then(|open| self.tokens.get(open)), self.tokens.get(closing))
        else {
            return Means::Statements(token.start);
        };
        // A block on one line. The end of a longer one is no place for a mark: it may be meant for what follows.
        if self.text.line_of(open.start) == self.text.line_of(close.start) {
            Means::Block(open.start..close.end)
        } else {
            Means::Nothing
        }
    }

    fn partner(&self, index: usize) -> Option<Token> {
        self.brackets.partner(index).and_then(|partner| self.tokens.get(partner)).copied()
    }

    /// The block or the body of the clause that begins with or behind a token.
    fn opened_by(&self, index: usize) -> Option<Range<u32>> {
        let token = self.tokens.get(index)?;
        match self.text.text(*token) {
            b"{" => Some(token.start..self.partner(index)?.end),
            b":" if self.ends_clause(index) => Some(token.end..self.clause_end(index + 1)),
            _ => None,
        }
    }

    /// Whether the colon at `index` is that of a `case` or `default`.
    fn ends_clause(&self, index: usize) -> bool {
        let mut at = index;
        while let Some(before) = at.checked_sub(1) {
            let Some(token) = self.tokens.get(before) else { return false };
            match self.text.text(*token) {
                b"case" | b"default" => return true,
                b":" | b";" | b"{" | b"(" | b"[" => return false,
                b"}" | b")" | b"]" => {
                    let Some(partner) = self.brackets.partner(before) else { return false };
                    at = partner;
                }
                _ => at = before,
            }
        }
        false
    }

    /// Where the body of a clause ends whose first token is at `index`: at the next clause or the end of the block.
    fn clause_end(&self, index: usize) -> u32 {
        let mut at = index;
        while let Some(token) = self.tokens.get(at) {
            match self.text.text(*token) {
                b"case" | b"default" | b"}" => return token.start,
                b"{" | b"(" | b"[" => match self.brackets.partner(at) {
                    Some(partner) => at = partner + 1,
                    None => break,
                },
                _ => at += 1,
            }
        }
        self.tokens.last().map_or(0, |last| last.end)
    }

    /// Whether a declaration at the top level begins with the token.
    fn is_declaration(&self, index: usize) -> bool {
        let Some(token) = self.tokens.get(index) else { return false };
        if !matches!(self.text.text(*token), b"func" | b"var" | b"const" | b"type" | b"import") {
            return false;
        }
        let Some(before) = index.checked_sub(1).and_then(|before| self.tokens.get(before)) else {
            return false;
        };
        let begins = self.text.line_of(before.end.saturating_sub(1)) < self.text.line_of(token.start)
            || self.text.text(*before) == b";";
        begins && self.is_top_level(index)
    }

    fn is_top_level(&self, index: usize) -> bool {
        // From the front, from one bracket to its partner, past the token without stopping inside.
        let mut at = 0;
        while at < index {
            at = self.brackets.partner(at).filter(|partner| *partner > at).unwrap_or(at) + 1;
        }
        at == index
    }

    /// From a declaration's first token to the next declaration's.
    fn declaration(&self, index: usize) -> Range<u32> {
        let start = self.tokens.get(index).map_or(0, |token| token.start);
        let mut at = index;
        let mut end = start;
        while let Some(token) = self.tokens.get(at) {
            if at > index && self.is_keyword_at_line_start(at) {
                break;
            }
            at = self.brackets.partner(at).filter(|partner| *partner > at).unwrap_or(at);
            end = self.tokens.get(at).map_or(token.end, |token| token.end);
            at += 1;
        }
        start..end
    }

    fn is_keyword_at_line_start(&self, index: usize) -> bool {
        let (Some(token), Some(before)) =
            (self.tokens.get(index), index.checked_sub(1).and_then(|before| self.tokens.get(before)))
        else {
            return false;
        };
        matches!(self.text.text(*token), b"func" | b"var" | b"const" | b"type")
            && (self.text.text(*before) == b";"
                || self.text.line_of(before.end.saturating_sub(1)) < self.text.line_of(token.start))
    }

    /// Whether no blank line parts a comment, or those that follow it, from the token behind them.
    fn is_doc(&self, comment: &Comment, later: Option<&[Comment]>) -> bool {
        let next = comment.tokens_before;
        let rest = later.unwrap_or_default().iter().take_while(|other| other.tokens_before == next);
        let mut end = self.text.line_of(comment.end.saturating_sub(1));
        for other in rest {
            if self.text.line_of(other.start) > end + 1 {
                return false;
            }
            end = self.text.line_of(other.end.saturating_sub(1));
        }
        self.tokens.get(next).is_some_and(|token| self.text.line_of(token.start) <= end + 1)
    }
}

fn is_brace(token: Token) -> bool {
    matches!(token.kind, TokenKind::OpenBrace | TokenKind::CloseBrace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The marks of a source, with the text of what they mean.
    fn found(source: &str) -> Vec<(u32, String)> {
        let text = SourceText::new(source.into());
        let shown = |range: &Range<u32>| source[range.start as usize..range.end as usize].to_owned();
        let means = |mark: Mark| {
            let means = match &mark.means {
                Means::File => "file".to_owned(),
                Means::Block(range) => format!("block {}", shown(range)),
                Means::Statements(at) => format!("at {}", source[*at as usize..].split('\n').next().unwrap()),
                Means::Lines(range) => format!("lines {}", shown(range)),
                Means::LinesToEnd(range) => format!("to end {}", shown(range)),
                Means::Nothing => "nothing".to_owned(),
            };
            (mark.line, means)
        };
        marks(&text).into_iter().map(means).collect()
    }

    #[track_caller]
    fn one(source: &str, line: u32, means: &str) {
        assert_eq!(found(source), [(line, means.to_owned())], "{source}");
    }

    #[test]
    fn a_file_is_marked_at_its_top_or_by_word() {
        one("//coverage:ignore\npackage p\n", 1, "file");
        one("package p // coverage-ignore: glue\n", 1, "file");
        one("package p\nfunc f() {\n\t//coverage:ignore file\n}\n", 3, "file");
        one("/*\n * coverage:ignore\n */\npackage p\n", 1, "file");
    }

    #[test]
    fn a_declaration_is_marked_above_or_within_its_documentation() {
        let function = "func f(a struct{}) interface{ g() } {\n\th()\n}";
        one(
            &format!("package p\n\n//coverage:ignore\n{function}\nvar x int\n"),
            3,
            &format!("block {function}"),
        );
        let documented = format!(
            "package p\n// f does.\n// coverage-ignore (trivial)\n// More.\n//go:noinline\n{function}"
        );
        one(&documented, 3, &format!("block {function}"));
        one(
            "package p\n//coverage:ignore\nvar f = func() { g() }\nvar y int",
            2,
            "block var f = func() { g() }",
        );
        one("package p\n//coverage:ignore\n\nfunc f() {}\n", 2, "nothing");
        let method = "func (t *T[K]) f() { g() }";
        one(&format!("package p\n{method}\n//coverage:ignore\n{method}\n"), 3, &format!("block {method}"));
    }

    #[test]
    fn a_block_is_marked_behind_its_brace_or_at_its_top() {
        let source = |first: &str, second: &str| {
            format!(
                "package p\nfunc f() {{\n\ta()\n\tif b() {{{first}\n{second}\t\tc()\n\t}} else {{\n\t\td()\n\t}}\n}}\n"
            )
        };
        one(&source(" // coverage-ignore", ""), 4, "block { // coverage-ignore\n\t\tc()\n\t}");
        one(
            &source(" // why", "\t\t// more\n\t\t//coverage:ignore reason\n"),
            6,
            "block { // why\n\t\t// more\n\t\t//coverage:ignore reason\n\t\tc()\n\t}",
        );
        one("package p\nfunc f() int { return 1 } //coverage:ignore\n", 2, "block { return 1 }");
        let in_function =
            |line: &str, means: &str| one(&format!("package p\nfunc f() {{\n\t{line}\n}}\n"), 3, means);
        in_function("for i, v := range []T{{1}, {2}} { a(i, v) } //coverage:ignore", "block { a(i, v) }");
        in_function("{ a() } //coverage:ignore", "block { a() }");
        in_function("if a, b := c(), (T{1}); a { d(b) } //coverage:ignore", "block { d(b) }");
        one("package p\nfunc f() {\n\tif a &&\n\t\tb { c() } //coverage:ignore\n}\n", 4, "block { c() }");
        // Functions in lists, with the comma behind them.
        in_function(
            "a = map[string]func(){\"b\": func() { c() }} //coverage:ignore",
            "block {\"b\": func() { c() }}",
        );
        one(
            "package p\nvar m = map[string]func() error{\n\t\"a\": func() (err error) { return b(1, T{2}) }, //coverage:ignore\n}\n",
            3,
            "block { return b(1, T{2}) }",
        );
        // Braces of values are no blocks.
        in_function("a := T{1} //coverage:ignore", "at } //coverage:ignore");
        in_function("a(T{1}, //coverage:ignore\n\t\tb)", "at , //coverage:ignore");
        in_function("a := []T{{1}, //coverage:ignore\n\t\tb}", "at , //coverage:ignore");
        in_function("a := map[string]T{\"b\": {1}, //coverage:ignore\n\t\tc: d}", "at , //coverage:ignore");
        let clause = "package p\nfunc f() {\n\tswitch a {\n\tdefault: { b() } //coverage:ignore\n\t}\n}\n";
        one(clause, 4, "block { b() }");
        in_function("{ { a() } } //coverage:ignore", "block { { a() } }");
        in_function("if a { { b() }; { c() } } //coverage:ignore", "block { { b() }; { c() } }");
        in_function("a(func() {}, T{1}, //coverage:ignore\n\t\tb)", "at , //coverage:ignore");
        one(
            "package p\nfunc f() {\n\treturn T{\n\t\t1,\n\t} //coverage:ignore\n}\n",
            5,
            "at } //coverage:ignore",
        );
        // The end of a longer block says nothing.
        one("package p\nfunc f() {\n\tif a {\n\t\tb()\n\t} //coverage:ignore\n\tc()\n}\n", 5, "nothing");
    }

    #[test]
    fn a_clause_is_marked_behind_its_colon_or_at_its_top() {
        let source = "package p\nfunc f() {\n\tswitch {\n\tcase a(T{x: 1}[1:2]): //coverage:ignore\n\t\tb(T{y: 1}); if c { d() }\n\tdefault:\n\t\te()\n\t}\n}\n";
        let (line, means) = &found(source)[0];
        assert_eq!((*line, means.trim_end()), (4, "block  //coverage:ignore\n\t\tb(T{y: 1}); if c { d() }"));
        let source = "package p\nfunc f() {\n\tselect {\n\tcase <-a:\n\tdefault:\n\t\t// coverage-ignore\n\t\te()\n\t}\n}\n";
        assert!(found(source)[0].1.ends_with("// coverage-ignore\n\t\te()\n\t"), "{:?}", found(source));
        // Neither a label nor a key opens anything; above a clause it may be for either side.
        one("package p\nfunc f() {\nl: //coverage:ignore\n\ta()\n}\n", 3, "at : //coverage:ignore");
        one(
            "package p\nfunc f() {\n\tswitch {\n\tcase a:\n\t\tb()\n\t//coverage:ignore\n\tdefault:\n\t}\n}\n",
            6,
            "nothing",
        );
        one(
            "package p\nfunc f() {\n\tswitch {\n\t//coverage:ignore\n\tdefault:\n\t\tb()\n\t}\n}\n",
            4,
            "nothing",
        );
    }

    #[test]
    fn statements_are_marked_behind_or_between_them() {
        one("package p\nfunc f() {\n\ta(1) //coverage:ignore\n\tb()\n}\n", 3, "at ) //coverage:ignore");
        one("package p\nfunc f() {\n\ta()\n\t//coverage:ignore\n\tb()\n}\n", 4, "at b()");
        one("package p\nfunc f() {\n\tif a {\n\t}\n\t//coverage:ignore\n\tpanic(1)\n}\n", 5, "at panic(1)");
        one("package p\nfunc f() {\n\ta()\n\tb()\n\t//coverage:ignore\n}\n", 5, "at )");
        one("package p\nfunc f() {\n\tif a {\n\t}\n\t//coverage:ignore\n}\n", 5, "nothing");
    }

    #[test]
    fn lines_are_marked_as_lcov_does() {
        one(
            "package p\nfunc f() {\n\ta() // LCOV_EXCL_LINE why\n}\n",
            3,
            "lines \ta() // LCOV_EXCL_LINE why",
        );
        one(
            "package p\n// LCOV_EXCL_START\nfunc f() {}\n/* LCOV_EXCL_STOP */ func g() {}\n",
            2,
            "lines // LCOV_EXCL_START\nfunc f() {}\n",
        );
        one("package p\nfunc f() {} // LCOV_EXCL_START\n", 2, "to end func f() {} // LCOV_EXCL_START\n");
        assert_eq!(found("package p\n// LCOV_EXCL_STOP\n// LCOV_EXCL_BR_LINE\n// MY_LCOV_EXCL_LINE\n"), []);
    }

    #[test]
    fn what_only_looks_like_a_mark_is_none() {
        for text in [
            "package p\nvar s = \"//coverage:ignore\" + `\n//coverage:ignore\n// LCOV_EXCL_LINE\n`\n",
            "package p\nfunc f() {\n\ta() //coverage:ignore-line\n\tb() // see coverage:ignore\n}\n",
            "package p\n// coverage-ignored\nfunc f() {}\n",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_source_is_survived(parts in proptest::collection::vec(0..16_usize, 0..24)) {
            const PARTS: [&str; 16] = [
                "{", "}", "(", ")", ":", "\n", "//coverage:ignore\n", "case", "default", "func ", "package p\n",
                "// LCOV_EXCL_START\n", "/* LCOV_EXCL_STOP */", "a ",
                ",", "if ",
            ];
            let source: String = parts.iter().map(|part| PARTS[*part]).collect();
            let length = u32::try_from(source.len()).unwrap();
            for mark in marks(&SourceText::new(source.into_bytes())) {
                if let Means::Block(range) | Means::Lines(range) | Means::LinesToEnd(range) = mark.means {
                    prop_assert!(range.start <= range.end && range.end <= length);
                }
            }
        }
    }
}
