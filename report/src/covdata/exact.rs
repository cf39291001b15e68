//! Counters merged as the reference merges them: first segment only, copies added, odd entries passed over.
//! `cmd/covdata/dump.go`, `cmd/internal/cov/readcovdata.go`, `cmerge/merge.go`.
//!
//! Well-formed files of one mode go the parallel way of [`covfmt`]. Where anything is out of the ordinary, the files of
//! the pod are visited again one by one, for the reference's warnings, errors and order.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::OnceLock;

use covfmt::error::{ReadError, Rule, Structure};
use covfmt::layout::FOOTER_BYTES;
use covfmt::load::{LoadError, load_meta};
use covfmt::merge::{Counts, MergeOptions, add, merge_files};
use covfmt::meta::MetaTables;
use covfmt::mode::{CounterMode, Granularity};
use covfmt::pod::{CounterRef, GoPod};
use covfmt::read::CounterFile;

use super::debugdump::{data_file, write_modes};
use super::go_text::system_error;
use super::options::Options;
use super::{Command, Stop};

/// A Go pod, merged.
#[derive(Debug)]
pub(super) struct PodCounts {
    pub(super) tables: MetaTables,
    /// One count per unit.
    pub(super) counts: Vec<u32>,
    /// For each function, whether any file had counters for it.
    pub(super) recorded: Vec<bool>,
}

/// Merges pod after pod; the mode is kept from one to the next, but not by `debugdump`.
#[derive(Debug)]
pub(super) struct Merger<'o> {
    options: &'o Options,
    state: Option<(CounterMode, Granularity)>,
}

impl<'o> Merger<'o> {
    pub(super) fn new(options: &'o Options) -> Self {
        Self { options, state: None }
    }

    /// Reads and merges a pod. `debugdump` and traces print to `out` while that is done.
    pub(super) fn visit(
        &mut self,
        pod: &GoPod,
        out: &mut dyn Write,
        messages: &mut dyn Write,
    ) -> Result<PodCounts, Stop> {
        let dumps = self.options.command == Command::Debugdump;
        if dumps {
            self.state = None;
        }
        self.options.trace_pod(pod, messages);
        let tables = load_meta(&pod.meta).map_err(|error| {
            let message = match &error {
                LoadError::Io { .. } => [b"unable to open meta-file ", bytes(&pod.meta)].concat(),
                LoadError::Read { source, .. } => {
                    [b"decoding meta-file ", bytes(&pod.meta), b": ", meta_rule(source).as_bytes()].concat()
                }
                LoadError::Merge { .. } => error.to_string().into(),
            };
            self.options.unreadable(&message, messages)
        })?;
        let mode = self.agree(&pod.meta, &tables, messages)?;
        if dumps {
            drop(write_modes(&tables, out));
        }
        let plain = mode == tables.mode() && !self.options.traces_files();
        if let Some((counts, lines)) = plain.then(|| merge_plain(&tables, &pod.counters, dumps)).flatten() {
            drop(out.write_all(&lines));
            let (counts, recorded) = counts.into_parts();
            return Ok(PodCounts { tables, counts, recorded });
        }
        let merged = self.merge_exactly(mode, &tables, &pod.counters, out, messages)?;
        self.flatten(tables, &merged, messages)
    }

    /// `cmerge/merge.go`, `SetModeAndGranularity`; only `textfmt` is strict about modes.
    fn agree(
        &mut self,
        meta: &Path,
        tables: &MetaTables,
        messages: &mut dyn Write,
    ) -> Result<CounterMode, Stop> {
        let (mode, granularity) = *self.state.get_or_insert((tables.mode(), tables.granularity()));
        let clash = |what: &str, before: &str, now: &str| {
            let start = format!("counter {what} clash while reading meta-data file ");
            let end = format!(": previous file had {before}, new file has {now}");
            [start.as_bytes(), bytes(meta), end.as_bytes()].concat()
        };
        if granularity != tables.granularity() {
            let message =
                clash("granularity", go_granularity(granularity), go_granularity(tables.granularity()));
            return Err(self.options.fatal(message, messages));
        }
        if mode != tables.mode() && self.options.command == Command::Textfmt {
            let message = clash("mode", mode.as_str(), tables.mode().as_str());
            return Err(self.options.fatal(message, messages));
        }
        let mode = mode.max(tables.mode());
        self.state = Some((mode, granularity));
        Ok(mode)
    }

