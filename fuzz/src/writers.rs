//! Reports of any profile: each keeps the structure of its format, whatever is in the names.

use std::sync::Arc;

use arbitrary::{Arbitrary as _, Unstructured};
use covfmt::merge::{BuildCounts, MergeOptions, ModePolicy, merge_files};
use covfmt::meta::MetaTables;
use covfmt::profile::Profile;
use covreport::checkout::Checkout;
use covreport::format::{
    CoberturaOptions, CountLimit, Format, FunctionRecords, LcovOptions, MarkdownFor, Timestamp,
};
use covreport::view::{PathStyle, Places, View, ViewError};
use quick_xml::events::Event;

use crate::program::Program;

/// A program, a run of it, and all formats of its profile.
pub(crate) fn writers(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let Ok(options) = u8::arbitrary(&mut u) else { return };
    let Ok(program) = Program::arbitrary(&mut u) else { return };
    let Ok(run) = program.run(&mut u) else { return };
    let (hash, meta) = program.encode();
    let tables = MetaTables::decode(&meta).unwrap();
    let read = |(): &(), buffer: &mut Vec<u8>| {
        buffer.extend_from_slice(&run.encode(hash));
        Ok::<(), ()>(())
    };
    let counts = merge_files(&tables, &[()], MergeOptions::default(), read).unwrap();
    let build = BuildCounts::new(Arc::new(tables), counts);
    let profile = Profile::from_builds(&[build], ModePolicy::Strict).unwrap();
    let checkout = Checkout::default();
    let mut view = match View::new(&profile) {
        Ok(view) => view,
        Err(ViewError::Names(_)) => return,
        Err(error) => panic!("{error}"),
    };
    let places = Places::find(&view.packages, &checkout);
    let style = PathStyle { absolute: false, external: options & 1 != 0 };
    // Units of too many lines are an error; without files the formats show packages.
    let _ = view.add_files(&places, &checkout, style);
    if options & 2 != 0 {
        view.drop_branches();
    }
    let limit = if options & 4 == 0 { CountLimit::None } else { CountLimit::Int32 };
    let compact = options & 8 != 0;
    let functions = if options & 16 == 0 { FunctionRecords::Fn } else { FunctionRecords::Fnl };
    let formats = [
        Format::Percent,
        Format::Func,
        Format::Pkglist,
        Format::Markdown(MarkdownFor::Comment),
        Format::Textfmt(limit),
        Format::Lcov(LcovOptions { test_name: String::new(), functions, limit }),
        Format::Cobertura(CoberturaOptions { timestamp: Timestamp(1), compact }),
        Format::Codecov,
        Format::Coveralls,
        Format::Sonarqube,
        Format::Jacoco,
        Format::Json,
    ];
    for format in formats {
        let mut out = Vec::new();
        format.write(&view, &mut out).unwrap();
        check(&format, &view, &out);
    }
}

fn check(format: &Format, view: &View<'_>, out: &[u8]) {
    let text = String::from_utf8_lossy(out);
    let odd = text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t'));
    assert_eq!(odd, None, "a control character in {}", format.name());
    match format {
        Format::Pkglist => assert!(text.lines().count() <= view.packages.len()),
        Format::Textfmt(_) => check_textfmt(view, &text),
        Format::Lcov(_) => check_lcov(view, &text),
        Format::Cobertura(_) => assert!(elements(out, "class") <= view.files.len()),
        Format::Sonarqube => assert!(elements(out, "file") <= view.files.len()),
        Format::Jacoco => assert!(elements(out, "sourcefile") <= view.files.len()),
        Format::Codecov | Format::Coveralls | Format::Json => {
            drop(serde_json::from_slice::<serde_json::Value>(out).unwrap());
        }
        Format::Percent | Format::Func | Format::Markdown(_) => {}
    }
}

/// A line for each unit, which ends in six numbers.
fn check_textfmt(view: &View<'_>, text: &str) {
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some(format!("mode: {}", view.mode).as_str()));
    let units: usize = view.packages.iter().flat_map(|p| &p.files).map(|file| file.units.len()).sum();
    assert_eq!(lines.clone().count(), units);
    for line in lines {
        let (_, range) = line.rsplit_once(':').unwrap();
        let numbers: Vec<u32> = range.split(['.', ',', ' ']).map(|number| number.parse().unwrap()).collect();
        assert_eq!(numbers.len(), 6, "{line}");
    }
}

/// Records of a file each, with lines of known kinds whose numbers are numbers and whose sums are right.
fn check_lcov(view: &View<'_>, text: &str) {
    let with_lines = view.files.iter().filter(|file| !file.lines.is_empty());
    let (mut records, mut lines, mut found) = (0, 0, 0);
    for line in text.lines() {
        let (kind, rest) = line.split_once(':').unwrap_or((line, ""));
        let numbers = |count: usize| {
            let parsed = rest.splitn(count + 1, ',').take(count).all(|n| n.parse::<u64>().is_ok());
            assert!(parsed, "{line}");
        };
        match kind {
            "TN" => assert_eq!(rest, ""),
            "SF" => (lines, found) = (0, 0),
            "FN" | "FNDA" | "FNF" | "FNH" | "BRF" | "BRH" | "LH" => numbers(1),
            "FNL" | "BRDA" => numbers(3),
            "FNA" => numbers(2),
            "DA" => {
                numbers(2);
                lines += 1;
            }
            "LF" => found = rest.parse().unwrap(),
            "end_of_record" => {
                assert_eq!(lines, found);
                records += 1;
            }
            _ => panic!("not a line of LCOV: {line:?}"),
        }
    }
    assert_eq!(records, with_lines.count());
}

/// Reads XML to its end, and counts elements of a name.
fn elements(xml: &[u8], name: &str) -> usize {
    let mut reader = quick_xml::Reader::from_reader(xml);
    reader.config_mut().check_end_names = true;
    let (mut found, mut depth) = (0, 0_usize);
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => {
                depth += 1;
                found += usize::from(start.name().as_ref() == name);
                start.attributes().for_each(|attribute| drop(attribute.unwrap().value));
            }
            Event::Empty(start) => {
                found += usize::from(start.name().as_ref() == name);
                start.attributes().for_each(|attribute| drop(attribute.unwrap().value));
            }
            Event::End(_) => depth -= 1,
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(depth, 0);
    found
}
