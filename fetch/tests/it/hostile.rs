//! Pods that send what no Go program writes: nothing outside the store changes, and nothing raw reaches the terminal.

use std::os::unix::fs::symlink;
use testcluster::Container;

use crate::common::{Site, base_name, cluster, pod, recorded};

const HASH: &str = "0123456789abcdef0123456789abcdef";

/// Fetches one pod whose directory was prepared, and gives the kind of its failure, or its state.
fn outcome(site: &Site, arguments: &[&str]) -> String {
    let cluster = cluster().pod(pod("web-0", site.app("web-0"))).start().unwrap();
    site.admit(&cluster);
    site.fetch(arguments);
    let record = site.record("web-0");
    site.check();
    match record["failure"]["kind"].as_str() {
        Some(kind) => kind.to_owned(),
        None => record["state"].as_str().unwrap().to_owned(),
    }
}

#[test]
fn files_that_are_none_are_left_alone() {
    let site = Site::new();
    let volume = site.volume("web-0");
    recorded(0).copy_to(&volume);
    let secret = site.home.path().join("secret");
    std::fs::write(&secret, b"secret").unwrap();
    symlink(&secret, volume.join(format!("covmeta.{HASH}"))).unwrap();
    symlink("/etc/passwd", volume.join(format!("covcounters.{HASH}.1.5"))).unwrap();
    std::fs::create_dir(volume.join(format!("covcounters.{HASH}.1.6"))).unwrap();
    for name in
        ["covmeta.foo", "covcounters.a\nfile covmeta.b", "covmeta.\u{1b}[2J", "tmp.cov\u{1b}[31m", "x.log"]
    {
        std::fs::write(volume.join(name), b"x").unwrap();
    }
    assert_eq!(outcome(&site, &[]), "fetched");
    let record = site.record("web-0");
    assert_eq!(record["files"].as_array().unwrap().len(), 2);
    assert!(record["note"].as_str().unwrap().contains("7 files with a name like"), "{record:#}");
}

#[test]
fn a_file_that_does_not_parse_is_not_stored() {
    let meta = std::fs::read(&recorded(0).meta).unwrap();
    let counters = std::fs::read(recorded(0).counters.last().unwrap()).unwrap();
    let hash = base_name(&recorded(0).meta).replace("covmeta.", "");
    let cases: Vec<(String, Vec<u8>, &str)> = vec![
        (format!("covmeta.{HASH}"), b"garbage".to_vec(), "invalid-file"),
        (format!("covmeta.{HASH}"), Vec::new(), "invalid-file"),
        (format!("covmeta.{HASH}"), meta[..meta.len() - 1].to_vec(), "invalid-file"),
        // Named after another build.
        (format!("covmeta.{HASH}"), meta.clone(), "invalid-file"),
        (format!("covcounters.{HASH}.1.5"), counters.clone(), "invalid-file"),
        (format!("covcounters.{hash}.1.5"), meta, "invalid-file"),
        (format!("covcounters.{hash}.1.5"), counters[..counters.len() - 3].to_vec(), "invalid-file"),
    ];
    for (name, bytes, kind) in cases {
        let site = Site::new();
        recorded(0).copy_to(&site.volume("web-0"));
        std::fs::write(site.volume("web-0").join(&name), bytes).unwrap();
        assert_eq!(outcome(&site, &["--retries", "0"]), kind, "{name}");
        assert!(!site.store().join("shop/web-0/app").join(&name).exists());
        // The good ones are here.
        assert_eq!(site.record("web-0")["files"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn a_counter_file_without_its_meta_file_is_a_failure() {
    let site = Site::new();
    let volume = site.volume("web-0");
    recorded(0).copy_to(&volume);
    std::fs::remove_file(volume.join(base_name(&recorded(0).meta))).unwrap();
    assert_eq!(outcome(&site, &[]), "missing-meta");
}

#[test]
fn sizes_are_limited() {
    let site = Site::new();
    recorded(0).copy_to(&site.volume("web-0"));
    assert_eq!(outcome(&site, &["--max-file-size", "1KiB", "--fresh"]), "limit");
    assert_eq!(outcome(&site, &["--max-container-size", "1KiB", "--fresh"]), "limit");
    assert_eq!(outcome(&site, &["--max-files", "1", "--fresh"]), "limit");
    assert_eq!(outcome(&site, &["--fresh"]), "fetched");
}

/// GOCOVERDIR is data from others: it must reach `cd` and `tar` as it is, and no shell may read it.
#[test]
fn a_directory_name_meant_for_a_shell_is_a_directory_name() {
    for name in [
        "$(touch ran)",
        "`touch ran`",
        "; touch ran;",
        "a b",
        "-rf",
        "'\"",
        "a\nb",
        "*",
        "-",
        "~",
        "$HOME",
        "\u{1b}[2J",
    ] {
        for programs in
            [&crate::common::USUAL[..], &["tar", "ls", "kill"], &["sh", "cat", "wc"], &["ls", "cat", "wc"]]
        {
            let site = Site::new();
            let volume = site.volume("web-0");
            let directory = volume.join(name);
            std::fs::create_dir(&directory).unwrap();
            recorded(0).copy_to(&directory);
            // Once absolute, once relative to the working directory.
            for source in [directory.to_str().unwrap(), name] {
                let container = Container::new("app")
                    .dir(&volume)
                    .env("GOCOVERDIR", source.replace('$', "$$"))
                    .programs(programs.iter().copied());
                let cluster = cluster().pod(pod("web-0", container)).start().unwrap();
                site.admit(&cluster);
                let ran = site.fetch(&["--retries", "0", "-o", "wide"]);
                // Only the lines of wc have no room for it, and then they are not understood.
                let broken = programs == ["ls", "cat", "wc"] && name == "a\nb";
                assert_eq!(
                    ran.code,
                    if broken { 3 } else { 0 },
                    "{name:?} as {source:?} with {programs:?}: {ran:#?}"
                );
            }
            assert!(
                !volume.join("ran").exists() && !site.home.path().join("ran").exists(),
                "{name:?} was run"
            );
            site.check();
        }
    }
}
