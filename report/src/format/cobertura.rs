//! Cobertura XML, valid against coverage-04.dtd.
//!
//! One `<source>`, one `<package>` per Go package and one `<class>` per file, as GitLab and Codecov go wrong on files
//! that are spread over classes. The lines of methods carry the same attributes as those of the class: Codecov takes
//! the last it sees.
//!
//! The compact form is for GitLab, which takes 10 MiB and reads nothing but files, lines and hits: it is one line of
//! text, without the lines of methods and without what the DTD has a default for. Lines keep their share of branches.

use std::io::{self, Write};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesStart, BytesText, Event};
use rayon::prelude::*;

use super::CountLimit;
use super::batches::write_in_order;
use crate::view::{FunctionView, Line, Ratio, SourceFile, View};

/// When the report was made, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp(pub u64);

/// What a Cobertura file depends on beside the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CoberturaOptions {
    /// When it is made.
    pub timestamp: Timestamp,
    /// Whether it leaves out what takes much room.
    pub compact: bool,
}

/// What GitLab takes of one file. Bytes. <https://docs.gitlab.com/ci/testing/code_coverage/cobertura/>
const GITLAB_BYTES: u64 = 10 << 20;

pub(super) fn size_note(options: CoberturaOptions, bytes: u64) -> Option<String> {
    let advice = if options.compact {
        "several reports of some packages each (--pkg) may be smaller"
    } else {
        "--cobertura-compact makes it smaller"
    };
    (bytes > GITLAB_BYTES).then(|| {
        let mebibytes = bytes >> 20;
        format!(
            "the Cobertura report has more than {mebibytes} MiB, of which GitLab takes 10 at most: {advice}"
        )
    })
}

pub(super) fn write(view: &View<'_>, options: CoberturaOptions, out: &mut dyn Write) -> io::Result<()> {
    let CoberturaOptions { timestamp, compact } = options;
    let files: Vec<&SourceFile<'_>> = view.files.iter().filter(|file| !file.lines.is_empty()).collect();
    let totals = Totals::of(files.iter().copied());
    let mut xml = if compact { Writer::new(out) } else { Writer::new_with_indent(out, b' ', 2) };
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let doctype = r#"coverage SYSTEM "http://cobertura.sourceforge.net/xml/coverage-04.dtd""#;
    xml.write_event(Event::DocType(BytesText::from_escaped(doctype)))?;
    xml.create_element("coverage")
        .with_attributes([
            ("line-rate", rate(totals.lines).as_str()),
            ("branch-rate", rate(totals.branches).as_str()),
            ("lines-covered", totals.lines.covered.to_string().as_str()),
            ("lines-valid", totals.lines.total.to_string().as_str()),
            ("branches-covered", totals.branches.covered.to_string().as_str()),
            ("branches-valid", totals.branches.total.to_string().as_str()),
            ("complexity", "0"),
            ("version", concat!("covreport ", env!("CARGO_PKG_VERSION"))),
            ("timestamp", timestamp.0.to_string().as_str()),
        ])
        .write_inner_content(|xml| {
            write_sources(view, xml)?;
            write_packages(&files, compact, LARGE_PACKAGE_ELEMENTS, xml)
        })?;
    xml.get_mut().write_all(b"\n")
}

fn write_sources(view: &View<'_>, xml: &mut Writer<&mut dyn Write>) -> io::Result<()> {
    let root = view.root.as_ref().map_or(".".into(), |root| root.to_string_lossy());
    xml.create_element("sources").write_inner_content(|xml| {
        xml.create_element("source").write_text_content(BytesText::new(&root)).map(|_| ())
    })?;
    Ok(())
}

/// A package of more elements of lines and their conditions is not put together in memory: its text may be a million times as
/// large as the coverage files, and no program has one.
const LARGE_PACKAGE_ELEMENTS: usize = 500_000;

/// How many conditions the lines of a file's methods may have before they go without: any number, and more for each that the lines
/// of the class have. Programs have not even as many, as few functions share a line; thousands on one line would each have all of
/// its conditions. Their share of branches stays, and the lines of the class keep their conditions.
const CONDITIONS_OF_METHODS: usize = 1 << 16;
const CONDITIONS_OF_METHODS_FOR_EACH: usize = 4;

/// What a file takes.
struct Elements {
    /// Lines and conditions, of methods too.
    all: usize,
    /// Whether the lines of methods have conditions.
    conditions_of_methods: bool,
}

