//! What was compared how often, printed and held to what it must be.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::arguments::{COMMANDS, Case, FLAGS, Form};
use crate::known_differences::KNOWN;
use crate::pool::Trait;
use crate::run::Outcome;
use crate::support::VERSIONS;
use crate::verdict::Verdict;

/// Least number of comparisons of each command with each version.
const COMMAND_FLOOR: usize = 50;
/// Least number of cases with each flag in each of its forms.
const FLAG_FLOOR: usize = 30;
/// Least number of cases in which the newest reference must fail by itself.
const FAILURE_FLOOR: usize = 300;
/// Least number of cases for everything that is special about inputs.
const TRAIT_FLOOR: usize = 5;

/// Counts of what was compared.
#[derive(Debug, Default)]
pub(crate) struct Distribution {
    cases: usize,
    comparisons: BTreeMap<(&'static str, &'static str), usize>,
    flags: BTreeMap<(&'static str, Form), usize>,
    traits: BTreeMap<Trait, usize>,
    exits: BTreeMap<Option<i32>, usize>,
    verdicts: BTreeMap<&'static str, usize>,
    breakdowns: BTreeMap<String, usize>,
    known: BTreeMap<usize, usize>,
    read_back: usize,
}

impl Distribution {
    /// Counts a case, once.
    pub(crate) fn count_case(&mut self, case: &Case, newest: &Outcome, read_back: bool) {
        self.cases += 1;
        for flag in &case.flags {
            *self.flags.entry(*flag).or_default() += 1;
        }
        for special in &case.traits {
            *self.traits.entry(*special).or_default() += 1;
        }
        *self.exits.entry(newest.exit).or_default() += 1;
        self.read_back += usize::from(read_back);
    }

    /// Counts a comparison of a case with one version.
    pub(crate) fn count(&mut self, case: &Case, version: &'static str, verdict: &Verdict) {
        *self.comparisons.entry((case.command().unwrap_or("(none)"), version)).or_default() += 1;
        let name = match verdict {
            Verdict::Same => "the same",
            Verdict::Known(index) => {
                *self.known.entry(*index).or_default() += 1;
                "a known difference to an older version"
            }
            Verdict::Better(breakdown, answer) => {
                *self.breakdowns.entry(format!("{breakdown} -> {answer}")).or_default() += 1;
                "the reference breaks down"
            }
            Verdict::KeepsInput => "the reference empties its own input",
            Verdict::Different(_) => "DIFFERENT",
        };
        *self.verdicts.entry(name).or_default() += 1;
    }

    /// The tables.
    pub(crate) fn print(&self) {
        let mut text = String::new();
        let total: usize = self.comparisons.values().sum();
        let _ =
            writeln!(text, "{} cases, {total} comparisons, {} results read back", self.cases, self.read_back);
        let _ =
            writeln!(text, "{:12} {}", "command", VERSIONS.map(|version| format!("{version:>8}")).join(" "));
        for command in COMMANDS.into_iter().chain(["(none)"]) {
            let counts = VERSIONS.map(|v| format!("{:8}", self.comparisons.get(&(command, v)).unwrap_or(&0)));
            let _ = writeln!(text, "{command:12} {}", counts.join(" "));
        }
        let _ = writeln!(text, "{:16} {:>8} {:>8} {:>8} {:>8}", "flag", "-f=x", "--f=x", "-f x", "--f x");
        for flag in FLAGS {
            let counts = Form::ALL.map(|form| format!("{:8}", self.flags.get(&(flag, form)).unwrap_or(&0)));
            let _ = writeln!(text, "-{flag:15} {}", counts.join(" "));
        }
        let _ = writeln!(text, "inputs with");
        for special in Trait::ALL {
            let _ = writeln!(
                text,
                "  {:24} {:6}",
                format!("{special:?}"),
                self.traits.get(&special).unwrap_or(&0)
            );
        }
        let _ = writeln!(text, "exit codes of the newest: {:?}", self.exits);
        for (verdict, count) in &self.verdicts {
            let _ = writeln!(text, "{count:6} {verdict}");
        }
        for (breakdown, count) in &self.breakdowns {
            let _ = writeln!(text, "{count:6}   {breakdown}");
        }
        for (known, count) in &self.known {
            let known = &KNOWN[*known];
            let _ = writeln!(text, "{count:6}   {}: {}", known.versions.join(", "), known.reason);
        }
        println!("{text}");
    }

    /// What is missing, a line each.
    pub(crate) fn shortfalls(&self) -> Vec<String> {
        let mut missing = Vec::new();
        for command in COMMANDS {
            for version in VERSIONS {
                let count = self.comparisons.get(&(command, version)).copied().unwrap_or(0);
                if count < COMMAND_FLOOR {
                    missing.push(format!("only {count} comparisons of {command} with Go {version}"));
                }
            }
        }
        for flag in FLAGS {
            for form in Form::ALL {
                let count = self.flags.get(&(flag, form)).copied().unwrap_or(0);
                if count < FLAG_FLOOR {
                    missing.push(format!("only {count} cases of -{flag} as {form:?}"));
                }
            }
        }
        for special in Trait::ALL {
            let count = self.traits.get(&special).copied().unwrap_or(0);
            if count < TRAIT_FLOOR {
                missing.push(format!("only {count} cases with {special:?}"));
            }
        }
        let failures: usize =
            self.exits.iter().filter(|(exit, _)| **exit != Some(0)).map(|(_, count)| count).sum();
        if failures < FAILURE_FLOOR {
            missing.push(format!("only {failures} cases that must fail"));
        }
        for (index, known) in KNOWN.iter().enumerate() {
            if !self.known.contains_key(&index) {
                missing.push(format!("a known difference does not occur any more: {}", known.reason));
            }
        }
        missing
    }
}
