//! `merge`: the counters of all runs of a build in one file. `cmd/covdata/merge.go`.

use std::io::Write;

use covfmt::merge::RunArgs;
use covfmt::pod::{CounterRef, GoPod};

use super::Stop;
use super::directories::go_pods;
use super::meta_merge::MetaMerge;
use super::options::Options;
use super::pod::{CounterVisitor, OpenPod, PodReader};
use super::sums::{FoundSums, Modes, PodSums, merge_ordinary};

pub(super) fn run(options: &Options, _out: &mut dyn Write, messages: &mut dyn Write) -> Result<(), Stop> {
    let pods = go_pods(&options.directories).map_err(Stop::Fatal)?;
    if pods.is_empty() {
        options.warn("no applicable files found in input directories", messages)?;
    }
    let mut reader = PodReader::new(options);
    let mut merge = MetaMerge::new(options);
    for pod in &pods {
        let Some(open) = reader.open(pod, messages)? else { continue };
        merge.begin_pod(&open, messages)?;
        let sums = read_counters(&reader, &mut merge, pod, &open, options, messages)?;
        if let PodSums::Ordinary(counts) = &sums
            && merge.copy_pod(&open, counts, messages)?
        {
            continue;
        }
        merge.add_packages(&open, &sums, messages)?;
        if reader.finish(&open, messages)? && !options.pcombine {
            merge.end_pod(&open, messages)?;
        }
    }
    if options.pcombine { merge.write_combined(messages) } else { Ok(()) }
}

fn read_counters(
    reader: &PodReader<'_>,
    merge: &mut MetaMerge<'_>,
    pod: &GoPod,
    open: &OpenPod,
    options: &Options,
    messages: &mut dyn Write,
) -> Result<PodSums, Stop> {
    if let Some(counts) = merge_ordinary(open, merge.modes, &pod.counters, options, messages) {
        if let Some(args) = counts.args() {
            RunArgs::gather(&mut merge.args, args.clone());
        }
        return Ok(PodSums::Ordinary(counts));
    }
    let modes = merge.modes;
    let mut visitor = MergeVisitor { options, modes, args: &mut merge.args, sums: FoundSums::default() };
    reader.visit_counters(&pod.counters, &mut visitor, messages)?;
    Ok(PodSums::Found(visitor.sums))
}

struct MergeVisitor<'m> {
    options: &'m Options,
    modes: Modes,
    args: &'m mut Option<RunArgs>,
    sums: FoundSums,
}

impl CounterVisitor for MergeVisitor<'_> {
    fn begin_file(&mut self, _file: &CounterRef, args: &RunArgs) {
        RunArgs::gather(self.args, args.clone());
    }

    fn function(&mut self, key: (u32, u32), counters: &[u32], messages: &mut dyn Write) -> Result<(), Stop> {
        self.sums.merge(self.modes, key, counters, self.options, messages)
    }
}
