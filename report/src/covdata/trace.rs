//! What `-v` shows of the work: the reference's program traces to standard output, its reader to standard error.
//! `cmd/covdata/covdata.go`, `dbgtrace`; `cmd/internal/cov/readcovdata.go`, `verb`.

use std::fmt;
use std::fs;
use std::io::Write;

use covfmt::meta::FunctionTable;
use covfmt::pod::{CounterRef, GoPod};

use super::exact::PodCounts;
use super::options::Options;

/// Size from which on the reference maps a file, in bytes, and speaks of its length. `cmd/internal/bio/buf_mmap.go`.
const MAPPED_BYTES: u64 = 1 << 14;

impl Options {
    /// A trace on standard output.
    pub(super) fn trace(&self, level: i64, message: fmt::Arguments<'_>, out: &mut dyn Write) {
        if self.verbosity >= level {
            drop(writeln!(out, "{message}"));
        }
    }

    /// Before a Go pod is read.
    pub(super) fn trace_pod(&self, pod: &GoPod, messages: &mut dyn Write) {
        if self.verbosity < 1 {
            return;
        }
        let (meta, files) = (pod.meta.display(), pod.counters.len());
        drop(writeln!(messages, "visiting pod: metafile {meta} with {files} counter files"));
        if let Ok(metadata) = fs::metadata(&pod.meta) {
            let length = if metadata.len() < MAPPED_BYTES { 0 } else { metadata.len() };
            drop(writeln!(messages, "fileView for pod is length {length}"));
        }
    }

    /// Before the counters of a file are merged.
    pub(super) fn trace_file(&self, file: &CounterRef, out: &mut dyn Write) {
        let (path, origin) = (file.path.display(), file.origin);
        self.trace(2, format_args!("visit counter data file {path} dirIdx {origin}"), out);
    }

    /// Before counters are merged with those that were `found` before.
    pub(super) fn trace_counters(
        &self,
        found: Option<&Vec<u32>>,
        (package, function): (u32, u32),
        counters: usize,
        out: &mut dyn Write,
    ) {
        let (found, before) = (found.is_some(), found.map_or(0, Vec::len));
        self.trace(
            5,
            format_args!(
                "ctr visit pk={package} fid={function} found={found} len(val.ctrs)={before} len(data.ctrs)={counters}"
            ),
            out,
        );
    }

    /// Before a function of a package asked for is looked at.
    pub(super) fn trace_function(
        &self,
        pod: &PodCounts,
        (package, index): (usize, usize),
        function: &FunctionTable,
        found: bool,
        out: &mut dyn Write,
    ) {
        if self.verbosity < 5 {
            return;
        }
        let (name, file) = (pod.tables.name_of(function), pod.tables.file_of(function));
        let counters = if found { function.unit_positions().len() } else { 0 };
        self.trace(
            5,
            format_args!(
                "meta visit pk={package} fid={index} fname={name} file={file} found={found} len(val.ctrs)={counters}"
            ),
            out,
        );
    }

    /// The same for all functions of the packages asked for.
    pub(super) fn trace_functions(&self, pod: &PodCounts, out: &mut dyn Write) {
        if self.verbosity < 5 {
            return;
        }
        for (index, package) in pod.tables.packages().iter().enumerate() {
            if self.wants(package.path()) {
                let functions = pod.tables.functions_of(package).iter().zip(package.function_positions());
                for (number, (function, position)) in functions.enumerate() {
                    let found = pod.recorded.get(position).is_some_and(|recorded| *recorded);
                    self.trace_function(pod, (index, number), function, found, out);
                }
            }
        }
    }
}
