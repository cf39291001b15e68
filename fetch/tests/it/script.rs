//! The script under the shells and with the tars that images have; what it sends must be understood.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use covfetch::script::{Before, Sending};

use crate::common::{Site, base_name, recorded};
use crate::liar;

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(program)).find(|path| path.exists())
}

/// A program of the host, or `None` with a word that the test is skipped; in CI that is a failure.
pub(crate) fn wanted(program: &str) -> Option<PathBuf> {
    let found = find(program);
    if found.is_none() {
        let required = std::env::var_os("COVDATA_REQUIRE_ORACLES").is_some_and(|value| value == "1");
        assert!(!required, "{program} is required here");
        println!("skipped: no {program}");
    }
    found
}

/// A directory of programs for a shell; of busybox, if it is one of those.
pub(crate) fn programs(shell: &str, names: &[&str]) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let own = shell == "busybox";
    for name in names.iter().chain(if own { &["sh"][..] } else { &[] }) {
        symlink(find(if own { shell } else { name }).unwrap(), home.path().join(name)).unwrap();
    }
    home
}

/// Runs the script on a directory with four files and feeds what it sends to the program.
fn check(shell: &[&Path], path: &Path, environment: &[(&str, &str)]) {
    let site = Site::new();
    let volume = site.volume("web-0");
    recorded(3).copy_to(&volume);
    std::fs::write(volume.join("tmp.covmeta.x"), b"").unwrap();
    let script = covfetch::script::command("volumes/web-0", Before::Nothing, Sending::default());
    let output = Command::new(shell[0])
        .args(&shell[1..])
        .args(&script[1..])
        .current_dir(site.home.path())
        .env("PATH", path)
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{shell:?} {environment:?}: {output:?}");
    assert!(output.stdout.starts_with(b"covfetch 1\nfile covmeta."), "{shell:?}");
    let plain = !std::env::split_paths(path).any(|directory| directory.join("tar").exists());
    assert_eq!(output.stdout.ends_with(b"end\n"), plain, "{shell:?}");
    let (result, files) = liar::capture(output.stdout, false);
    result.unwrap_or_else(|failure| panic!("{shell:?} {environment:?}: {failure}"));
    assert_eq!(files.len(), 3);
}

#[test]
fn dash_and_bash_serve() {
    for shell in ["dash", "bash"] {
        let Some(shell) = wanted(shell) else { continue };
        check(&[&shell], Path::new("/usr/bin:/bin"), &[]);
    }
}

/// Busybox as an image has it: every program is busybox.
#[test]
fn busybox_serves() {
    let Some(busybox) = wanted("busybox") else { return };
    let home = tempfile::tempdir().unwrap();
    for applet in ["sh", "tar", "dd", "date", "sleep", "kill"] {
        symlink(&busybox, home.path().join(applet)).unwrap();
    }
    check(&[&home.path().join("sh")], home.path(), &[]);
}

/// Its shell finds its own tar wherever it is, so that another shell is needed to miss it.
#[test]
fn busybox_serves_without_tar() {
    let (Some(shell), Some(busybox)) = (wanted("dash"), wanted("busybox")) else { return };
    let home = tempfile::tempdir().unwrap();
    for applet in ["cat", "wc", "dd", "date", "sleep"] {
        symlink(&busybox, home.path().join(applet)).unwrap();
    }
    check(&[&shell], home.path(), &[]);
}

/// Coreutils without tar, as the minimal images of Fedora and Amazon Linux have them.
#[test]
fn dash_and_bash_serve_without_tar() {
    for shell in ["dash", "bash"] {
        let Some(shell) = wanted(shell) else { continue };
        let home = tempfile::tempdir().unwrap();
        for program in ["cat", "wc", "dd", "date", "sleep"] {
            symlink(find(program).unwrap(), home.path().join(program)).unwrap();
        }
        check(&[&shell], home.path(), &[]);
        check(&[&shell], home.path(), &[("LC_ALL", "C.UTF-8"), ("POSIXLY_CORRECT", "1")]);
    }
}

/// A digest instead of the meta file.
#[test]
fn a_large_meta_file_is_kept_back() {
    let site = Site::new();
    let volume = site.volume("web-0");
    recorded(3).copy_to(&volume);
    let meta = std::fs::read(&recorded(3).meta).unwrap();
    let (name, length) = (base_name(&recorded(3).meta), meta.len() as u64);
    let kept = format!("kept {} {name}\n", covfetch::store::hex_digest(&meta));
    let home = tempfile::tempdir().unwrap();
    for shell in ["dash", "bash", "busybox"] {
        let Some(shell) = wanted(shell) else { continue };
        let busybox = shell.ends_with("busybox");
        for applet in ["sh", "tar", "wc", "sha256sum"].iter().filter(|_| busybox) {
            symlink(&shell, home.path().join(applet)).unwrap();
        }
        let (shell, path) =
            if busybox { (home.path().join("sh"), home.path()) } else { (shell, Path::new("/usr/bin:/bin")) };
        for (large, is_kept) in
            [(Some(length), true), (Some(1), true), (Some(length + 1), false), (None, false)]
        {
            let script = covfetch::script::command(
                "volumes/web-0",
                Before::Nothing,
                Sending { large, ..Sending::default() },
            );
            let mut command = Command::new(&shell);
            command.args(&script[1..]).current_dir(site.home.path()).env("PATH", path);
            let output = command.output().unwrap();
            assert!(output.status.success() && output.stderr.is_empty(), "{shell:?}: {output:?}");
            let text = String::from_utf8_lossy(&output.stdout);
            assert_eq!(text.contains(&kept), is_kept, "{shell:?} {large:?}");
            assert_eq!(text.contains(&format!("file {name}\n")), !is_kept);
            assert_eq!(text.matches(&format!("./{name}")).count(), usize::from(!is_kept));
            assert_eq!(text.matches("./covcounters.").count(), 2);
        }
    }
}

