//! JaCoCo XML, valid against its DTD "Report 1.1". <https://www.jacoco.org/jacoco/trunk/coverage/report.dtd>
//!
//! Consumers put a file's path together from the names of package and source file, so a package is a directory and a
//! class a file. The counters, in JaCoCo's words: INSTRUCTION counts Go's statements, BRANCH and LINE what the other
//! formats call so, METHOD the functions with code, CLASS the files of which a line ran; COMPLEXITY is not known. On a
//! line, `ci` and `mi` are the units with code on it that ran and that did not; there are no hits in this format.

use std::io::{self, Write};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use crate::view::{FunctionView, Line, Ratio, SourceFile, View};

type Xml<'o> = Writer<&'o mut dyn Write>;

pub(super) fn write(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut files: Vec<(&str, &str, &SourceFile<'_>)> = view
        .files
        .iter()
        .filter(|file| !file.lines.is_empty())
        .map(|file| {
            let (directory, base) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
            (directory, base, file)
        })
        .collect();
    files.sort_by_key(|(directory, base, _)| (*directory, *base));
    let mut xml = Writer::new_with_indent(out, b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let doctype = r#"report PUBLIC "-//JACOCO//DTD Report 1.1//EN" "report.dtd""#;
    xml.write_event(Event::DocType(BytesText::from_escaped(doctype)))?;
    xml.create_element("report").with_attribute(("name", "covreport")).write_inner_content(|xml| {
        let mut packages = files.chunk_by(|(a, ..), (b, ..)| a == b);
        packages.try_for_each(|package| write_package(package, xml))?;
        write_counters(&Counters::of(files.iter().map(|(.., file)| *file)), xml)
    })?;
    xml.get_mut().write_all(b"\n")
}

fn write_package(files: &[(&str, &str, &SourceFile<'_>)], xml: &mut Xml<'_>) -> io::Result<()> {
    let directory = files.first().map(|(directory, ..)| *directory).unwrap_or_default();
    xml.create_element("package").with_attribute(("name", directory)).write_inner_content(|xml| {
        files.iter().try_for_each(|(directory, base, file)| write_class(directory, base, file, xml))?;
        files.iter().try_for_each(|(_, base, file)| write_source(base, file, xml))?;
        write_counters(&Counters::of(files.iter().map(|(.., file)| *file)), xml)
    })?;
    Ok(())
}

fn write_class(directory: &str, base: &str, file: &SourceFile<'_>, xml: &mut Xml<'_>) -> io::Result<()> {
    let stem = base.strip_suffix(".go").unwrap_or(base);
    let name = if directory.is_empty() { stem.to_owned() } else { format!("{directory}/{stem}") };
    xml.create_element("class")
        .with_attributes([("name", name.as_str()), ("sourcefilename", base)])
        .write_inner_content(|xml| {
            file.functions_with_code().try_for_each(|function| write_method(file, function, xml))?;
            write_counters(&Counters::of(std::iter::once(file)), xml)
        })?;
    Ok(())
}

fn write_method(file: &SourceFile<'_>, function: &FunctionView, xml: &mut Xml<'_>) -> io::Result<()> {
    let mut counters = Counters { statements: function.statements, ..Counters::default() };
    for line in function.lines.iter().filter_map(|number| file.line(*number)) {
        counters.count_line(line);
    }
    counters.functions.count(1, function.hits != 0);
    let line = function.start_line.to_string();
    xml.create_element("method")
        .with_attributes([("name", function.name.as_str()), ("desc", "()"), ("line", line.as_str())])
        .write_inner_content(|xml| write_counters(&counters, xml))?;
    Ok(())
}

fn write_source(base: &str, file: &SourceFile<'_>, xml: &mut Xml<'_>) -> io::Result<()> {
    xml.create_element("sourcefile").with_attribute(("name", base)).write_inner_content(|xml| {
        file.lines.iter().try_for_each(|line| write_line(line, xml))?;
        write_counters(&Counters::of(std::iter::once(file)), xml)
    })?;
    Ok(())
}

fn write_line(line: &Line, xml: &mut Xml<'_>) -> io::Result<()> {
    let branches = Ratio { covered: line.branches_hit() as u64, total: line.branches.len() as u64 };
    let units = match line.branches.len() {
        0 => Ratio { covered: u64::from(line.hits != 0), total: 1 },
        _ => branches,
    };
    let [mi, ci] = missed_and_covered(units);
    let [mb, cb] = missed_and_covered(branches);
    let number = line.number.to_string();
    xml.create_element("line")
        .with_attributes([
            ("nr", number.as_str()),
            ("mi", mi.as_str()),
            ("ci", ci.as_str()),
            ("mb", mb.as_str()),
            ("cb", cb.as_str()),
        ])
        .write_empty()?;
    Ok(())
}

#[derive(Default)]
struct Counters {
    statements: Ratio,
    branches: Ratio,
    lines: Ratio,
    functions: Ratio,
    files: Ratio,
}

impl Counters {
    fn of<'f, 'p: 'f>(files: impl Iterator<Item = &'f SourceFile<'p>>) -> Self {
        let mut counters = Self::default();
        for file in files {
            counters.statements += file.statements;
            counters.branches += file.branch_totals();
            counters.lines += file.line_totals();
            counters.functions += file.function_totals();
            counters.files.count(1, file.line_totals().covered != 0);
        }
        counters
    }

    fn count_line(&mut self, line: &Line) {
        self.lines.count(1, line.hits != 0);
        for count in &line.branches {
            self.branches.count(1, *count != 0);
        }
    }
}

/// In JaCoCo's order; like there, a counter that would count nothing is left out.
fn write_counters(counters: &Counters, xml: &mut Xml<'_>) -> io::Result<()> {
    for (kind, ratio) in [
        ("INSTRUCTION", counters.statements),
        ("BRANCH", counters.branches),
        ("LINE", counters.lines),
        ("METHOD", counters.functions),
        ("CLASS", counters.files),
    ] {
        if ratio.total == 0 {
            continue;
        }
        let [missed, covered] = missed_and_covered(ratio);
        xml.create_element("counter")
            .with_attributes([("type", kind), ("missed", missed.as_str()), ("covered", covered.as_str())])
            .write_empty()?;
    }
    Ok(())
}

fn missed_and_covered(ratio: Ratio) -> [String; 2] {
    [ratio.missed().to_string(), ratio.covered.to_string()]
}
