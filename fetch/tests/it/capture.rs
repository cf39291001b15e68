//! The main path, with and without a shell, and what a second run does.

use crate::common::{Recorded, Site, USUAL, cluster, pod, recorded, testdata};

#[test]
fn four_pods_are_flushed_and_fetched() {
    let site = Site::new();
    let pods = (0..4).map(|index| site.pod(&format!("web-{index}"), &recorded(index)));
    let cluster = cluster().tls(true).token("secret").pods(pods).start().unwrap();
    site.admit(&cluster);
    let ran = site.fetch(&["--signal", "USR1"]).expect(0);
    for index in 0..4 {
        assert!(ran.stdout.contains(&format!("web-{index}")), "{ran:#?}");
    }
    let run = site.run();
    assert_eq!((run["outcome"].as_str(), run["failure"].is_null()), (Some("complete"), true));
    assert_eq!(run["cluster"]["context"], "test");
    assert_eq!(run["cluster"]["server"], cluster.url());
    assert_eq!(run["selection"]["labels"], "app=library");
    for index in 0..4 {
        let record = site.record(&format!("web-{index}"));
        assert_eq!(record["state"], "fetched");
        assert_eq!(record["flush"]["outcome"], "flushed");
        assert_eq!(record["attempts"], 1);
        assert_eq!(record["files"].as_array().unwrap().len(), 2);
        assert_eq!(record["files"][1]["mode"], "atomic");
        // What was stored is what was recorded.
        let path = site.store().join(record["files"][0]["path"].as_str().unwrap());
        let original = recorded(index).counters.pop().unwrap();
        assert_eq!(std::fs::read(path).unwrap(), std::fs::read(original).unwrap());
    }
    site.check();
    // One exec for each container: flush, wait and copy together.
    let execs = cluster.requests().iter().filter(|request| request.path.ends_with("/exec")).count();
    assert_eq!(execs, 4);
}

#[test]
fn without_a_flush_what_is_there_is_fetched() {
    let site = Site::new();
    recorded(3).copy_to(&site.volume("web-0"));
    let cluster = cluster().pod(pod("web-0", site.app("web-0"))).start().unwrap();
    site.admit(&cluster);
    site.fetch(&[]).expect(0);
    let record = site.record("web-0");
    assert_eq!(record["files"].as_array().unwrap().len(), 3);
    assert!(record["flush"].is_null());
    site.check();
    // A second run finds the same files and says that none is new.
    site.fetch(&[]).expect(0);
    let manifest = site.manifest();
    assert_eq!(manifest["runs"].as_array().unwrap().len(), 2);
    let again = site.record("web-0");
    assert!(again["files"].as_array().unwrap().iter().all(|file| file["new"] == false));
    assert!(record["files"].as_array().unwrap().iter().all(|file| file["new"] == true));
    site.check();
}

/// Earlier flushes belong to the run, too: the newest run alone says everything about its containers.
#[test]
fn a_second_flush_lists_the_files_of_the_first() {
    let site = Site::new();
    let cluster = cluster().pod(site.pod("web-0", &recorded(0))).start().unwrap();
    site.admit(&cluster);
    site.fetch(&["--signal", "USR1"]).expect(0);
    site.fetch(&["--signal", "USR1"]).expect(0);
    let record = site.record("web-0");
    let files = record["files"].as_array().unwrap();
    assert_eq!(files.len(), 3);
    let new: Vec<_> = files.iter().filter(|file| file["new"] == true).map(|file| &file["name"]).collect();
    assert_eq!(new.len(), 1);
    assert_eq!(record["flush"]["files"][0], *new[0]);
    site.check();
}

#[test]
fn an_image_without_a_shell_takes_one_exec_for_each_step() {
    for programs in [&["tar", "kill", "ls"][..], &["tar", "kill"]] {
        let site = Site::new();
        let container = site.app("web-0");
        let bare = testcluster::Container::new("app")
            .dir(site.volume("web-0"))
            .env("GOCOVERDIR", site.volume("web-0"))
            .programs(programs.iter().copied())
            .main(recorded(0).replay().delay(std::time::Duration::from_millis(300)));
        drop(container);
        let cluster = cluster().pod(pod("web-0", bare)).start().unwrap();
        site.admit(&cluster);
        site.fetch(&["--signal", "USR1"]).expect(0);
        let record = site.record("web-0");
        assert_eq!(record["files"].as_array().unwrap().len(), 2, "{programs:?}");
        assert_eq!(record["flush"]["outcome"], "flushed");
        site.check();
    }
}

/// More files than go into one command, so that the script sends several archives, or batches without tar.
#[test]
fn many_files_come_in_batches_and_are_all_there() {
    for programs in [&USUAL[..], &["tar", "ls"], &["sh", "cat", "wc"], &["ls", "cat", "wc"]] {
        let site = Site::new();
        let volume = site.volume("web-0");
        let recorded = recorded(0);
        recorded.copy_to(&volume);
        let counters = recorded.counters.last().unwrap();
        let hash = crate::common::base_name(&recorded.meta).replace("covmeta.", "");
        let bytes = std::fs::read(counters).unwrap();
        for index in 0..600 {
            std::fs::write(volume.join(format!("covcounters.{hash}.1.{}", 1_000 + index)), &bytes).unwrap();
        }
        let container = testcluster::Container::new("app")
            .dir(&volume)
            .env("GOCOVERDIR", &volume)
            .programs(programs.iter().copied());
        let cluster = cluster().pod(pod("web-0", container)).start().unwrap();
        site.admit(&cluster);
        site.fetch(&[]).expect(0);
        assert_eq!(site.record("web-0")["files"].as_array().unwrap().len(), 602);
        site.check();
        site.fetch(&["--max-files", "500", "--fresh"]).expect(3).says("--max-files");
    }
}

#[test]
fn a_build_of_each_go_version_is_accepted() {
    let site = Site::new();
    let mut builder = cluster();
    let mut versions = Vec::new();
    for entry in std::fs::read_dir(testdata().join("recorded")).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("go-{}", path.file_name().unwrap().to_str().unwrap().replace('.', "-"));
        Recorded::open(&path.join("server-atomic/data/pod-0")).copy_to(&site.volume(&name));
        builder = builder.pod(pod(&name, site.app(&name)));
        versions.push(name);
    }
    let cluster = builder.start().unwrap();
    site.admit(&cluster);
    site.fetch(&[]).expect(0);
    assert!(versions.len() >= 4);
    for name in versions {
        assert_eq!(site.record(&name)["state"], "fetched");
    }
    site.check();
}
