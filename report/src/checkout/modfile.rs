//! Reads the directives of `go.mod` and `go.work` that say where packages are: `module`, `use`, `replace`.
//! Go modules reference, "go.mod files" and "Workspaces".
//!
//! Any bytes give a result: what is not understood is passed over, as the go command has checked the file already.

/// What a `go.mod` or `go.work` says about places.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModFile {
    /// Path of the module; `None` in a `go.work`.
    pub module: Option<String>,
    /// Directories of the workspace's modules, relative to the file.
    pub uses: Vec<String>,
    /// Modules replaced by directories: module path and directory, relative to the file or absolute. Replacements
    /// by other modules are left out.
    pub replaced: Vec<(String, String)>,
}

impl ModFile {
    /// Reads the text of a `go.mod` or `go.work`.
    pub fn parse(text: &str) -> Self {
        let mut file = Self::default();
        let mut block: Option<String> = None;
        for line in text.lines() {
            let words = words(line);
            let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
            match (&block, words.as_slice()) {
                (_, []) => {}
                (Some(_), [")"]) => block = None,
                (Some(verb), _) => file.add(verb, &words),
                (None, [verb, "("]) => block = Some((*verb).to_owned()),
                (None, [verb, "(", ")"]) if !verb.is_empty() => {}
                (None, _) => {
                    let verb = words.remove(0);
                    file.add(verb, &words);
                }
            }
        }
        file
    }

    fn add(&mut self, verb: &str, words: &[&str]) {
        match (verb, words) {
            ("module", [path]) => self.module = Some((*path).to_owned()),
            ("use", [directory]) => self.uses.push((*directory).to_owned()),
            ("replace", [module, "=>", directory] | [module, _, "=>", directory])
                if is_directory(directory) =>
            {
                self.replaced.push(((*module).to_owned(), (*directory).to_owned()));
            }
            _ => {}
        }
    }
}

/// A replacement is a directory if it looks like one; else it is a module path.
fn is_directory(target: &str) -> bool {
    target == "."
        || target == ".."
        || ["./", "../", "/", ".\\", "..\\"].iter().any(|start| target.starts_with(start))
        || target.as_bytes().get(1) == Some(&b':')
}

/// The words of a line: comments left out, quotes taken off, parentheses on their own.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        if rest.starts_with("//") {
            break;
        }
        let (word, behind) = match first {
            '"' | '`' => quoted(first, rest.get(1..).unwrap_or_default()),
            '(' | ')' => (first.to_string(), rest.get(1..).unwrap_or_default()),
            _ => {
                let comment = rest.find("//").unwrap_or(rest.len());
                let end = rest.find([' ', '\t', '\r', '(', ')']).unwrap_or(rest.len()).min(comment);
                let (word, behind) = rest.split_at(end);
                (word.to_owned(), behind)
            }
        };
        words.push(word);
        rest = behind.trim_start();
    }
    words
}

/// The text up to the closing quote, and what follows it. In double quotes a backslash escapes a quote or itself,
/// the only escapes that paths need.
fn quoted(quote: char, text: &str) -> (String, &str) {
    let mut word = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        if c == quote {
            return (word, text.get(at + 1..).unwrap_or_default());
        }
        match (quote, c) {
            ('"', '\\') => word.extend(chars.next().map(|(_, escaped)| escaped)),
            _ => word.push(c),
        }
    }
    (word, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_module_file_is_read() {
        let file = ModFile::parse(
            "// a comment\nmodule example.com/app // the app\n\ngo 1.21\n\nrequire (\n\texample.com/x v1.0.0\n)\n\
             replace example.com/x v1.0.0 => ../x\nreplace (\n\texample.com/y => ./y // local\n\
             \texample.com/z => example.com/fork v1.2.3\n)\n",
        );
        assert_eq!(file.module.as_deref(), Some("example.com/app"));
        assert_eq!(
            file.replaced,
            [("example.com/x".to_owned(), "../x".to_owned()), ("example.com/y".to_owned(), "./y".to_owned())]
        );
    }

    #[test]
    fn a_workspace_is_read() {
        let file = ModFile::parse("go 1.22\nuse .\nuse (\n\t./a\n\t\"./b c\" // two words\n)\n");
        assert_eq!(file.uses, [".", "./a", "./b c"]);
        assert_eq!(file.module, None);
    }

    #[test]
    fn module_paths_may_be_quoted_or_in_a_block() {
        for text in ["module \"a.b/c\"", "module `a.b/c`", "module (\n\ta.b/c\n)\n", "module\ta.b/c//x\r\n"] {
            assert_eq!(ModFile::parse(text).module.as_deref(), Some("a.b/c"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "[modulereplac=>(). \"`\\\\/\n]{0,80}") {
            ModFile::parse(&text);
        }
    }
}
