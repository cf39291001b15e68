//! Files that are sent through gzip: with every shell that has it, from a container that lies, over lines that break.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use benches::{Corpus, Size};
use covfetch::capture::{Captured, Collector};
use covfetch::error::{Failure, Kind};
use covfetch::names::ContainerName;
use covfetch::script::{Before, Sending};
use covfetch::store::Store;
use covfetch::unpack::Limits;
use covfmt::mode::CounterMode;
use flate2::Compression;
use flate2::read::GzEncoder;
use tar::EntryType;
use testcluster::{Cluster, Container, Fault, Times};

use crate::common::{Ran, Site, USUAL, base_name, cluster, pod, recorded};
use crate::liar::{Liar, append, collector, honest, honest_without_tar};
use crate::script::{programs, wanted};

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    GzEncoder::new(bytes, Compression::fast()).read_to_end(&mut out).unwrap();
    out
}

/// What became of a container that was asked for gzip and sent these bytes, and the files in the store then.
fn capture(sends: Vec<u8>, endless: bool) -> (Result<(), Failure>, Vec<String>) {
    let root = tempfile::tempdir().unwrap();
    let liar = Arc::new(Liar::sending(sends, endless));
    let collector = collector(liar, Store::open(root.path()).unwrap());
    let limits = Limits { files: 1000, ..collector.limits };
    let collector = Collector { gzip: true, limits, ..collector };
    let name = ContainerName::new("shop", "web-0", "app").unwrap();
    let mut captured = Captured::default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let result = runtime.block_on(collector.capture(&name, "/cov", &mut captured));
    if let Err(failure) = &result {
        assert!(!failure.message.contains(char::is_control), "{failure:?}");
    }
    let directory = root.path().join("shop/web-0/app");
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    let mut files: Vec<String> = entries.map(|entry| base_name(&entry.unwrap().path())).collect();
    files.sort();
    (result, files)
}

/// The lines of an honest container, and behind them what it sends, apart.
fn parts(whole: &[u8], word: &str) -> (Vec<u8>, Vec<u8>) {
    let line = format!("\n{word}\n");
    let at = whole.windows(line.len()).position(|window| window == line.as_bytes()).unwrap();
    let text = [&whole[..at], format!("\n{word} gzip\n").as_bytes()].concat();
    (text, whole[at + line.len()..].to_vec())
}

#[test]
fn an_honest_container_is_believed_and_a_cut_at_any_byte_is_none() {
    for (whole, word) in [(honest(|_| ()), "archive"), (honest_without_tar(), "plain")] {
        let (text, files) = parts(&whole, word);
        let sent = [text.clone(), zipped(&files)].concat();
        let (result, stored) = capture(sent.clone(), false);
        result.unwrap();
        assert_eq!(stored.len(), 2);
        for end in (text.len()..sent.len()).step_by(37).chain(sent.len() - 9..sent.len()) {
            let failure = capture(sent[..end].to_vec(), false).0.expect_err(&format!("cut at byte {end}"));
            assert_eq!(failure.kind, Kind::Truncated, "cut at byte {end}: {failure}");
        }
        // The stream is whole, and what is in it is not.
        let short = [text.clone(), zipped(&files[..files.len() - 600])].concat();
        assert_eq!(capture(short, false).0.unwrap_err().kind, Kind::Truncated);
    }
}

/// What gzip's own sum calls wrong gets no name in the store, though each of its files parses.
#[test]
fn of_a_damaged_stream_nothing_is_stored() {
    let (text, files) = parts(&honest(|_| ()), "archive");
    let whole = zipped(&files);
    for at in (0..whole.len()).step_by(41).chain(whole.len() - 8..whole.len()) {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        let (result, stored) = capture([&text[..], &changed].concat(), false);
        match result {
            // A time in the header, or a bit of a code that nothing uses.
            Ok(()) => {
                let mut out = Vec::new();
                flate2::read::GzDecoder::new(&changed[..]).read_to_end(&mut out).unwrap();
                assert!(out == files, "byte {at}");
            }
            Err(failure) if failure.kind == Kind::Truncated => {}
            Err(failure) => assert!(
                failure.kind == Kind::Rejected && stored.is_empty(),
                "byte {at}: {failure} {stored:?}"
            ),
        }
    }
    for behind in [&b"\0"[..], b"covfetch 1\n", &[0; 1024]] {
        assert!(capture([&text[..], &whole, behind].concat(), false).0.is_err(), "{behind:?}");
    }
}

/// Nor are the first of many files, which would have had their names long before without gzip.
#[test]
fn of_a_damaged_stream_with_many_files_nothing_is_stored() {
    let files = recorded(0);
    let counters = std::fs::read(&files.counters[0]).unwrap();
    let sends = honest(|builder| {
        let hash = base_name(&files.meta).replace("covmeta.", "");
        for time in 0..600 {
            let name = format!("./covcounters.{hash}.1.{time}");
            append(builder, name.as_bytes(), EntryType::Regular, "", &counters);
        }
    });
    let (text, files) = parts(&sends, "archive");
    let mut whole = zipped(&files);
    assert_eq!(capture([&text[..], &whole].concat(), false).1.len(), 602);
    let sum = whole.len() - 5;
    whole[sum] ^= 1;
    let (result, stored) = capture([&text[..], &whole].concat(), false);
    assert_eq!((result.unwrap_err().kind, stored.len()), (Kind::Rejected, 0));
}

