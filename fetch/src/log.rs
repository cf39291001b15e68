//! What `-v` shows on standard error: what this program does, step by step, and with `-vvv` what its library for the cluster
//! does. One escaped line each, whatever a pod or an API server has put into it.

use std::io::{self, Write};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::time::uptime;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::escape::one_line_bytes;

/// Shows events from now on: with 1 the steps, with 2 their details, with 3 those of the library, too.
pub fn show(verbosity: u8) {
    let (own, library) = match verbosity {
        0 => return,
        1 => (LevelFilter::INFO, LevelFilter::OFF),
        2 => (LevelFilter::DEBUG, LevelFilter::OFF),
        _ => (LevelFilter::TRACE, LevelFilter::DEBUG),
    };
    let shown = Targets::new().with_target("covfetch", own).with_target("kube_client", library);
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_target(verbosity > 2)
        .with_timer(uptime())
        .with_writer(Lines);
    // Whoever has set up another subscriber before, as a program around this library may, keeps it.
    let _ = tracing_subscriber::registry().with(shown).with(lines).try_init();
}

/// A command for the log: the script of a shell is always the same, and long.
pub(crate) fn command(words: &[String]) -> String {
    const SHOWN: usize = 8;
    let shown = words.iter().map(|word| if word.contains('\n') { "(script)" } else { word.as_str() });
    let more = if words.len() > SHOWN { " ..." } else { "" };
    format!("{}{more}", shown.take(SHOWN).collect::<Vec<_>>().join(" "))
}

/// Standard error, for whole events.
struct Lines;

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<io::Stderr>;

    fn make_writer(&'a self) -> Self::Writer {
        Line(io::stderr())
    }
}

/// Makes a line of each write.
struct Line<W>(W);

impl<W: Write> Write for Line<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = one_line_bytes(event.trim_ascii_end());
        // If nobody reads it, so be it.
        let _ = self.0.write_all(format!("{text}\n").as_bytes());
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_without_control_bytes() {
        let mut written = Vec::new();
        Line(&mut written).write_all(b"INFO said: \x1b[2J\nerror: fake\xff\n").unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), "INFO said: \\u{1b}[2J error: fake\u{fffd}\n");
    }
}
