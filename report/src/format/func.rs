//! A line per function: place, name, percentage of its statements; then the total.
//!
//! Three columns and a last line `total: (statements) P%`, modelled on `go tool cover -func`, so that scripts find them. Names
//! hold no white space and are distinct in their file. The total is that of `--percent`: of all packages, those included
//! whose files are not in the repository and have no line here. A function without statements has `-` for a percentage.

use std::io::{self, Write};

use crate::view::{FunctionView, Ratio, SourceFile, View};

/// Wider columns than this stay ragged: one long name should not push all others out of sight. Characters.
const WIDEST: usize = 100;

pub(super) fn write(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let functions = || view.files.iter().flat_map(|file| file.functions.iter().map(move |f| (file, f)));
    let width = |text: &str| text.chars().count();
    let places = functions().map(|(file, function)| width(&place(file, function)));
    let place_width = places.filter(|width| *width <= WIDEST).max().unwrap_or_default().max("total:".len());
    let names = functions().map(|(_, function)| width(&function.name));
    let name_width =
        names.filter(|width| *width <= WIDEST).max().unwrap_or_default().max("(statements)".len());

    let mut line = |place: &str, name: &str, statements: Ratio| match statements.percent() {
        Some(percent) => {
            writeln!(out, "{place:place_width$}  {name:name_width$}  {:>6}", format!("{percent}%"))
        }
        None => writeln!(out, "{place:place_width$}  {name:name_width$}  {:>6}", "-"),
    };
    functions()
        .try_for_each(|(file, function)| line(&place(file, function), &function.name, function.statements))?;
    line("total:", "(statements)", view.statements)
}

fn place(file: &SourceFile<'_>, function: &FunctionView) -> String {
    format!("{}:{}:", file.path, function.start_line)
}
