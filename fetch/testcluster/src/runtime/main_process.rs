//! What a container's first process is started as: a shell script that says it is ready, and its arguments.

use std::path::Path;
use std::time::Duration;

use super::programs::{find_on_host, with_host_path};
use super::scripts;
use crate::container::{Container, Main, OnSignal, Replay};
use crate::error::Error;

/// The command line of a container's first process, which makes the file `ready` when it is up.
pub(super) fn main_command(label: &str, spec: &Container, ready: &Path) -> Result<Vec<String>, Error> {
    let shell = find_on_host("sh")
        .ok_or_else(|| Error::ProgramNotFound { container: label.into(), program: "sh".into() })?;
    let ready = ready.display().to_string();
    let mut argv = vec![shell.display().to_string(), "-c".into()];
    match &spec.main {
        Main::Idle | Main::Exited(_) => {
            argv.extend([with_host_path(scripts::IDLE), "idle".into(), ready]);
        }
        Main::Program(program) => {
            let name = program.first().map_or("", String::as_str);
            let path = find_on_host(name)
                .ok_or_else(|| Error::ProgramNotFound { container: label.into(), program: name.into() })?;
            argv.extend([scripts::PROGRAM.into(), "program".into(), ready, path.display().to_string()]);
            argv.extend(program.iter().skip(1).cloned());
        }
        Main::Replay(replay) => {
            argv.extend([with_host_path(scripts::REPLAY), "replay".into(), ready]);
            argv.extend(replay_arguments(label, spec, replay)?);
        }
    }
    Ok(argv)
}

fn replay_arguments(label: &str, spec: &Container, replay: &Replay) -> Result<Vec<String>, Error> {
    let dir = spec.env_value("GOCOVERDIR").unwrap_or_default();
    if dir.is_empty() && (replay.meta.is_some() || !replay.counters.is_empty()) {
        return Err(Error::NoCoverDir(label.into()));
    }
    let recorded = |path: &Path, kind: &'static str, prefix: &str| {
        let absolute = std::path::absolute(path).map_err(Error::io(format!("resolve {}", path.display())))?;
        std::fs::metadata(&absolute).map_err(Error::io(format!("look at {}", path.display())))?;
        let named = absolute.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix));
        if named {
            Ok(absolute.display().to_string())
        } else {
            Err(Error::RecordedName { path: path.to_path_buf(), kind })
        }
    };
    let on_signal = match replay.on_signal {
        OnSignal::Flush => "flush",
        OnSignal::Ignore => "ignore",
        OnSignal::Die => "die",
    };
    let seconds = |duration: Duration| {
        if duration.is_zero() { "0".into() } else { format!("{:.3}", duration.as_secs_f64()) }
    };
    let meta = replay.meta.as_deref().map(|path| recorded(path, "meta", "covmeta.")).transpose()?;
    let mut arguments = vec![
        dir.to_owned(),
        on_signal.into(),
        if replay.flush_at_end { "flush" } else { "end" }.into(),
        seconds(replay.delay),
        seconds(replay.write_time),
        meta.unwrap_or_default(),
    ];
    for path in &replay.counters {
        arguments.push(recorded(path, "counter", "covcounters.")?);
    }
    Ok(arguments)
}
