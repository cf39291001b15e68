//! Builds the real programs and runs them as a user would, showing each command line.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// The programs' build directory.
#[derive(Debug)]
pub(crate) struct Programs {
    directory: PathBuf,
}

impl Programs {
    /// Builds `covfetch` and `covreport` with the profile that this program was built with.
    pub(crate) fn build() -> Result<Self> {
        let own = std::env::current_exe().context("cannot tell where this program stands")?;
        let directory = own.parent().context("this program stands in no directory")?.to_path_buf();
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.args(["build", "--package", "covfetch", "--package", "covreport", "--bins"]);
        build.arg("--manifest-path").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"));
        if directory.file_name() == Some(OsStr::new("release")) {
            build.arg("--release");
        }
        if let Some(target) = directory.parent() {
            build.arg("--target-dir").arg(target);
        }
        let status = build.status().context("cannot run cargo")?;
        if !status.success() {
            bail!("cargo could not build covfetch and covreport: {status}");
        }
        Ok(Self { directory })
    }

    /// Cargo's target directory.
    pub(crate) fn target(&self) -> &Path {
        self.directory.parent().unwrap_or(&self.directory)
    }

    /// Shows a command line and runs it with its output where ours goes; gives its exit code.
    pub(crate) fn run(
        &self,
        program: &str,
        environment: &[(&str, &Path)],
        arguments: &[&dyn AsRef<OsStr>],
    ) -> Result<u8> {
        let mut command = Command::new(self.directory.join(program));
        command.envs(environment.iter().copied()).args(arguments);
        let variables = environment.iter().map(|(name, value)| format!("{name}={}", shown(value)));
        let words = arguments.iter().map(|argument| shown(Path::new(argument.as_ref())));
        let line: Vec<String> =
            ["$".into()].into_iter().chain(variables).chain([program.into()]).chain(words).collect();
        println!("{}", line.join(" "));
        let status = command.status().with_context(|| format!("cannot run {program}"))?;
        match status.code() {
            Some(code) => Ok(u8::try_from(code).unwrap_or(u8::MAX)),
            None => bail!("{program} was killed: {status}"),
        }
    }
}

/// A path as one would type it: relative to the working directory where it lies below.
pub(crate) fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path).display().to_string()
}
