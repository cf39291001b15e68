//! The run as a table or as JSON: the data of the command, for standard output.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use bytesize::ByteSize;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde::Serialize;

use crate::cli::Form;
use crate::manifest::{Amount, ContainerRecord, Run, State, Totals};
use crate::plan::{Decision, Entry};

/// Names of the schemas of what is printed as JSON; docs/MANIFEST.md has them.
const RUN_SCHEMA: &str = "covfetch/run";
const PLAN_SCHEMA: &str = "covfetch/plan";

/// Version of both.
const VERSION: u64 = 1;

/// A run as it is printed.
#[derive(Serialize)]
struct Printed<'a> {
    schema: &'static str,
    version: u64,
    #[serde(flatten)]
    run: &'a Run,
    totals: Totals,
}

/// Writes the summary of a finished run.
pub fn write(run: &Run, form: Form, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    match form {
        Form::Json => {
            let printed = Printed { schema: RUN_SCHEMA, version: VERSION, run, totals: run.totals() };
            serde_json::to_writer_pretty(&mut *out, &printed)?;
            writeln!(out)
        }
        Form::Table | Form::Wide if run.containers.is_empty() => Ok(()),
        Form::Table | Form::Wide => write_table(run, form == Form::Wide, out),
    }
}

/// What is new and what was here already, in one line; `None` if nothing was.
pub fn resumed(run: &Run) -> Option<String> {
    let Totals { new, held } = run.totals();
    let said = |amount: Amount| {
        let files = if amount.files == 1 { "file" } else { "files" };
        format!("{} {files} ({})", amount.files, ByteSize(amount.bytes))
    };
    (held.files > 0).then(|| format!("{} new, {} here already", said(new), said(held)))
}

fn write_table(run: &Run, wide: bool, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let mut table = Table::new();
    table.load_style(NOTHING);
    let mut header = vec!["NAMESPACE", "POD", "CONTAINER", "STATE", "FILES", "NEW", "SIZE"];
    if wide {
        header.extend(["RESTARTS", "FLUSH", "ATTEMPTS", "NODE", "DIRECTORY", "IMAGE"]);
    }
    header.push("REMARK");
    table.set_header(header);
    for record in &run.containers {
        table.add_row(row(record, wide));
    }
    // The state is coloured in the finished text, so that the escape sequences do not count as width.
    for (index, line) in table.lines().enumerate() {
        let line = trimmed(&line);
        match index.checked_sub(1).and_then(|index| run.containers.get(index)) {
            Some(record) => writeln!(out, "{}", coloured(line, record.state))?,
            None => writeln!(out, "{line}")?,
        }
    }
    Ok(())
}

fn row(record: &ContainerRecord, wide: bool) -> Vec<String> {
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let new = record.files.iter().filter(|file| file.new).count();
    let bytes: u64 = record.files.iter().map(|file| file.size).sum();
    let mut cells = vec![
        record.namespace.clone(),
        record.pod.clone(),
        or_dash(&record.container),
        word(record.state).to_owned(),
        record.files.len().to_string(),
        new.to_string(),
        ByteSize(bytes).to_string(),
    ];
    if wide {
        let flush = record.flush.as_ref().map(|flush| match flush.waited_ms {
            Some(milliseconds) => format!("{milliseconds} ms"),
            None => flush.outcome.clone(),
        });
        let restarts = record.restart_count.map(|count| count.to_string());
        cells.extend([
            or_dash(&restarts),
            or_dash(&flush),
            record.attempts.to_string(),
            or_dash(&record.node),
            or_dash(&record.source.as_deref().map(crate::escape::one_line)),
            or_dash(&record.image),
        ]);
    }
    let remark = match &record.failure {
        Some(failure) => failure.message.clone(),
        None => record.note.clone().unwrap_or_default(),
    };
    cells.push(remark);
    cells
}

fn word(state: State) -> &'static str {
    match state {
        State::Fetched => "fetched",
        State::Failed => "failed",
        State::Listed => "listed",
    }
}

/// A line without the padding of its first and last cell.
fn trimmed(line: &str) -> &str {
    let line = line.trim_end();
    line.strip_prefix(' ').unwrap_or(line)
}

/// Colours the word of the state; the word itself says the same.
fn coloured(line: &str, state: State) -> String {
    let style = match state {
        State::Fetched => Style::new().fg_color(Some(AnsiColor::Green.into())),
        State::Failed => Style::new().fg_color(Some(AnsiColor::Red.into())).bold(),
        State::Listed => return line.to_owned(),
    };
    let word = word(state);
    match line.split_once(&format!(" {word} ")) {
        Some((before, after)) => format!("{before} {style}{word}{style:#} {after}"),
        None => line.to_owned(),
    }
}

/// Writes a plan: what would be done, for `--dry-run`. The actions are `fetch`; `ask` (the process is asked where its
/// directory is, and what it says is fetched); `mount` (a pod is made that reads a claim's volume); `list` (nothing to read, no failure); `fail`.
pub fn write_plan(
    entries: &[Entry],
    run: &Run,
    form: Form,
    out: &mut (impl Write + ?Sized),
) -> io::Result<()> {
    if form == Form::Json {
        let planned: Vec<serde_json::Value> = entries.iter().map(planned_json).collect();
        let plan = serde_json::json!({
            "schema": PLAN_SCHEMA, "version": VERSION, "cluster": run.cluster, "selection": run.selection, "containers": planned,
        });
        serde_json::to_writer_pretty(&mut *out, &plan)?;
        return writeln!(out);
    }
    if entries.is_empty() {
        return Ok(());
    }
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["NAMESPACE", "POD", "CONTAINER", "ACTION", "DIRECTORY", "REMARK"]);
    for entry in entries {
        let (action, source, remark) = action(entry);
        let container = entry.container.as_deref().unwrap_or("-");
        let source = source.map_or_else(|| "-".to_owned(), crate::escape::one_line);
        table.add_row([&entry.namespace, &entry.pod, container, action, &source, remark.unwrap_or_default()]);
    }
    for line in table.lines() {
        writeln!(out, "{}", trimmed(&line))?;
    }
    Ok(())
}

fn planned_json(entry: &Entry) -> serde_json::Value {
    let (action, source, remark) = action(entry);
    serde_json::json!({
        "namespace": entry.namespace,
        "pod": entry.pod,
        "container": entry.container,
        "action": action,
        "source": source,
        "remark": remark,
        "node": entry.facts.node,
        "image": entry.facts.image,
        "restart_count": entry.facts.restart_count,
    })
}

fn action(entry: &Entry) -> (&'static str, Option<&str>, Option<&str>) {
    let note = entry.note.as_deref();
    match &entry.decision {
        Decision::Fetch { source, .. } => ("fetch", Some(source), note),
        Decision::Ask { .. } => ("ask", None, note),
        Decision::Mount { mount, .. } => ("mount", Some(&mount.directory), note),
        Decision::List => ("list", None, note),
        Decision::Fail(failure) => ("fail", None, Some(&failure.message)),
    }
}