    fn merge_exactly(
        &self,
        mode: CounterMode,
        tables: &MetaTables,
        files: &[CounterRef],
        out: &mut dyn Write,
        messages: &mut dyn Write,
    ) -> Result<MergedFunctions, Stop> {
        let mut merged = MergedFunctions::new();
        let mut buffer = Vec::new();
        for file in files {
            buffer.clear();
            let read = File::open(&file.path).and_then(|mut open| open.read_to_end(&mut buffer));
            read.map_err(|error| {
                let path = bytes(&file.path);
                let why = [b": open ", path, b": ", system_error(&error).as_bytes()].concat();
                self.options.unreadable(&[b"opening counter data file ", path, &why].concat(), messages)
            })?;
            let visit = FileVisit { mode, tables, file, bytes: &buffer };
            self.merge_file(&visit, &mut merged, out, messages).map_err(|stop| match stop {
                FileStop::Stop(stop) => stop,
                FileStop::Read(error) => {
                    let why = counter_rule(&error, buffer.is_empty());
                    let path = bytes(&file.path);
                    let message = [b"reading counter data file ", path, b": ", why.as_bytes()].concat();
                    self.options.unreadable(&message, messages)
                }
            })?;
        }
        Ok(merged)
    }

    /// `BeginCounterDataFile`, and `VisitFuncCounterData` for each function of the first segment.
    fn merge_file(
        &self,
        visit: &FileVisit<'_>,
        merged: &mut MergedFunctions,
        out: &mut dyn Write,
        messages: &mut dyn Write,
    ) -> Result<(), FileStop> {
        let (mode, tables) = (visit.mode, visit.tables);
        let file = CounterFile::parse(visit.bytes)?;
        let Some(segment) = file.segments().first() else { return Ok(()) };
        self.options.trace_file(visit.file, out);
        if self.options.command == Command::Debugdump {
            drop(out.write_all(&data_file(&visit.file.path, segment)));
        }
        let mut functions = segment.functions();
        while let Some(head) = functions.read_next()? {
            let (package, function) = (head.package.0, head.function.0);
            let mut counters = Vec::with_capacity(head.counters as usize);
            functions.fold_counters(|_, count| counters.push(count))?;
            let known =
                tables.packages().get(package as usize).map(|package| package.function_positions().len());
            if known.is_none_or(|known| function as usize > known) {
                let (known, counters) = (known.unwrap_or(0), counters.len());
                let warning = format!(
                    "func payload inconsistency: id [p={package},f={function}] nf={known} len(ctrs)={counters} \
                     in VisitFuncCounterData, ignored"
                );
                self.options.warn(&warning, messages)?;
                continue;
            }
            self.options.trace_counters(merged.get(&(package, function)), &head, out);
            let sums = merged.entry((package, function)).or_default();
            if sums.len() < counters.len() {
                sums.resize(counters.len(), 0);
            }
            if sums.len() != counters.len() {
                let message =
                    format!("merging counters: len(dst)={} len(src)={}", sums.len(), counters.len());
                return Err(self.options.fatal(message, messages).into());
            }
            let mut overflow = false;
            for (sum, count) in sums.iter_mut().zip(&counters) {
                overflow |= mode != CounterMode::Set && sum.checked_add(*count).is_none();
                *sum = add(mode, *sum, *count);
            }
            if overflow {
                self.options.warn("uint32 overflow during counter merge", messages)?;
            }
        }
        Ok(())
    }

    /// One count per unit. Where a function of the packages asked for has fewer counters than units the reference
    /// panics.
    fn flatten(
        &self,
        tables: MetaTables,
        merged: &MergedFunctions,
        messages: &mut dyn Write,
    ) -> Result<PodCounts, Stop> {
        let mut counts = vec![0; tables.units().len()];
        let mut recorded = vec![false; tables.functions().len()];
        for (package, table) in (0_u32..).zip(tables.packages()) {
            for ((index, function), position) in
                (0_u32..).zip(tables.functions_of(table)).zip(table.function_positions())
            {
                let Some(counters) = merged.get(&(package, index)) else { continue };
                if let Some(recorded) = recorded.get_mut(position) {
                    *recorded = true;
                }
                let units = counts.get_mut(function.unit_positions()).unwrap_or_default();
                if counters.len() < units.len() && self.options.wants(table.path()) {
                    let message = format!(
                        "function {} of package {} has {} units but {} counters",
                        tables.name_of(function),
                        table.path(),
                        units.len(),
                        counters.len()
                    );
                    return Err(self.options.fatal(message, messages));
                }
                units.iter_mut().zip(counters).for_each(|(unit, count)| *unit = *count);
            }
        }
        Ok(PodCounts { tables, counts, recorded })
    }
}

