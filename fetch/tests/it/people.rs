//! What people and CI see while a run goes on and after it: a bar on a terminal, lines elsewhere, nothing if quiet; logs; colour.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Stdio;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use testcluster::{Cluster, Fault, Times};

use crate::common::{Site, cluster, pod, recorded};

/// Three pods: one at once, one after a while, one that fails.
fn three_pods(site: &Site) -> Cluster {
    for index in 0..3 {
        recorded(index).copy_to(&site.volume(&format!("web-{index}")));
    }
    let pods = (0..3).map(|index| pod(&format!("web-{index}"), site.app(&format!("web-{index}"))));
    let cluster = cluster().token("hush-hush").pods(pods).start().unwrap();
    site.admit(&cluster);
    cluster.inject("shop", "web-1", None, Fault::Slow { bytes_per_second: 5_000 }, Times::Always);
    cluster.inject("shop", "web-2", None, Fault::ExitCode(9), Times::Always);
    cluster
}

/// Which streams are a terminal.
#[derive(PartialEq)]
enum Terminal {
    Stdout,
    Stderr,
}

/// Runs the program with a stream on a terminal of 120 columns; gives its exit code and what came to the terminal.
fn on_terminal(
    site: &Site,
    stream: &Terminal,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> (i32, String) {
    let mut master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    tcsetwinsize(&master, Winsize { ws_row: 24, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let flags = i32::try_from(rustix::fs::OFlags::NOCTTY.bits()).unwrap();
    let slave = File::options().read(true).write(true).custom_flags(flags).open(name).unwrap();
    let command = site.covfetch();
    let mut child = std::process::Command::new(command.get_program());
    child
        .args(command.get_args())
        .args(["-n", "shop", "-l", "app=library", "--retries", "0"])
        .args(arguments);
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => child.env(name, value),
            None => child.env_remove(name),
        };
    }
    // CI counts as a terminal with colours, whatever TERM says.
    for name in ["CLICOLOR_FORCE", "CI", "NO_COLOR"] {
        child.env_remove(name);
    }
    child.env("TERM", "xterm-256color").envs(environment.iter().copied());
    child.current_dir(site.home.path());
    if *stream == Terminal::Stdout {
        child.stdout(slave).stderr(Stdio::null());
    } else {
        child.stdout(Stdio::null()).stderr(slave);
    }
    let mut running = child.spawn().unwrap();
    // Ours is to be closed, so that the terminal ends with the program.
    drop(child);
    let mut came = Vec::new();
    let mut buffer = [0; 4096];
    let mut reader = File::from(std::mem::replace(&mut master, openpt(OpenptFlags::RDWR).unwrap()));
    // A terminal without programs reads as an error.
    while let Ok(read @ 1..) = reader.read(&mut buffer) {
        came.extend_from_slice(&buffer[..read]);
    }
    (running.wait().unwrap().code().unwrap(), String::from_utf8(came).unwrap())
}

#[test]
fn a_terminal_gets_a_bar_with_containers_bytes_and_rate_and_failures_above_it() {
    let site = Site::new();
    let _cluster = three_pods(&site);
    let (code, shown) = on_terminal(&site, &Terminal::Stderr, &[], &[]);
    assert_eq!(code, 3, "{shown}");
    for words in ["2/3 containers", "█", "KiB at ", "/s", "failed  shop/web-2/app: "] {
        assert!(shown.contains(words), "no {words} in {shown:?}");
    }
    // Those that succeed are counted and not told one by one.
    assert!(!shown.contains("fetched shop"), "{shown:?}");
    // The bar is gone in the end: behind the last erasure stands the error and nothing else.
    let (_, last) = shown.rsplit_once("\u{1b}[2K").expect("an erasure");
    assert_eq!(
        last.trim_start_matches(['\r']),
        "error: 1 of 3 containers failed: shop/web-2/app\r\n",
        "{shown:?}"
    );
}

#[test]
fn a_terminal_that_cannot_go_back_gets_lines() {
    let site = Site::new();
    let _cluster = three_pods(&site);
    let (_, shown) = on_terminal(&site, &Terminal::Stderr, &[], &[("TERM", "dumb")]);
    assert!(shown.contains("fetched shop/web-0/app: 2 files") && !shown.contains('\u{1b}'), "{shown:?}");
}

#[test]
fn without_a_terminal_each_container_gets_a_line_and_if_quiet_nothing_does() {
    let site = Site::new();
    let cluster = three_pods(&site);
    let ran = site.fetch(&["--retries", "0"]).expect(3);
    let mut lines: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(lines.pop(), Some("error: 1 of 3 containers failed: shop/web-2/app"));
    lines.sort_unstable();
    let begins = ["failed  shop/web-2/app: ", "fetched shop/web-0/app: ", "fetched shop/web-1/app: "];
    assert_eq!(lines.len(), 3, "{ran:#?}");
    assert!(lines.iter().zip(begins).all(|(line, begin)| line.starts_with(begin)), "{ran:#?}");
    // What went wrong is said all the same.
    let quiet = site.fetch(&["--retries", "0", "-q"]).expect(3);
    assert_eq!(quiet.stderr, "error: 1 of 3 containers failed: shop/web-2/app\n");
    cluster.clear_faults();
    assert_eq!(site.fetch(&["-q"]).expect(0).stderr, "");
    let (_, shown) = on_terminal(&site, &Terminal::Stderr, &["-q"], &[]);
    assert_eq!(shown, "");
}

#[test]
fn steps_are_logged_if_asked_for_and_no_secret_is() {
    let site = Site::new();
    let cluster = three_pods(&site);
    cluster.inject("shop", "web-0", None, Fault::refuse(500, "dial\u{1b}[2J\nerror: fake"), Times::Next(1));
    let steps = site.fetch(&["-v", "--retries", "1"]).expect(3);
    for words in
        ["listed pods", "pods=3", "planned", "again after a pause", "fetched container=shop/web-0/app"]
    {
        assert!(steps.stderr.contains(words), "no {words}: {steps:#?}");
    }
    assert!(!steps.stderr.contains(" exec "), "{steps:#?}");
    let details = site.fetch(&["-vv", "--retries", "0"]).expect(3);
    assert!(
        details.stderr.contains("exec container=shop/web-0/app command=\"sh -c (script)"),
        "{details:#?}"
    );
    let all = site.fetch(&["-vvv", "--retries", "0"]).expect(3);
    assert!(all.stderr.contains("kube_client"), "{all:#?}");
    for ran in [&steps, &details, &all] {
        assert!(!ran.stderr.contains("hush-hush"), "{ran:#?}");
        assert!(!ran.stderr.lines().any(|line| line.starts_with("error: fake")), "{ran:#?}");
    }
    // The logs take the bar's place.
    let (_, shown) = on_terminal(&site, &Terminal::Stderr, &["-v"], &[]);
    assert!(shown.contains("listed pods") && !shown.contains('\u{1b}'), "{shown:?}");
    site.fetch_only(&["-v", "-q"]).expect(2);
}

#[test]
fn colour_is_for_terminals_and_only_without_no_color() {
    let site = Site::new();
    let _cluster = three_pods(&site);
    let (_, coloured) = on_terminal(&site, &Terminal::Stdout, &[], &[]);
    assert!(
        coloured.contains("\u{1b}[32mfetched\u{1b}[0m") && coloured.contains("failed\u{1b}[0m"),
        "{coloured:?}"
    );
    for environment in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let (_, plain) = on_terminal(&site, &Terminal::Stdout, &[], &[environment]);
        assert!(plain.contains("  fetched  ") && !plain.contains('\u{1b}'), "{environment:?}: {plain:?}");
    }
}
