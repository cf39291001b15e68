//! What is said while the run goes on, on standard error: a bar on a terminal, lines elsewhere, nothing if quiet.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use indicatif::{ProgressBar, ProgressStyle};

use crate::manifest::{ContainerRecord, State};

/// Shows how far the run is.
pub struct Progress {
    show: Show,
    started: Instant,
    bytes: Arc<AtomicU64>,
}

enum Show {
    Nothing,
    Lines,
    Bar(ProgressBar),
}

impl Progress {
    /// Begins with the number of containers to read.
    pub fn new(containers: usize, quiet: bool, bytes: Arc<AtomicU64>) -> Self {
        let show = if quiet {
            Show::Nothing
        } else if containers > 0 && std::io::stderr().is_terminal() {
            let bar = ProgressBar::new(containers as u64);
            if let Ok(style) = ProgressStyle::with_template("{pos}/{len} containers {bar:30} {msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(200));
            Show::Bar(bar)
        } else {
            Show::Lines
        };
        Self { show, started: Instant::now(), bytes }
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
                let bytes = self.bytes.load(Ordering::Relaxed);
                let seconds = self.started.elapsed().as_secs_f64().max(0.001);
                // Precision is of no concern in a rate that is shown with two digits.
                #[allow(
                    clippy::cast_possible_truncation,
                    clippy::cast_precision_loss,
                    clippy::cast_sign_loss
                )]
                let rate = (bytes as f64 / seconds) as u64;
                bar.set_message(format!("{} at {}/s", ByteSize(bytes), ByteSize(rate)));
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
