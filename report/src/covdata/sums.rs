//! Modes that agree and counters that add up. `internal/coverage/cmerge/merge.go`.

use std::collections::HashMap;
use std::io::{self, Read as _, Write};
use std::path::Path;
use std::sync::OnceLock;

use covfmt::layout::FOOTER_BYTES;
use covfmt::merge::{
    Counts, FileFailure, MergeError, MergeOptions, OrderedCounts, RunArgs, merge_files, merge_in_order,
};
use covfmt::mode::CounterMode;
use covfmt::pod::CounterRef;
use covfmt::read::CounterFile;
use covfmt::source::open_regular;

use super::Stop;
use super::go_files::granularity_name;
use super::options::Options;
use super::pod::{OpenPod, bytes_of};

const OVERFLOW: &str = "uint32 overflow during counter merge";

/// The mode of the pods visited so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Modes {
    /// The byte for the mode; 0 at first.
    pub(super) mode: u8,
    /// The byte for the granularity; 0 at first.
    pub(super) granularity: u8,
}

impl Modes {
    /// Takes in the mode of a further pod; the error is the reference's words. `SetModeAndGranularity`.
    pub(super) fn agree(&mut self, pod: &OpenPod, strict: bool) -> Result<(), Vec<u8>> {
        let (mode, granularity) = pod.mode;
        if self.mode == CounterMode::Invalid.to_byte() {
            *self = Self { mode, granularity };
            return Ok(());
        }
        let clash = |what: &str, before: &str, now: &str| {
            let start = format!("counter {what} clash while reading meta-data file ");
            let end = format!(": previous file had {before}, new file has {now}");
            Err([start.as_bytes(), bytes_of(&pod.path), end.as_bytes()].concat())
        };
        if self.granularity != granularity {
            return clash("granularity", granularity_name(self.granularity), granularity_name(granularity));
        }
        if self.mode != mode && strict {
            let name = |byte| CounterMode::from_byte(byte).unwrap_or(CounterMode::Invalid).as_str();
            return clash("mode", name(self.mode), name(mode));
        }
        self.mode = self.mode.max(mode);
        Ok(())
    }

    /// Adds counters up. `MergeCounters`.
    pub(super) fn merge(
        self,
        sums: &mut [u32],
        counters: &[u32],
        options: &Options,
        messages: &mut dyn Write,
    ) -> Result<(), Stop> {
        if sums.len() != counters.len() {
            let message = format!("merging counters: len(dst)={} len(src)={}", sums.len(), counters.len());
            return Err(options.fatal(message, messages));
        }
        let mut overflow = false;
        for (sum, count) in sums.iter_mut().zip(counters) {
            if self.mode == CounterMode::Set.to_byte() {
                *sum = if *count == 0 { *sum } else { 1 };
            } else {
                overflow |= sum.checked_add(*count).is_none();
                *sum = sum.saturating_add(*count);
            }
        }
        if overflow { options.warn(OVERFLOW, messages) } else { Ok(()) }
    }
}

/// The counters of a Go pod, by package and function.
#[derive(Debug)]
pub(super) enum PodSums {
    /// Of ordinary files.
    Ordinary(Counts),
    /// As found, of files that are not.
    Found(FoundSums),
}

/// Counters as the files have them, whatever the meta file says.
#[derive(Debug, Default)]
pub(super) struct FoundSums {
    pub(super) by_function: HashMap<(u32, u32), Vec<u32>>,
}

impl FoundSums {
    /// Adds the counters of a function. Fewer counters than before are an error, more are not.
    pub(super) fn merge(
        &mut self,
        modes: Modes,
        key: (u32, u32),
        counters: &[u32],
        options: &Options,
        messages: &mut dyn Write,
    ) -> Result<(), Stop> {
        let sums = self.by_function.entry(key).or_default();
        if sums.len() < counters.len() {
            sums.resize(counters.len(), 0);
        }
        modes.merge(sums, counters, options, messages)
    }
}

impl PodSums {
    /// The counters of a function, given its package's index, its index there and its position in the tables; `None` if
    /// no file has any.
    pub(super) fn counters(&self, pod: &OpenPod, key: (u32, u32), position: usize) -> Option<&[u32]> {
        match self {
            Self::Found(found) => found.by_function.get(&key).map(Vec::as_slice),
            Self::Ordinary(counts) => {
                let recorded = counts.recorded().get(position).copied().unwrap_or(false);
                let function = pod.tables.functions().get(position).filter(|_| recorded)?;
                counts.units().get(function.unit_positions())
            }
        }
    }
}

