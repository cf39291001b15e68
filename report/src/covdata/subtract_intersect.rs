//! `subtract` and `intersect`: what only the first of the directories covers, and what all of them cover.
//! `cmd/covdata/subtractintersect.go`.
//!
//! The reference keeps the number of the last directory from one Go pod to the next, and so forgets counters where only a
//! later pod has several directories; this is kept. Where it would panic over it ("decreasing dir index") each pod is
//! treated here as if it were the only one, which is what the reference then does.

use std::collections::HashSet;
use std::io::Write;

use covfmt::merge::{Counts, RunArgs};
use covfmt::pod::{CounterRef, GoPod};

use super::directories::go_pods;
use super::meta_merge::MetaMerge;
use super::options::Options;
use super::pod::{CounterVisitor, OpenPod, PodReader};
use super::sums::{FoundSums, Modes, PodSums, join_ordinary, merge_ordinary};
use super::{Command, Stop};

pub(super) fn run(options: &Options, _out: &mut dyn Write, messages: &mut dyn Write) -> Result<(), Stop> {
    let pods = go_pods(&options.directories).map_err(Stop::Fatal)?;
    if pods.is_empty() {
        options.warn("no applicable files found in input directories", messages)?;
    }
    let alone = goes_back(&pods);
    let mut reader = PodReader::new(options);
    let mut merge = MetaMerge::new(options);
    let mut place = Place::default();
    for pod in &pods {
        if alone {
            place = Place::default();
        }
        let Some(open) = reader.open(pod, messages)? else { continue };
        merge.begin_pod(&open, messages)?;
        let mut visitor = SetVisitor::new(options, merge.modes, place);
        visitor.read_counters(&reader, pod, &open, messages)?;
        place = visitor.place;
        merge.add_packages(&open, &PodSums::Found(visitor.sums), messages)?;
        if reader.finish(&open, messages)? {
            merge.end_pod(&open, messages)?;
        }
    }
    Ok(())
}

/// Whether a Go pod has counters of a directory before the last one of the pods before it: the reference panics.
fn goes_back(pods: &[GoPod]) -> bool {
    let origins = || pods.iter().flat_map(|pod| &pod.counters).map(|file| file.origin);
    origins().zip(origins().skip(1)).any(|(before, after)| after < before)
}

/// What is kept from one Go pod to the next.
#[derive(Debug, Clone, Default)]
struct Place {
    /// The directory of the last counter file.
    directory: Option<usize>,
}

type Key = (u32, u32);

struct SetVisitor<'o> {
    options: &'o Options,
    modes: Modes,
    place: Place,
    /// For `intersect`: the functions found in the current directory. `None` in the first.
    found: Option<HashSet<Key>>,
    sums: FoundSums,
}

impl<'o> SetVisitor<'o> {
    fn new(options: &'o Options, modes: Modes, place: Place) -> Self {
        let found = (options.command == Command::Intersect).then(HashSet::new);
        Self { options, modes, place, found, sums: FoundSums::default() }
    }

    /// Ordinary files go the parallel way as far as their order does not matter.
    fn read_counters(
        &mut self,
        reader: &PodReader<'_>,
        pod: &GoPod,
        open: &OpenPod,
        messages: &mut dyn Write,
    ) -> Result<(), Stop> {
        let first = pod.counters.iter().take_while(|file| file.origin == 0).count();
        let (kept, others) = pod.counters.split_at_checked(first).unwrap_or_default();
        let rest = match merge_ordinary(open, self.modes, kept, self.options, messages) {
            Some(counts) if !kept.is_empty() => {
                self.enter(0);
                self.sums = found_sums(open, &counts);
                others
            }
            _ => &pod.counters,
        };
        if self.options.command == Command::Subtract
            && rest.len() == others.len()
            && let Some(counts) = join_ordinary(open, self.modes, others)
        {
            for (key, counters) in found_sums(open, &counts).by_function {
                self.combine(key, &counters, messages)?;
            }
            if let Some(last) = others.last() {
                self.enter(last.origin);
            }
        } else {
            reader.visit_counters(rest, self, messages)?;
        }
        if self.found.is_some() {
            self.prune();
        }
        Ok(())
    }

    /// `BeginCounterDataFile`.
    fn enter(&mut self, directory: usize) {
        if self.place.directory == Some(directory) {
            return;
        }
        if directory == 0 {
            self.found = None;
        } else if self.options.command == Command::Intersect {
            if self.found.is_some() {
                self.prune();
            }
            self.found = Some(HashSet::new());
        }
        self.place.directory = Some(directory);
    }

    /// Leaves only functions that the current directory has. `pruneCounters`.
    fn prune(&mut self) {
        let found = self.found.take().unwrap_or_default();
        self.sums.by_function.retain(|key, _| found.contains(key));
    }

    /// Takes counters of a directory behind the first one in.
    fn combine(&mut self, key: Key, counters: &[u32], messages: &mut dyn Write) -> Result<(), Stop> {
        let Some(sums) = self.sums.by_function.get_mut(&key) else { return Ok(()) };
        let intersects = self.options.command == Command::Intersect;
        if let (true, Some(found)) = (intersects, &mut self.found) {
            found.insert(key);
        }
        let known = sums.len();
        for (index, _) in counters.iter().enumerate().filter(|(_, count)| (**count == 0) == intersects) {
            let Some(sum) = sums.get_mut(index) else {
                let ((package, function), length) = (key, counters.len());
                let message = format!(
                    "function {function} of package {package} has {known} counters in the first directory and {length} \
                     in another"
                );
                return Err(self.options.fatal(message, messages));
            };
            *sum = 0;
        }
        Ok(())
    }
}

impl CounterVisitor for SetVisitor<'_> {
    fn begin_file(&mut self, file: &CounterRef, _args: &RunArgs) {
        self.enter(file.origin);
    }

    fn function(&mut self, key: Key, counters: &[u32], messages: &mut dyn Write) -> Result<(), Stop> {
        if self.place.directory == Some(0) {
            self.sums.merge(self.modes, key, counters, self.options, messages)
        } else {
            self.combine(key, counters, messages)
        }
    }
}

/// The counters of ordinary files, function by function.
fn found_sums(open: &OpenPod, counts: &Counts) -> FoundSums {
    let mut found = FoundSums::default();
    let tables = &open.tables;
    for (index, package) in (0_u32..).zip(tables.packages()) {
        let functions = tables.functions_of(package).iter().zip(package.function_positions());
        for (function, (entry, position)) in (0_u32..).zip(functions) {
            if counts.recorded().get(position).copied().unwrap_or(false) {
                let units = counts.units().get(entry.unit_positions()).unwrap_or_default();
                found.by_function.insert((index, function), units.to_vec());
            }
        }
    }
    found
}