/// The counters of each function, by package and function.
type MergedFunctions = HashMap<(u32, u32), Vec<u32>>;

/// A counter file and what its counters are merged with.
struct FileVisit<'v> {
    mode: CounterMode,
    tables: &'v MetaTables,
    file: &'v CounterRef,
    bytes: &'v [u8],
}

enum FileStop {
    Stop(Stop),
    Read(ReadError),
}

impl From<Stop> for FileStop {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl From<ReadError> for FileStop {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

/// The counts of ordinary files, merged in parallel, and if asked for what `debugdump` says about each file; `None` if
/// there is anything that the reference would remark on, or do in another way.
fn merge_plain(tables: &MetaTables, files: &[CounterRef], dumps: bool) -> Option<(Counts, Vec<u8>)> {
    let described: Vec<(&CounterRef, OnceLock<Vec<u8>>)> =
        files.iter().map(|file| (file, OnceLock::new())).collect();
    let refused = || io::Error::from(io::ErrorKind::Unsupported);
    let counts =
        merge_files(tables, &described, MergeOptions { check_hash: false }, |(file, line), buffer| {
            File::open(&file.path)?.read_to_end(buffer)?;
            if segments(buffer) != Some(1) {
                return Err(refused());
            }
            if dumps {
                let parsed = CounterFile::parse(buffer).map_err(|_| refused())?;
                let text = parsed.segments().first().map(|segment| data_file(&file.path, segment));
                drop(line.set(text.unwrap_or_default()));
            }
            Ok(())
        });
    let counts = counts.ok().filter(|counts| !counts.saturated())?;
    let lines = described.into_iter().filter_map(|(_, line)| line.into_inner()).collect::<Vec<_>>().concat();
    Some((counts, lines))
}

/// The number of segments in the footer of a counter file.
fn segments(file: &[u8]) -> Option<u32> {
    let footer = file.get(file.len().checked_sub(FOOTER_BYTES)?..)?;
    Some(u32::from_le_bytes(*footer.get(8..12)?.first_chunk()?))
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

/// `CounterGranularity.String` in `defs.go`.
fn go_granularity(granularity: Granularity) -> &'static str {
    granularity.as_str()
}

/// The reference's words for a meta file it cannot read, where it has any.
fn meta_rule(error: &ReadError) -> String {
    match (&error.structure, &error.rule) {
        (Structure::MetaHeader, Rule::Truncated { available: 0, .. }) if error.offset == 0 => "EOF".into(),
        (Structure::MetaHeader, Rule::Truncated { .. }) => "unexpected EOF".into(),
        (Structure::MetaHeader, Rule::Magic { .. }) => "invalid meta-data file magic string".into(),
        (Structure::MetaHeader, Rule::Version { found }) => {
            format!("meta-data file with an unknown version {found} (expected 1)")
        }
        _ => error.to_string(),
    }
}

/// The reference's words for a counter file it cannot read, where it has any.
fn counter_rule(error: &ReadError, empty: bool) -> String {
    match (&error.structure, &error.rule) {
        (Structure::CounterHeader, Rule::Truncated { .. }) if empty => "EOF".into(),
        (Structure::CounterHeader, Rule::Truncated { .. }) => "unexpected EOF".into(),
        (Structure::CounterHeader, Rule::Magic { .. }) => {
            "invalid magic string: not a counter data file".into()
        }
        (Structure::CounterHeader, Rule::Version { found }) => {
            format!("version data incompatibility: reader is 1 data is {found}")
        }
        (Structure::CounterFooter, Rule::Magic { .. } | Rule::NoFooter { .. }) => {
            "invalid magic string (not a counter data file)".into()
        }
        (Structure::CounterFooter, Rule::Undefined { .. }) => {
            "invalid counter data file (no segments)".into()
        }
        _ => error.to_string(),
    }
}