#[test]
fn gzip_that_nobody_asked_for_is_refused() {
    let (text, files) = parts(&honest(|_| ()), "archive");
    let (result, stored) = crate::liar::capture([text, zipped(&files)].concat(), false);
    assert_eq!((result.unwrap_err().kind, stored.len()), (Kind::Rejected, 0));
}

#[test]
fn a_container_that_lies_about_gzip_is_cut_off() {
    let (text, files) = parts(&honest(|_| ()), "archive");
    let plain = [&text[..], &files].concat();
    assert_eq!(capture(plain, false).0.unwrap_err().kind, Kind::Rejected, "no gzip behind its line");
    let inside_out = [&honest(|_| ())[..text.len() - " gzip".len()], &zipped(&files)].concat();
    assert!(capture(inside_out, false).0.is_err(), "gzip behind another line");
    for line in ["archive bzip2", "plain gzip gzip", "gzip"] {
        let sends = format!("covfetch 1\nodd 0\n{line}\n").into_bytes();
        assert_eq!(capture(sends, false).0.unwrap_err().kind, Kind::Rejected, "{line}");
    }
    // A thousand times as much as it looks like: files, padding, text of wc.
    let (plain, _) = parts(&honest_without_tar(), "plain");
    for (lines, content) in [
        (&text, vec![0; 16 << 20]),
        (&text, [files.clone(), vec![0; 16 << 20]].concat()),
        (&plain, vec![b'1'; 16 << 20]),
        (&plain, b"1 total\n".repeat(2 << 20)),
    ] {
        let failure = capture([&lines[..], &zipped(&content)].concat(), false).0.unwrap_err();
        assert!(matches!(failure.kind, Kind::Limit | Kind::Rejected), "{failure}");
    }
    // What goes on behind it for ever.
    let endless = capture([&text[..], &zipped(&files)].concat(), true).0.unwrap_err();
    assert!(matches!(endless.kind, Kind::Limit | Kind::Rejected), "{endless}");
}

/// The script in a shell, with programs that it finds under `path`; asserts that it says `line`, and gives its exit code.
fn run(shell: &Path, path: &Path, line: &str) -> i32 {
    let site = Site::new();
    recorded(3).copy_to(&site.volume("web-0"));
    let sending = Sending { gzip: true, ..Sending::default() };
    let script = covfetch::script::command("volumes/web-0", Before::Nothing, sending);
    let mut command = Command::new(shell);
    // What users of gzip have set does not matter.
    command.args(&script[1..]).current_dir(site.home.path()).env("PATH", path).env("GZIP", "--best -v");
    let (shell, output) = (shell.display(), command.output().unwrap());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains(line), "{shell}: no {line:?} in {output:?}");
    let code = output.status.code().unwrap();
    if code == 0 {
        assert!(output.stderr.is_empty(), "{shell}: {output:?}");
        let (result, files) = capture(output.stdout, false);
        result.unwrap_or_else(|failure| panic!("{shell} {line}: {failure}"));
        assert_eq!(files.len(), 3);
    }
    code
}