/// What is to be said about a counter file, given its path and args.
pub(super) type Describe<'d> = dyn Fn(&Path, &RunArgs) -> Vec<u8> + Sync + 'd;

/// Merges ordinary files in parallel, and warns of sums that are too large as often as the reference does; `None` if there is
/// anything else that it would remark on, or do in another way: other modes before, several segments, damage, counters that
/// do not fit. Then nothing was said.
pub(super) fn merge_ordinary(
    pod: &OpenPod,
    modes: Modes,
    files: &[CounterRef],
    options: &Options,
    messages: &mut dyn Write,
) -> Option<Counts> {
    let merged = merge_ordinary_described(pod, modes, files, None, options, messages)?;
    Some(merged.0)
}

/// As [`merge_ordinary`], with what is to be said about the files, in their order.
pub(super) fn merge_ordinary_described(
    pod: &OpenPod,
    modes: Modes,
    files: &[CounterRef],
    describe: Option<&Describe<'_>>,
    options: &Options,
    messages: &mut dyn Write,
) -> Option<(Counts, Vec<u8>)> {
    let described: Vec<DescribedFile<'_>> = files.iter().map(|file| (file, OnceLock::new())).collect();
    let read = |file: &DescribedFile<'_>, buffer: &mut Vec<u8>| read_ordinary(file, describe, buffer);
    let counts = match merge_plain(pod, modes, &described, false, read) {
        Ok(counts) => Some(counts),
        // Behind the first warning there may be no second.
        Err(Some(MergeError::Overflow)) if !options.panic_on_warning => {
            let merged = merge_in_order(&pod.tables, &described, |file, buffer| read(file, buffer).ok());
            match merged {
                Some(OrderedCounts { counts, overflows }) => {
                    Options::warn_times(OVERFLOW, overflows, messages);
                    Some(counts)
                }
                None => None,
            }
        }
        Err(_) => None,
    };
    let lines =
        || described.into_iter().filter_map(|(_, line)| line.into_inner()).collect::<Vec<_>>().concat();
    counts.map(|counts| (counts, lines()))
}

/// Whether any of some ordinary files has counted each unit: counts that stop at 2^32-1 without a word; `None` as for
/// [`merge_ordinary`].
pub(super) fn join_ordinary(pod: &OpenPod, modes: Modes, files: &[CounterRef]) -> Option<Counts> {
    let files: Vec<DescribedFile<'_>> = files.iter().map(|file| (file, OnceLock::new())).collect();
    merge_plain(pod, modes, &files, true, |file, buffer| read_ordinary(file, None, buffer)).ok()
}

/// A file, and what is to be said about it.
type DescribedFile<'f> = (&'f CounterRef, OnceLock<Vec<u8>>);

/// The error is none, but something out of the ordinary: if known, what does not fit.
fn merge_plain<'f>(
    pod: &OpenPod,
    modes: Modes,
    files: &[DescribedFile<'f>],
    saturate: bool,
    read: impl Fn(&DescribedFile<'f>, &mut Vec<u8>) -> io::Result<()> + Sync,
) -> Result<Counts, Option<MergeError>> {
    if !pod.is_ordinary() || modes.mode != pod.mode.0 {
        return Err(None);
    }
    let options = MergeOptions { check_hash: false, saturate };
    merge_files(&pod.tables, files, options, read).map_err(|(_, failure)| match failure {
        FileFailure::Merge(error) => Some(error),
        FileFailure::Io(_) | FileFailure::Read(_) => None,
    })
}

/// Reads a file of one segment.
fn read_ordinary(
    (file, line): &DescribedFile<'_>,
    describe: Option<&Describe<'_>>,
    buffer: &mut Vec<u8>,
) -> io::Result<()> {
    let refused = || io::Error::from(io::ErrorKind::Unsupported);
    open_regular(&file.path)?.read_to_end(buffer)?;
    if segments(buffer) != Some(1) {
        return Err(refused());
    }
    if let Some(describe) = describe {
        let parsed = CounterFile::parse(buffer).map_err(|_| refused())?;
        let args = parsed.segments().first().map(RunArgs::of_segment).unwrap_or_default();
        drop(line.set(describe(&file.path, &args)));
    }
    Ok(())
}

/// The number of segments in the footer of a counter file.
fn segments(file: &[u8]) -> Option<u32> {
    let footer = file.get(file.len().checked_sub(FOOTER_BYTES)?..)?;
    Some(u32::from_le_bytes(*footer.get(8..12)?.first_chunk()?))
}
