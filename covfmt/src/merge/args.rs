//! What the args of several runs have in common. `cmd/covdata/argsmerge.go`, `internal/coverage/cfile/emit.go`.

use std::collections::BTreeMap;

use bstr::{BStr, BString, ByteSlice as _};

use crate::read::Segment;

/// Command line and platform of a run, or of several runs as far as they agree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunArgs {
    /// The command line, the program first; empty if it is not known or the runs had different ones.
    pub argv: Vec<BString>,
    /// `GOOS`; empty if it is not known or differs.
    pub goos: BString,
    /// `GOARCH`; empty if it is not known or differs.
    pub goarch: BString,
}

impl RunArgs {
    /// The args of a segment.
    pub fn of_segment(segment: &Segment<'_>) -> Self {
        let own = |key| segment.arg(key).map(BStr::to_owned).unwrap_or_default();
        Self {
            argv: segment.argv().into_iter().map(BStr::to_owned).collect(),
            goos: own("GOOS"),
            goarch: own("GOARCH"),
        }
    }

    /// Leaves what another run has, too. The order of runs does not matter.
    pub fn intersect(&mut self, other: &Self) {
        if self.argv != other.argv {
            self.argv.clear();
        }
        if self.goos != other.goos {
            self.goos.clear();
        }
        if self.goarch != other.goarch {
            self.goarch.clear();
        }
    }

    /// Takes a further run into the sum of none or some.
    pub fn gather(sum: &mut Option<Self>, run: Self) {
        match sum {
            Some(sum) => sum.intersect(&run),
            None => *sum = Some(run),
        }
    }

    /// The entries of an args table that say so: what is not known has none.
    pub fn to_pairs(&self) -> BTreeMap<BString, BString> {
        let mut pairs = BTreeMap::new();
        if !self.argv.is_empty() {
            pairs.insert(BString::from("argc"), BString::from(self.argv.len().to_string()));
            let arguments = self.argv.iter().enumerate();
            pairs.extend(arguments.map(|(index, arg)| (BString::from(format!("argv{index}")), arg.clone())));
        }
        for (key, value) in [("GOOS", &self.goos), ("GOARCH", &self.goarch)] {
            if !value.is_empty() {
                pairs.insert(BString::from(key), value.as_bstr().to_owned());
            }
        }
        pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run() -> impl Strategy<Value = RunArgs> {
        let text = || prop::sample::select(vec!["", "a", "b"]).prop_map(BString::from);
        (prop::collection::vec(text(), 0..3), text(), text()).prop_map(|(argv, goos, goarch)| RunArgs {
            argv,
            goos,
            goarch,
        })
    }

    fn gather(runs: &[RunArgs]) -> Option<RunArgs> {
        let mut sum = None;
        for run in runs {
            RunArgs::gather(&mut sum, run.clone());
        }
        sum
    }

    proptest! {
        #[test]
        fn what_all_runs_share_stays_in_any_order(mut runs in prop::collection::vec(run(), 0..5)) {
            let sum = gather(&runs);
            prop_assert_eq!(sum.is_none(), runs.is_empty());
            if let Some(sum) = &sum {
                let first = &runs[0];
                let argv = if runs.iter().all(|r| r.argv == first.argv) { first.argv.clone() } else { vec![] };
                prop_assert_eq!(&sum.argv, &argv);
                let goos = if runs.iter().all(|r| r.goos == first.goos) { first.goos.clone() } else { "".into() };
                prop_assert_eq!(&sum.goos, &goos);
            }
            runs.reverse();
            prop_assert_eq!(gather(&runs), sum);
        }
    }

    #[test]
    fn the_table_is_ordered_as_strings_are() {
        let run = RunArgs {
            argv: (0..11).map(|n| BString::from(n.to_string())).collect(),
            goos: "linux".into(),
            goarch: "amd64".into(),
        };
        let pairs = run.to_pairs();
        let keys: Vec<String> = pairs.keys().map(ToString::to_string).collect();
        assert_eq!(keys[..6], ["GOARCH", "GOOS", "argc", "argv0", "argv1", "argv10"]);
        assert_eq!(pairs[BStr::new("argc")], "11");
        assert!(RunArgs::default().to_pairs().is_empty());
    }
}
