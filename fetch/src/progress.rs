//! What is said while the run goes on, on standard error: a bar on a terminal, lines elsewhere, nothing if quiet.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytesize::ByteSize;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::manifest::{ContainerRecord, State};
use crate::options::Options;

/// How often the bar is drawn.
const TICK: Duration = Duration::from_millis(200);

/// Shows how far the run is.
pub struct Progress {
    show: Show,
}

enum Show {
    Nothing,
    Lines,
    Bar(ProgressBar),
}

/// How progress is to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Not at all.
    Nothing,
    /// A line for each container that is done.
    Lines,
    /// A bar that is drawn over itself, with a line for each failure above it.
    Bar,
}

impl Manner {
    /// A bar needs a terminal that can go back, and standard error for itself.
    pub fn of(options: &Options) -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        match options.verbosity {
            _ if options.quiet => Self::Nothing,
            0 if std::io::stderr().is_terminal() && !dumb => Self::Bar,
            _ => Self::Lines,
        }
    }
}

impl Progress {
    /// Begins with the number of containers to read; `bytes` grows as they come.
    pub fn new(containers: usize, manner: Manner, bytes: Arc<AtomicU64>) -> Self {
        let show = match manner {
            Manner::Nothing => Show::Nothing,
            Manner::Bar if containers > 0 => {
                let bar = ProgressBar::new(containers as u64);
                if let Ok(style) = style(bytes) {
                    bar.set_style(style);
                }
                bar.enable_steady_tick(TICK);
                Show::Bar(bar)
            }
            Manner::Bar | Manner::Lines => Show::Lines,
        };
        Self { show }
    }

    /// A container is done.
    pub fn done(&self, record: &ContainerRecord) {
        match &self.show {
            Show::Nothing => {}
            Show::Lines => note(&line(record)),
            Show::Bar(bar) => {
                if record.state == State::Failed {
                    bar.suspend(|| note(&line(record)));
                }
                bar.inc(1);
            }
        }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        if let Show::Bar(bar) = &self.show {
            bar.finish_and_clear();
        }
    }
}

/// The bar: containers, bytes so far, bytes in a second on average.
fn style(bytes: Arc<AtomicU64>) -> Result<ProgressStyle, indicatif::style::TemplateError> {
    let came = Arc::clone(&bytes);
    let came = move |_: &ProgressState, out: &mut dyn std::fmt::Write| {
        let _ = write!(out, "{}", ByteSize(came.load(Ordering::Relaxed)));
    };
    let rate = move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        let milliseconds = u64::try_from(state.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        let rate = bytes.load(Ordering::Relaxed).saturating_mul(1_000) / milliseconds;
        let _ = write!(out, "{}/s", ByteSize(rate));
    };
    let style = ProgressStyle::with_template("{pos}/{len} containers {bar:30} {came} at {rate}")?;
    Ok(style.with_key("came", came).with_key("rate", rate))
}

fn line(record: &ContainerRecord) -> String {
    let name = record.full_name();
    match (&record.failure, record.state) {
        (Some(failure), _) => format!("failed  {name}: {failure}"),
        (None, State::Listed) => format!("listed  {name}: {}", record.note.as_deref().unwrap_or_default()),
        (None, _) => {
            let bytes: u64 = record.files.iter().map(|file| file.size).sum();
            let files = record.files.len();
            format!(
                "fetched {name}: {files} {}, {}",
                if files == 1 { "file" } else { "files" },
                ByteSize(bytes)
            )
        }
    }
}

/// Writes a line to standard error. If nobody reads it, so be it.
pub fn note(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}
