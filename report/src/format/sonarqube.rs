//! SonarQube's generic test coverage, version 1: per line whether it ran, and of how many branches how many did.
//! <https://docs.sonarsource.com/sonarqube-server/analyzing-source-code/test-coverage/generic-test-data/>

use std::io::{self, Write};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, Event};

use crate::view::{Line, SourceFile, View};

type Xml<'o> = Writer<&'o mut dyn Write>;

pub(super) fn write(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut xml = Writer::new_with_indent(out, b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let coverage = xml.create_element("coverage").with_attribute(("version", "1"));
    let mut files = view.files.iter().filter(|file| !file.lines.is_empty()).peekable();
    if files.peek().is_none() {
        coverage.write_empty()?;
    } else {
        coverage.write_inner_content(|xml| files.try_for_each(|file| write_file(file, xml)))?;
    }
    xml.get_mut().write_all(b"\n")
}

fn write_file(file: &SourceFile<'_>, xml: &mut Xml<'_>) -> io::Result<()> {
    xml.create_element("file")
        .with_attribute(("path", file.path.as_str()))
        .write_inner_content(|xml| file.lines.iter().try_for_each(|line| write_line(line, xml)))?;
    Ok(())
}

fn write_line(line: &Line, xml: &mut Xml<'_>) -> io::Result<()> {
    let (number, all, hit) =
        (line.number.to_string(), line.branches.len().to_string(), line.branches_hit().to_string());
    let covered = if line.hits == 0 { "false" } else { "true" };
    let mut element = xml
        .create_element("lineToCover")
        .with_attributes([("lineNumber", number.as_str()), ("covered", covered)]);
    if !line.branches.is_empty() {
        element =
            element.with_attributes([("branchesToCover", all.as_str()), ("coveredBranches", hit.as_str())]);
    }
    element.write_empty()?;
    Ok(())
}