/// Every shell, tar and gzip that images have; and the status is the one of who failed.
#[test]
fn dash_bash_and_busybox_send_through_gzip() {
    for shell in ["dash", "bash", "busybox"] {
        let Some(found) = wanted(shell) else { continue };
        for (names, line, code) in [
            (&["tar", "gzip"][..], "\narchive gzip\n", 0),
            (&["cat", "wc", "gzip"], "\nplain gzip\n", 0),
            (&["tar"], "\nno-gzip\n", 0),
        ] {
            // Its shell finds its own programs wherever they are.
            if shell == "busybox" && names != ["tar", "gzip"] {
                continue;
            }
            let home = programs(shell, names);
            assert_eq!(run(&found_in(&home, shell, &found), home.path(), line), code);
        }
        if shell == "busybox" {
            continue;
        }
        for (broken, code) in [("tar", 1), ("gzip", 3)] {
            let home = programs(shell, &["tar", "gzip"]);
            let own = home.path().join(broken);
            std::fs::remove_file(&own).unwrap();
            let real = wanted(broken).unwrap();
            std::fs::write(&own, format!("#!/bin/sh\n{} \"$@\"\nexit {code}\n", real.display())).unwrap();
            std::fs::set_permissions(&own, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
            assert_eq!(run(&found, home.path(), "\narchive gzip\n"), code, "{shell} {broken}");
        }
    }
}

fn found_in(home: &tempfile::TempDir, shell: &str, found: &Path) -> PathBuf {
    if shell == "busybox" { home.path().join("sh") } else { found.to_owned() }
}

/// Pods of one program, the `n`-th with the `n`-th programs.
fn pods(site: &Site, corpus: &Corpus, images: &[&[&str]]) -> Cluster {
    let pods = images.iter().enumerate().map(|(index, programs)| {
        let volume = site.volume(&format!("web-{index}"));
        std::fs::write(volume.join(format!("covmeta.{}", corpus.hash)), &corpus.meta).unwrap();
        let name = format!("covcounters.{}.1.{}", corpus.hash, 1_700_000_000_000_000_000_u64 + index as u64);
        std::fs::write(volume.join(name), &corpus.counters[index]).unwrap();
        let container = Container::new("app").dir(&volume).env("GOCOVERDIR", &volume);
        pod(&format!("web-{index}"), container.programs(programs.iter().copied()))
    });
    let cluster = cluster().pods(pods).start().unwrap();
    site.admit(&cluster);
    cluster
}

/// Runs the program on an empty store and gives what it did, and the bytes from the server.
fn fetch(site: &Site, cluster: &Cluster, arguments: &[&str]) -> (Ran, u64) {
    let _ = std::fs::remove_dir_all(site.store());
    let before = cluster.traffic().sent;
    let ran = site.fetch(arguments).expect(0);
    site.check();
    (ran, cluster.traffic().sent - before)
}

const WITHOUT: &str = "containers have no gzip, or no shell to run it with, and sent their files as they are";

#[test]
fn fewer_bytes_come_and_the_same_files() {
    let corpus =
        Corpus::generate(Size { packages: 20, functions: 100, runs: 3 }, CounterMode::Atomic, 7).unwrap();
    let with: &[&str] = &["sh", "tar", "wc", "sha256sum", "gzip"];
    let cat: &[&str] = &["sh", "cat", "wc", "sha256sum", "gzip"];
    for images in [[with; 3], [cat; 3]] {
        let site = Site::new();
        let cluster = pods(&site, &corpus, &images);
        // The meta file is sent once, by name, unless every container sends its own.
        for arguments in [&[][..], &["--no-dedupe"]] {
            let (_, plain) = fetch(&site, &cluster, arguments);
            let (ran, zipped) = fetch(&site, &cluster, &[arguments, &["--gzip"]].concat());
            eprintln!("{arguments:?}: {plain} bytes, with --gzip {zipped}");
            assert!(
                zipped * 3 < plain * 2 || images[0] == cat,
                "{arguments:?}: {plain} bytes, then {zipped}"
            );
            assert!(zipped < plain, "{arguments:?}: {plain} bytes, then {zipped}");
            assert!(!ran.stderr.contains("--gzip"), "{ran:#?}");
            assert_eq!(site.stored().len(), 7);
        }
    }
}

#[test]
fn what_cannot_be_sent_through_gzip_is_sent_as_it_is_and_said_once() {
    let corpus =
        Corpus::generate(Size { packages: 2, functions: 10, runs: 4 }, CounterMode::Atomic, 7).unwrap();
    let images: [&[&str]; 4] =
        [&["sh", "tar", "gzip"], &["sh", "tar"], &["ls", "tar", "gzip"], &["ls", "cat", "wc"]];
    let site = Site::new();
    let cluster = pods(&site, &corpus, &images);
    let (ran, _) = fetch(&site, &cluster, &["--gzip"]);
    assert_eq!(ran.stderr.matches("--gzip: 3 of 4 ").count(), 1, "{ran:#?}");
    assert!(ran.says(WITHOUT).stdout.contains("fetched"));
    assert_eq!(site.stored().len(), 9);
    let (ran, _) = fetch(&site, &cluster, &["--gzip", "-q"]);
    assert_eq!(ran.stderr, "");
}

/// Faults do what they do without it: a stream that breaks is read again, without another signal.
#[test]
fn streams_that_break_are_made_good_or_named() {
    let programs = [&USUAL[..], &["gzip"]].concat();
    let start = |site: &Site, container: Container| {
        let cluster = cluster().pod(pod("web-0", container.main(recorded(0).replay()))).start().unwrap();
        site.admit(&cluster);
        cluster
    };
    for (times, code, attempts) in [(Times::Next(2), 0, 3), (Times::Always, 3, 3)] {
        let site = Site::new();
        let cluster = start(&site, site.app("web-0").programs(programs.clone()));
        cluster.inject("shop", "web-0", None, Fault::Cut { after: 700, reset: false }, times);
        let ran = site.fetch(&["--gzip", "--signal", "USR1", "--retries", "2"]).expect(code);
        let record = site.record("web-0");
        assert_eq!(record["attempts"], attempts, "{ran:#?}");
        if code == 0 {
            assert_eq!(record["files"].as_array().unwrap().len(), 2, "{record:#}");
        }
        site.check();
    }
    for (program, kind) in [("gzip", "command"), ("tar", "command")] {
        let site = Site::new();
        let fails = format!("{program} \"$@\"\necho no more >&2\nexit 2");
        let _cluster = start(&site, site.app("web-0").programs(["gzip"]).script(program, fails));
        let ran = site.fetch(&["--gzip", "--signal", "USR1", "--retries", "1"]).expect(3).says("no more");
        assert_eq!(site.record("web-0")["failure"]["kind"], kind, "{ran:#?}");
        site.check();
    }
}