impl Elements {
    fn of(file: &SourceFile<'_>, compact: bool) -> Self {
        if compact {
            return Self { all: file.lines.len(), conditions_of_methods: false };
        }
        let conditions: usize = file.lines.iter().map(|line| line.branches.len()).sum();
        let lines: usize = file.functions.iter().map(|function| function.lines.len()).sum();
        let (of_methods, most) = (
            file.branches_of_functions(),
            CONDITIONS_OF_METHODS + CONDITIONS_OF_METHODS_FOR_EACH * conditions,
        );
        let conditions_of_methods = of_methods <= most;
        let all = file.lines.len() + conditions + lines + if conditions_of_methods { of_methods } else { 0 };
        Self { all, conditions_of_methods }
    }
}

fn write_packages(
    files: &[&SourceFile<'_>],
    compact: bool,
    large: usize,
    xml: &mut Writer<&mut dyn Write>,
) -> io::Result<()> {
    let mut files = files.to_vec();
    files.sort_by_key(|file| file.package);
    if files.is_empty() {
        return xml.create_element("packages").write_empty().map(|_| ());
    }
    let packages: Vec<&[&SourceFile<'_>]> = files.chunk_by(|a, b| a.package == b.package).collect();
    let elements = |package: &[&SourceFile<'_>]| -> usize {
        package.iter().map(|file| Elements::of(file, compact).all).sum()
    };
    let sized: Vec<(bool, &[&SourceFile<'_>])> =
        packages.par_iter().map(|package| (elements(package) > large, *package)).collect();
    xml.create_element("packages").write_inner_content(|xml| {
        sized.chunk_by(|(a, _), (b, _)| a == b).try_for_each(|packages| {
            if packages.first().is_some_and(|(is_large, _)| *is_large) {
                return packages.iter().try_for_each(|(_, package)| write_package(package, compact, xml));
            }
            write_in_order(packages, xml.get_mut(), |(_, package), text| {
                append_package(package, compact, text);
            })
        })
    })?;
    Ok(())
}

/// Appends a package as it stands within two elements.
fn append_package(files: &[&SourceFile<'_>], compact: bool, text: &mut Vec<u8>) {
    let mut xml =
        if compact { Writer::new(Vec::new()) } else { Writer::new_with_indent(Vec::new(), b' ', 2) };
    // The writer indents by what it has written. Writing to memory does not fail.
    let parents = ["coverage", "packages"].map(BytesStart::new);
    drop(parents.into_iter().try_for_each(|parent| xml.write_event(Event::Start(parent))));
    let parents = xml.get_ref().len();
    drop(write_package(files, compact, &mut xml));
    text.extend_from_slice(xml.get_ref().get(parents..).unwrap_or_default());
}

fn write_package<W: Write>(files: &[&SourceFile<'_>], compact: bool, xml: &mut Writer<W>) -> io::Result<()> {
    let name = files.first().map(|file| file.package.to_string()).unwrap_or_default();
    let rates = Totals::of(files.iter().copied()).rates();
    xml.create_element("package")
        .with_attribute(("name", name.as_str()))
        .with_attributes(rates.iter().map(pair))
        .write_inner_content(|xml| {
            xml.create_element("classes")
                .write_inner_content(|xml| files.iter().try_for_each(|file| write_class(file, compact, xml)))
                .map(|_| ())
        })?;
    Ok(())
}

fn write_class<W: Write>(file: &SourceFile<'_>, compact: bool, xml: &mut Writer<W>) -> io::Result<()> {
    let base = file.path.rsplit('/').next().unwrap_or_default();
    let rates = Totals::of(std::iter::once(file)).rates();
    xml.create_element("class")
        .with_attributes([("name", base), ("filename", file.path.as_str())])
        .with_attributes(rates.iter().map(pair))
        .write_inner_content(|xml| {
            let methods: Vec<&FunctionView> =
                if compact { Vec::new() } else { file.functions_with_code().collect() };
            if methods.is_empty() {
                xml.create_element("methods").write_empty()?;
            } else {
                let conditions = Elements::of(file, compact).conditions_of_methods;
                xml.create_element("methods").write_inner_content(|xml| {
                    methods.iter().try_for_each(|method| write_method(file, method, conditions, xml))
                })?;
            }
            write_lines(file.lines.iter(), LineForm { compact, conditions: !compact }, xml)
        })?;
    Ok(())
}

fn write_method<W: Write>(
    file: &SourceFile<'_>,
    function: &FunctionView,
    conditions: bool,
    xml: &mut Writer<W>,
) -> io::Result<()> {
    let lines: Vec<&Line> = function.lines.iter().filter_map(|number| file.line(*number)).collect();
    let rates = Totals::of_lines(lines.iter().copied()).rates();
    xml.create_element("method")
        .with_attributes([("name", function.name.as_str()), ("signature", "()")])
        .with_attributes(rates.iter().map(pair))
        .write_inner_content(|xml| {
            write_lines(lines.iter().copied(), LineForm { compact: false, conditions }, xml)
        })?;
    Ok(())
}

/// What a line is written with.
#[derive(Clone, Copy)]
struct LineForm {
    /// Without what the DTD has a default for.
    compact: bool,
    /// With the conditions behind its share of branches.
    conditions: bool,
}

fn write_lines<'l, W: Write>(
    lines: impl Iterator<Item = &'l Line>,
    form: LineForm,
    xml: &mut Writer<W>,
) -> io::Result<()> {
    let mut lines = lines;
    xml.create_element("lines")
        .write_inner_content(|xml| lines.try_for_each(|line| write_line(line, form, xml)))?;
    Ok(())
}

fn write_line<W: Write>(
    line: &Line,
    LineForm { compact, conditions }: LineForm,
    xml: &mut Writer<W>,
) -> io::Result<()> {
    let (mut number, mut hits) = (itoa::Buffer::new(), itoa::Buffer::new());
    let counted =
        [("number", number.format(line.number)), ("hits", hits.format(CountLimit::Int32.of(line.hits)))];
    let element = xml.create_element("line").with_attributes(counted);
    if line.branches.is_empty() {
        let element = if compact { element } else { element.with_attribute(("branch", "false")) };
        element.write_empty()?;
        return Ok(());
    }
    let (hit, all) = (line.branches_hit(), line.branches.len());
    let coverage = format!("{}% ({hit}/{all})", hit * 100 / all.max(1));
    let element = element.with_attributes([("branch", "true"), ("condition-coverage", coverage.as_str())]);
    if !conditions {
        element.write_empty()?;
        return Ok(());
    }
    element.write_inner_content(|xml| {
        xml.create_element("conditions")
            .write_inner_content(|xml| {
                line.branches.iter().enumerate().try_for_each(|(number, count)| {
                    let coverage = if *count == 0 { "0%" } else { "100%" };
                    xml.create_element("condition")
                        .with_attributes([
                            ("number", number.to_string().as_str()),
                            ("type", "jump"),
                            ("coverage", coverage),
                        ])
                        .write_empty()
                        .map(|_| ())
                })
            })
            .map(|_| ())
    })?;
    Ok(())
}

#[derive(Default)]
struct Totals {
    lines: Ratio,
    branches: Ratio,
}

impl Totals {
    fn of<'f, 'p: 'f>(files: impl Iterator<Item = &'f SourceFile<'p>>) -> Self {
        let mut totals = Self::default();
        for file in files {
            totals.lines += file.line_totals();
            totals.branches += file.branch_totals();
        }
        totals
    }

    fn of_lines<'l>(lines: impl Iterator<Item = &'l Line>) -> Self {
        let mut totals = Self::default();
        for line in lines {
            totals.lines.count(1, line.hits != 0);
            line.branches.iter().for_each(|count| totals.branches.count(1, *count != 0));
        }
        totals
    }

    fn rates(&self) -> [(&'static str, String); 3] {
        [("line-rate", rate(self.lines)), ("branch-rate", rate(self.branches)), ("complexity", "0".into())]
    }
}

fn pair<'a>((name, value): &'a (&'static str, String)) -> (&'a str, &'a str) {
    (name, value.as_str())
}

/// The rate with four decimals, cut off and not rounded: 1.0000 means all. Nothing to cover is 1, too.
fn rate(ratio: Ratio) -> String {
    let ten_thousandths = (ratio.covered * 10_000).checked_div(ratio.total).unwrap_or(10_000);
    format!("{}.{:04}", ten_thousandths / 10_000, ten_thousandths % 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use covfmt::mode::CounterMode;

    fn text(view: &View<'_>, compact: bool) -> String {
        let mut out = Vec::new();
        let timestamp = Timestamp(1_700_000_000_123);
        write(view, CoberturaOptions { timestamp, compact }, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn view(files: Vec<SourceFile<'static>>) -> View<'static> {
        View { files, root: Some("/src/a&b".into()), ..View::empty(CounterMode::Count) }
    }

    #[test]
    fn rates_are_cut_off() {
        assert_eq!(rate(Ratio { covered: 99_999, total: 100_000 }), "0.9999");
        assert_eq!(rate(Ratio { covered: 2, total: 3 }), "0.6666");
        assert_eq!(rate(Ratio { covered: 3, total: 3 }), "1.0000");
        assert_eq!(rate(Ratio::default()), "1.0000");
    }

    #[test]
    fn what_gitlab_does_not_take_is_said() {
        let note = |compact, bytes| size_note(CoberturaOptions { timestamp: Timestamp(0), compact }, bytes);
        assert_eq!(note(false, 10 << 20), None);
        assert!(note(false, (10 << 20) + 1).unwrap().contains("--cobertura-compact"));
        assert!(note(true, (20 << 20) + 1).unwrap().contains("more than 20 MiB"));
    }

    #[test]
    fn no_files_are_a_whole_document() {
        let text = text(&view(Vec::new()), false);
        assert!(
            text.contains(r#"<coverage line-rate="1.0000" branch-rate="1.0000" lines-covered="0""#),
            "{text}"
        );
        assert!(text.contains("<source>/src/a&amp;b</source>") && text.contains("<packages/>"), "{text}");
    }

    #[test]
    fn large_packages_are_written_alike() {
        let file = |path: &str, package: &'static str, lines: u32| SourceFile {
            path: path.into(),
            package: package.into(),
            lines: (1..=lines).map(|number| Line { number, hits: 1, branches: vec![1, 0] }).collect(),
            functions: vec![FunctionView { name: "F".into(), lines: vec![1], ..FunctionView::default() }],
            ..SourceFile::default()
        };
        let files = [
            file("a", "p/1", 2),
            file("b", "p/2", 4),
            file("c", "p/2", 3),
            file("d", "p/3", 1),
            file("e", "p/4", 9),
            file("f", "p/5", 9),
        ];
        let files: Vec<&SourceFile<'_>> = files.iter().collect();
        for compact in [false, true] {
            let text = |large| {
                let mut out = Vec::new();
                let sink: &mut dyn Write = &mut out;
                let mut xml =
                    if compact { Writer::new(sink) } else { Writer::new_with_indent(sink, b' ', 2) };
                let root = xml.create_element("coverage");
                root.write_inner_content(|xml| write_packages(&files, compact, large, xml)).unwrap();
                String::from_utf8(out).unwrap()
            };
            let together = text(usize::MAX);
            assert_eq!(together.matches("<line ").count(), if compact { 28 } else { 34 });
            for large in [0, 1, 5, 8, 16, 28] {
                assert_eq!(text(large), together, "{large}");
            }
        }
    }

    #[test]
    fn a_thousand_methods_on_one_line_do_not_have_all_its_conditions_each() {
        let branches: Vec<u32> = (0..1000).map(|number| number % 2).collect();
        let function =
            |number| FunctionView { name: format!("F{number}"), lines: vec![1], ..FunctionView::default() };
        let files = |functions: u32| {
            vec![SourceFile {
                path: "a.go".into(),
                lines: vec![Line { number: 1, hits: 1, branches: branches.clone() }],
                functions: (0..functions).map(function).collect(),
                ..SourceFile::default()
            }]
        };
        let share = r#"<line number="1" hits="1" branch="true" condition-coverage="50% (500/1000)""#;
        for (functions, conditions) in [(69, 70_000), (1000, 1000)] {
            let text = text(&view(files(functions)), false);
            assert_eq!(text.matches(share).count(), functions as usize + 1);
            assert_eq!(text.matches("<condition ").count(), conditions);
        }
    }

    #[test]
    fn a_class_per_file_with_methods_and_branches() {
        let line = |number, hits, branches: &[u32]| Line { number, hits, branches: branches.to_vec() };
        let file = SourceFile {
            path: "a/b.go".into(),
            package: "p/a".into(),
            lines: vec![line(3, u32::MAX, &[]), line(4, 2, &[2, 0])],
            functions: vec![FunctionView {
                name: "Map[...]".into(),
                hits: 2,
                lines: vec![4],
                ..FunctionView::default()
            }],
            ..SourceFile::default()
        };
        let view = view(vec![file]);
        let compact = text(&view, true);
        let text = text(&view, false);
        let flat: String = text.lines().map(str::trim).collect();
        let partial = r#"<line number="4" hits="2" branch="true" condition-coverage="50% (1/2)"><conditions><condition number="0" type="jump" coverage="100%"/><condition number="1" type="jump" coverage="0%"/></conditions></line>"#;
        let expected = [
            r#"<package name="p/a" line-rate="1.0000" branch-rate="0.5000" complexity="0"><classes>"#,
            r#"<class name="b.go" filename="a/b.go" line-rate="1.0000" branch-rate="0.5000" complexity="0">"#,
            r#"<methods><method name="Map[...]" signature="()" line-rate="1.0000" branch-rate="0.5000" complexity="0">"#,
            &format!("<lines>{partial}</lines></method></methods>"),
            &format!(
                r#"<lines><line number="3" hits="2147483647" branch="false"/>{partial}</lines></class>"#
            ),
            "</classes></package></packages></coverage>",
        ];
        assert!(flat.ends_with(&expected.concat()), "{text}");
        assert!(text.contains(r#"timestamp="1700000000123""#), "{text}");
        let lines = r#"<methods/><lines><line number="3" hits="2147483647"/><line number="4" hits="2" branch="true" condition-coverage="50% (1/2)"/></lines></class>"#;
        assert!(compact.contains(lines), "{compact}");
    }
}