/// What is older than the mark is told by its sum, in batches, and counted: the count is how a sum that is lost shows.
#[test]
fn old_files_are_told_by_their_sums_and_counted() {
    const OLD: u64 = 700;
    let site = Site::new();
    let volume = site.volume("web-0");
    let recorded = recorded(0);
    let meta = base_name(&recorded.meta);
    std::fs::copy(&recorded.meta, volume.join(&meta)).unwrap();
    let counters = |time: u64| format!("covcounters.{}.1.{time}", meta.replace("covmeta.", ""));
    for time in (1000..1000 + OLD).chain([1_700_000_000_000_000_000, 1_700_000_000_000_000_001]) {
        std::fs::write(volume.join(counters(time)), time.to_string()).unwrap();
    }
    let home = tempfile::tempdir().unwrap();
    for shell in ["dash", "bash", "busybox"] {
        let Some(shell) = wanted(shell) else { continue };
        let busybox = shell.ends_with("busybox");
        for applet in ["sh", "tar", "wc", "sha256sum"].iter().filter(|_| busybox) {
            symlink(&shell, home.path().join(applet)).unwrap();
        }
        let (shell, path) =
            if busybox { (home.path().join("sh"), home.path()) } else { (shell, Path::new("/usr/bin:/bin")) };
        for (mark, old) in [(Some(999 + OLD), OLD + 1), (Some(1004), 6), (Some(0), 1), (None, 0)] {
            let script = covfetch::script::command(
                "volumes/web-0",
                Before::Nothing,
                Sending { mark, ..Sending::default() },
            );
            let mut command = Command::new(&shell);
            command.args(&script[1..]).current_dir(site.home.path()).env("PATH", path);
            let output = command.output().unwrap();
            assert!(output.status.success() && output.stderr.is_empty(), "{shell:?}: {output:?}");
            let text = String::from_utf8_lossy(&output.stdout);
            let count = |word: &str| text.lines().filter(|line| line.starts_with(word)).count() as u64;
            assert_eq!((count("kept "), count("file ")), (old, OLD + 3 - old), "{shell:?} {mark:?}");
            let told: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("old ")).collect();
            let expected: Vec<String> = Some(old).filter(|old| *old > 0).iter().map(u64::to_string).collect();
            assert_eq!(told, expected, "{shell:?} {mark:?}");
            if old > 5 {
                let sum = covfetch::store::hex_digest(b"1004");
                assert!(text.contains(&format!("kept {sum} {}\n", counters(1004))), "{shell:?}");
            }
        }
    }
}

/// A process is found by its name, which the kernel cuts after 15 bytes; and one that is not the only one is not.
#[cfg(target_os = "linux")]
#[test]
fn processes_are_found_by_name() {
    let site = Site::new();
    recorded(3).copy_to(&site.volume("web-0"));
    let sleep = find("sleep").unwrap();
    let name = format!("covfetch-{}-long-name", std::process::id() % 100);
    let program = site.home.path().join(&name);
    std::fs::copy(sleep, &program).unwrap();
    let start = || Command::new(&program).arg("60").spawn().unwrap();
    let look = |shell: &Path, process: &str| {
        let url = covfetch::flush::FlushRequest {
            method: covfetch::flush::Method::Signal(
                covfetch::flush::Signal::Winch,
                covfetch::flush::Process::Name(process.parse().unwrap()),
            ),
            timeout: std::time::Duration::from_secs(1),
        };
        let script = covfetch::script::command("volumes/web-0", Before::Flush(&url), Sending::default());
        let output = Command::new(shell).args(&script[1..]).current_dir(site.home.path()).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    for shell in ["dash", "bash"] {
        let Some(shell) = wanted(shell) else { continue };
        let mut first = start();
        let found = look(&shell, &name);
        let absent = look(&shell, "covfetch-no-such");
        let mut second = start();
        let several = look(&shell, &name);
        for child in [&mut first, &mut second] {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        assert!(found.contains(&format!("\nprocess {}\n", first.id())), "{shell:?}: {found}");
        assert!(absent.ends_with("stop no-process\n"), "{shell:?}: {absent}");
        assert!(several.ends_with("stop several\n"), "{shell:?}: {several}");
        assert!(several.contains(&second.id().to_string()), "{shell:?}: {several}");
    }
}

#[test]
fn every_format_of_gnu_tar_is_understood() {
    let Some(shell) = wanted("dash") else { return };
    for format in ["gnu", "oldgnu", "posix", "ustar", "v7"] {
        check(&[&shell], Path::new("/usr/bin:/bin"), &[("TAR_OPTIONS", &format!("--format={format}"))]);
    }
}

#[test]
fn the_tar_of_bsd_is_understood() {
    let (Some(shell), Some(tar)) = (wanted("dash"), wanted("bsdtar")) else { return };
    let home = tempfile::tempdir().unwrap();
    symlink(tar, home.path().join("tar")).unwrap();
    check(&[&shell], home.path(), &[]);
}

/// An environment that would bend a careless script.
#[test]
fn the_environment_does_not_matter() {
    let Some(shell) = wanted("dash") else { return };
    let path = Path::new("/usr/bin:/bin");
    for (name, value) in [("IFS", "c./"), ("CDPATH", "/"), ("LC_ALL", "tr_TR.UTF-8"), ("ENV", "/dev/null")] {
        check(&[&shell], path, &[(name, value)]);
    }
}
