//! `--flush-exec`: a command in the container, run as it was written.

use testcluster::{Container, OnSignal, Times};

use crate::common::{Site, cluster, pod, recorded};

const SHELL_LESS: [&str; 3] = ["ls", "tar", "kill"];

#[test]
fn a_command_flushes_with_a_shell_and_without() {
    for programs in [&crate::common::USUAL[..], &SHELL_LESS] {
        let site = Site::new();
        let volume = site.volume("web-0");
        let container = Container::new("app")
            .dir(&volume)
            .env("GOCOVERDIR", &volume)
            .programs(programs.iter().copied())
            .main(recorded(0).replay());
        let cluster = cluster().pod(pod("web-0", container)).start().unwrap();
        site.admit(&cluster);
        site.fetch(&["--flush-exec", "kill -USR1 '1'"]).expect(0);
        let flush = site.record("web-0")["flush"].clone();
        assert_eq!((&flush["method"], &flush["by"]), (&"command".into(), &"kill -USR1 1".into()));
        assert_eq!((&flush["outcome"], flush["files"].as_array().unwrap().len()), (&"flushed".into(), 1));
        let commands: Vec<Vec<String>> =
            cluster.requests().iter().map(|request| request.query_values("command")).collect();
        let runs = commands.iter().filter(|words| **words == ["kill", "-USR1", "1"]).count();
        assert_eq!(runs, 1, "{commands:?}");
        site.check();
    }
}

#[test]
fn what_a_shell_would_expand_reaches_the_program_as_it_is() {
    let site = Site::new();
    let cluster = cluster().pod(site.pod("web-0", &recorded(0))).start().unwrap();
    site.admit(&cluster);
    let line = r#"sh -c 'printf "%s|" "$@" >&2; exit 3' x "$(touch owned)" ';' '`id`' "a\"b" *"#;
    let ran = site.fetch(&["--flush-exec", line]).expect(3);
    ran.says(r#"exit code 3: $(touch owned)|;|`id`|a"b|*|"#);
    assert!(!site.volume("web-0").join("owned").exists());
    assert_eq!(site.record("web-0")["failure"]["kind"], "flush-failed");
}

#[test]
fn a_command_that_fails_is_told_and_what_is_there_is_copied() {
    let site = Site::new();
    recorded(0).copy_to(&site.volume("web-0"));
    let main = recorded(0).replay().on_signal(OnSignal::Ignore);
    let cluster = cluster().pod(pod("web-0", site.app("web-0").main(main))).start().unwrap();
    site.admit(&cluster);
    for (line, words) in [
        ("nosuch --now", "the image has no nosuch"),
        (r#"sh -c 'printf "\033[2Jbad"; exit 7'"#, r"exit code 7 (it says: \u{1b}[2Jbad)"),
        ("sh -c 'while :; do printf %1000d 1; done'", "writes more than 16777216 bytes"),
    ] {
        let ran = site.fetch(&["--flush-exec", line]).expect(3).says(words);
        assert!(ran.stderr.len() < 4000, "{} bytes", ran.stderr.len());
        let record = site.record("web-0");
        assert_eq!((&record["failure"]["kind"], &record["attempts"]), (&"flush-failed".into(), &1.into()));
        assert_eq!(record["files"].as_array().unwrap().len(), 2, "{record:#}");
        site.check();
    }
}

#[test]
fn a_command_that_was_not_run_is_run_again_and_one_that_may_have_been_is_not() {
    let site = Site::new();
    let cluster = cluster().pod(site.pod("web-0", &recorded(0))).start().unwrap();
    site.admit(&cluster);
    let runs = || {
        let requests = cluster.requests();
        requests.iter().filter(|one| one.code == 101 && one.query_values("command")[0] == "kill").count()
    };
    let flush = ["--flush-exec", "kill -USR1 1"];
    // The first exec is the one that looks what is there.
    cluster.inject("shop", "web-0", None, testcluster::Fault::Cut { after: 0, reset: false }, Times::Next(1));
    site.fetch(&flush).expect(0);
    assert_eq!((runs(), site.record("web-0")["attempts"].as_u64()), (1, Some(2)));
    // The verdict of all of them is lost: the flush may have been, so that it is only waited for.
    cluster.inject("shop", "web-0", None, testcluster::Fault::NoStatus, Times::Always);
    site.fetch(&[&flush[..], &["--retries", "1"]].concat()).expect(3);
    assert!(runs() <= 2, "{}", runs());
}

#[test]
fn a_command_is_shown_as_it_would_be_typed() {
    let site = Site::new();
    let cluster = cluster().pod(site.pod("web-0", &recorded(0))).start().unwrap();
    site.admit(&cluster);
    let ran = site.fetch(&["--flush-exec", r#"sh -c "exit 3""#]).expect(3);
    ran.says(r#"the flush command "sh -c 'exit 3'" ended with exit code 3"#);
    assert_eq!(site.record("web-0")["flush"]["by"], "sh -c 'exit 3'");
}
