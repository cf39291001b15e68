//! Counters merged as the commands that print do it: first segment only, copies added, odd entries passed over.
//! `cmd/covdata/dump.go`, `cmd/internal/cov/readcovdata.go`, `cmerge/merge.go`.
//!
//! Well-formed files of one mode go the parallel way of [`covfmt`]. Where anything is out of the ordinary, the files of
//! the pod are visited again one by one, for the reference's warnings, errors and order.

use std::io::Write;
use std::path::Path;

use covfmt::merge::RunArgs;
use covfmt::meta::MetaTables;
use covfmt::pod::{CounterRef, GoPod};

use super::headings::{data_file, write_modes};
use super::options::Options;
use super::pod::{CounterVisitor, OpenPod, PodReader, bytes_of};
use super::sums::{Describe, FoundSums, Modes, PodSums, merge_ordinary_described};
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
    reader: PodReader<'o>,
    modes: Modes,
}

impl<'o> Merger<'o> {
    pub(super) fn new(options: &'o Options) -> Self {
        Self { options, reader: PodReader::new(options), modes: Modes::default() }
    }

    /// Reads and merges a pod; `None` if the reference passes over it. `debugdump` and traces print to `out` while that
    /// is done.
    pub(super) fn visit(
        &mut self,
        pod: &GoPod,
        out: &mut dyn Write,
        messages: &mut dyn Write,
    ) -> Result<Option<PodCounts>, Stop> {
        let dumps = self.options.command == Command::Debugdump;
        if dumps {
            self.modes = Modes::default();
        }
        let Some(open) = self.reader.open(pod, messages)? else { return Ok(None) };
        // Only `textfmt` is strict about modes; `debugdump` begins anew with each pod.
        let strict = self.options.command == Command::Textfmt;
        self.modes.agree(&open, strict).map_err(|message| self.options.fatal(message, messages))?;
        if dumps {
            drop(write_modes(&open, out));
        }
        let known = open.function_counts().map_err(|message| self.options.fatal(message, messages))?;
        let sums = self.read_counters(pod, &open, known, out, messages)?;
        let counts = self.flatten(&open, sums, messages)?;
        self.reader.finish(&open, messages)?;
        let (counts, recorded) = counts;
        Ok(Some(PodCounts { tables: open.tables, counts, recorded }))
    }

    fn read_counters(
        &self,
        pod: &GoPod,
        open: &OpenPod,
        known: Vec<u32>,
        out: &mut dyn Write,
        messages: &mut dyn Write,
    ) -> Result<PodSums, Stop> {
        if !self.options.traces_files() {
            let dumps = self.options.command == Command::Debugdump;
            let describe = |path: &Path, args: &RunArgs| data_file(path, args);
            let describe = dumps.then_some(&describe as &Describe<'_>);
            let files = &pod.counters;
            let merged = merge_ordinary_described(open, self.modes, files, describe, self.options, messages);
            if let Some((counts, lines)) = merged {
                drop(out.write_all(&lines));
                return Ok(PodSums::Ordinary(counts));
            }
        }
        let (options, modes) = (self.options, self.modes);
        let mut visitor = DumpVisitor { options, modes, known, sums: FoundSums::default(), out };
        self.reader.visit_counters(&pod.counters, &mut visitor, messages)?;
        Ok(PodSums::Found(visitor.sums))
    }

    /// One count per unit, and whether each function was recorded. Where a function of the packages asked for has fewer
    /// counters than units the reference panics.
    fn flatten(
        &self,
        open: &OpenPod,
        sums: PodSums,
        messages: &mut dyn Write,
    ) -> Result<(Vec<u32>, Vec<bool>), Stop> {
        let sums = match sums {
            PodSums::Ordinary(counts) => return Ok(counts.into_parts()),
            PodSums::Found(_) => sums,
        };
        let tables = &open.tables;
        let mut counts = vec![0; tables.units().len()];
        let mut recorded = vec![false; tables.functions().len()];
        for (package, table) in (0_u32..).zip(tables.packages()) {
            let functions = tables.functions_of(table).iter().zip(table.function_positions());
            for (index, (function, position)) in (0_u32..).zip(functions) {
                let Some(counters) = sums.counters(open, (package, index), position) else { continue };
                if let Some(recorded) = recorded.get_mut(position) {
                    *recorded = true;
                }
                let units = counts.get_mut(function.unit_positions()).unwrap_or_default();
                // None at all are no counters to the reference: it leaves its slice nil.
                let short = !counters.is_empty() && counters.len() < units.len();
                if short && self.options.wants(table.path()) {
                    let message = format!(
                        ": function {} of package {} has {} units but {} counters",
                        tables.name_of(function),
                        table.path(),
                        units.len(),
                        counters.len()
                    );
                    let message = [bytes_of(&open.path), message.as_bytes()].concat();
                    return Err(self.options.fatal(message, messages));
                }
                units.iter_mut().zip(counters).for_each(|(unit, count)| *unit = *count);
            }
        }
        Ok((counts, recorded))
    }
}

struct DumpVisitor<'v> {
    options: &'v Options,
    modes: Modes,
    /// Each package's number of functions.
    known: Vec<u32>,
    sums: FoundSums,
    out: &'v mut dyn Write,
}

impl CounterVisitor for DumpVisitor<'_> {
    fn begin_file(&mut self, file: &CounterRef, args: &RunArgs) {
        self.options.trace_file(file, self.out);
        if self.options.command == Command::Debugdump {
            drop(self.out.write_all(&data_file(&file.path, args)));
        }
    }

    /// `VisitFuncCounterData`.
    fn function(&mut self, key: (u32, u32), counters: &[u32], messages: &mut dyn Write) -> Result<(), Stop> {
        let (package, function) = key;
        let known = self.known.get(package as usize).copied();
        if known.is_none_or(|known| function > known) {
            let (known, counters) = (known.unwrap_or(0), counters.len());
            let warning = format!(
                "func payload inconsistency: id [p={package},f={function}] nf={known} len(ctrs)={counters} in \
                 VisitFuncCounterData, ignored"
            );
            return self.options.warn(&warning, messages);
        }
        self.options.trace_counters(self.sums.by_function.get(&key), key, counters.len(), self.out);
        self.sums.merge(self.modes, key, counters, self.options, messages)
    }
}
