//! Merging in the order of files, for those who must know how often a sum stopped at 2^32-1.
//!
//! Threads decode files side by side, and each waits for its turn to add what it decoded: adding is the smaller part by far.
//! Only plain files are merged here, those of one segment that the quick way reads to its end.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use super::args::RunArgs;
use super::counters::Counts;
use super::quick::{Receiver, read_segment};
use super::slots::{Slot, Slots};
use crate::meta::MetaTables;
use crate::mode::CounterMode;
use crate::read::CounterFile;

/// Counts, and how often adding to them went too far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderedCounts {
    /// The counts.
    pub counts: Counts,
    /// For how many functions of files a sum stopped at 2^32-1: each function once for each file.
    pub overflows: u64,
}

/// Merges counter files of one build in their order, decoding them in parallel on rayon's current thread pool.
///
/// `read` puts the bytes of a file into the buffer it is given, which is empty and reused; `None` if it cannot. The result
/// is `None` if a file cannot be read or is not plain: of one segment, well-formed, and of functions of these tables only.
/// Whether a file carries the hash of the meta file is not looked at. The result does not depend on the number of threads.
/// Memory: one set of counts, and one decoded file per thread.
pub fn merge_in_order<F: Sync>(
    tables: &MetaTables,
    files: &[F],
    read: impl Fn(&F, &mut Vec<u8>) -> Option<()> + Sync,
) -> Option<OrderedCounts> {
    let slots = Slots::new(tables);
    let workers = rayon::current_num_threads().clamp(1, files.len().max(1));
    let next = AtomicUsize::new(0);
    let refused = AtomicBool::new(false);
    let sums = Mutex::new((0, OrderedCounts { counts: Counts::new(tables), overflows: 0 }));
    let turn = Condvar::new();
    // Whoever waits does so for a thread that has an earlier file in hand already, so that there is always one at work.
    rayon::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|_| {
                let (mut bytes, mut decoded) = (Vec::new(), Decoded::default());
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(file) = files.get(index).filter(|_| !refused.load(Ordering::Relaxed)) else {
                        return;
                    };
                    bytes.clear();
                    let plain = read(file, &mut bytes).and_then(|()| decoded.fill(&slots, &bytes));
                    let sums = sums.lock().unwrap_or_else(PoisonError::into_inner);
                    let waits = |(turn, _): &mut (usize, OrderedCounts)| {
                        *turn != index && !refused.load(Ordering::Relaxed)
                    };
                    let mut sums = turn.wait_while(sums, waits).unwrap_or_else(PoisonError::into_inner);
                    match plain {
                        Some(args) if !refused.load(Ordering::Relaxed) => {
                            decoded.add_to(tables.mode(), args, &mut sums.1);
                        }
                        _ => refused.store(true, Ordering::Relaxed),
                    }
                    sums.0 += 1;
                    turn.notify_all();
                }
            });
        }
    });
    let (_, sums) = sums.into_inner().unwrap_or_else(PoisonError::into_inner);
    (!refused.into_inner()).then_some(sums)
}

/// The counters of a file.
#[derive(Debug, Default)]
struct Decoded {
    functions: Vec<Slot>,
    /// The counters of one function after the other.
    counters: Vec<u32>,
}

impl Decoded {
    /// Decodes a plain file and gives the args of its run.
    fn fill(&mut self, slots: &Slots, bytes: &[u8]) -> Option<RunArgs> {
        self.functions.clear();
        self.counters.clear();
        let file = CounterFile::parse(bytes).ok()?;
        let [segment] = file.segments() else { return None };
        read_segment(slots, self, segment.uleb128_bytes()?, segment.function_count()).ok()?;
        Some(RunArgs::of_segment(segment))
    }

    fn add_to(&self, mode: CounterMode, args: RunArgs, sums: &mut OrderedCounts) {
        sums.counts.add_args(args);
        sums.overflows += sums.counts.add_functions(mode, &self.functions, &self.counters);
    }
}

impl Receiver for Decoded {
    fn take(&mut self, slot: Slot, values: &[u32]) {
        self.functions.push(slot);
        self.counters.extend_from_slice(values.get(..slot.end - slot.start).unwrap_or_default());
    }

    fn take_part(&mut self, slot: Slot, at: usize, counters: &[u32]) {
        if at == slot.start {
            self.functions.push(slot);
        }
        self.counters.extend_from_slice(counters);
    }
}
