//! Ephemeral containers, as the API server sees them: when one is added, used again, refused, and what a dry run says.

use serde_json::json;
use testcluster::{Cluster, ClusterBuilder, Container, Fault, Times};

use crate::common::{Site, USUAL, cluster, pod, recorded};

/// The image that debug containers are made of.
pub(crate) const IMAGE: &str = "registry.example/debugger:1";

/// What it holds, and can be had in the cluster by.
pub(crate) fn with_image(builder: ClusterBuilder) -> ClusterBuilder {
    builder.image(IMAGE, Some([&USUAL[..], &["readlink", "tr", "grep", "wc", "sha256sum"]].concat()))
}

/// A cluster that has the image. `None`: without PID namespaces a container has no `/proc` of its own.
fn started(site: &Site, builder: ClusterBuilder) -> Option<Cluster> {
    let cluster = with_image(builder).start().unwrap();
    if !cluster.has_namespaces() {
        println!("skipped: no PID namespaces");
        return None;
    }
    site.admit(&cluster);
    Some(cluster)
}

/// A container whose image holds nothing but its program.
pub(crate) fn bare(site: &Site, name: &str) -> Container {
    let volume = site.volume(name);
    Container::new("app").dir(&volume).env("GOCOVERDIR", &volume).main(recorded(0).replay())
}

/// The same, of an image that sets GOCOVERDIR: the process has it, and the pod's spec does not show it.
fn image_sets(site: &Site, name: &str, value: &str) -> Container {
    let volume = site.volume(name);
    let container = Container::new("app").dir(&volume).env("GOCOVERDIR", value).main(recorded(0).replay());
    container.overlay(json!({"env": []}))
}

fn patches(cluster: &Cluster) -> usize {
    cluster.requests().iter().filter(|request| request.method == "PATCH").count()
}

#[test]
fn one_is_added_where_it_is_needed_and_used_again() {
    let site = Site::new();
    let pods = [pod("bare", bare(&site, "bare")), site.pod("usual", &recorded(1))];
    let Some(cluster) = started(&site, cluster().pods(pods)) else { return };
    let arguments = ["--signal", "USR1", "--debug-image", IMAGE];
    site.fetch(&arguments).expect(0);
    assert_eq!(patches(&cluster), 1);
    let record = site.record("bare");
    assert!(record["debug_container"].as_str().unwrap().starts_with("covfetch-"), "{record:#}");
    assert!(site.record("usual")["debug_container"].is_null());
    // Nothing was lost on the way, and a broken stream is made good without another one.
    cluster.inject("shop", "bare", None, Fault::Cut { after: 900, reset: true }, Times::Next(2));
    site.fetch(&arguments).expect(0);
    assert_eq!(patches(&cluster), 1);
    assert_eq!(site.record("bare")["files"].as_array().unwrap().len(), 3);
    site.check();
}

#[test]
fn without_the_option_the_sentence_names_it() {
    let site = Site::new();
    let Some(cluster) = started(&site, cluster().pod(pod("bare", bare(&site, "bare")))) else { return };
    let ran = site.fetch(&["--signal", "USR1"]).expect(3);
    ran.says("shop/bare/app: the image has no tar, and no cat and wc").says("--debug-image busybox:1.37");
    assert_eq!((patches(&cluster), site.record("bare")["failure"]["kind"].as_str()), (0, Some("no-tar")));
}

/// The files can be read, and the signal cannot be sent.
#[test]
fn a_container_that_lacks_only_kill_is_signalled_from_there() {
    let site = Site::new();
    let container = bare(&site, "killless").programs(["ls", "tar"]);
    let Some(cluster) = started(&site, cluster().pod(pod("killless", container))) else { return };
    let ran = site.fetch(&["--signal", "USR1"]).expect(3).says("neither a shell nor kill");
    ran.says("--debug-image");
    site.fetch(&["--signal", "USR1", "--debug-image", IMAGE]).expect(0);
    assert_eq!(
        (patches(&cluster), site.record("killless")["flush"]["outcome"].as_str()),
        (1, Some("flushed"))
    );
}

#[test]
fn a_dry_run_says_what_would_be_added_and_adds_nothing() {
    let site = Site::new();
    let Some(cluster) = started(&site, cluster().pod(pod("bare", bare(&site, "bare")))) else { return };
    let arguments = ["--dry-run", "--debug-image", IMAGE];
    let ran = site.fetch(&arguments).expect(0);
    assert!(ran.stdout.contains(&format!("an ephemeral container of {IMAGE} would be added")), "{ran:#?}");
    assert_eq!(patches(&cluster), 0);
    site.fetch(&["--signal", "USR1", "--debug-image", IMAGE]).expect(0);
    let ran = site.fetch(&arguments).expect(0);
    let name = site.record("bare")["debug_container"].as_str().unwrap().to_owned();
    assert!(ran.stdout.contains(&format!("{name} would be used again")), "{ran:#?}");
}

/// Each is named, and nothing is signalled that cannot be fetched.
#[test]
fn what_stops_it_is_named() {
    let site = Site::new();
    let slow = "registry.example/slow:1";
    let builder = cluster().pod(pod("bare", bare(&site, "bare"))).image(slow, None::<[&str; 0]>);
    let Some(_cluster) = started(&site, builder) else { return };
    for (image, words) in [
        ("registry.example/nobody:1", "cannot start (ImagePullBackOff: Back-off pulling image"),
        (slow, "not done within 2 s (--timeout)"),
    ] {
        let ran = site.fetch(&["--timeout", "2s", "--debug-image", image]).expect(3);
        ran.says("shop/bare/app: the image has no tar").says("; tried then: ").says(words);
    }
    assert_eq!(std::fs::read_dir(site.volume("bare")).unwrap().count(), 1);
}

/// It dies with its target, and the next run makes another one.
#[test]
fn after_a_restart_another_one_is_added() {
    let site = Site::new();
    let Some(cluster) = started(&site, cluster().pod(pod("bare", bare(&site, "bare")))) else { return };
    let arguments = ["--signal", "USR1", "--debug-image", IMAGE];
    site.fetch(&arguments).expect(0);
    let first = site.record("bare")["debug_container"].clone();
    cluster.restart_container("shop", "bare", "app").unwrap();
    site.fetch(&arguments).expect(0);
    assert_ne!(site.record("bare")["debug_container"], first);
    assert_eq!(patches(&cluster), 2);
}

/// Nobody in the container can be asked, so the debug container that will copy is asked first.
#[test]
fn a_variable_of_an_image_without_a_shell_is_seen_from_beside() {
    let site = Site::new();
    let absolute = site.volume("absolute").display().to_string();
    let pods = [
        pod("absolute", image_sets(&site, "absolute", &absolute)),
        pod("relative", image_sets(&site, "relative", ".")),
        pod("unset", Container::new("app")),
    ];
    let Some(cluster) = started(&site, cluster().pods(pods)) else { return };
    let ran = site.fetch(&["--signal", "USR1"]).expect(1);
    assert!(ran.stdout.contains("let an ephemeral container ask: --debug-image busybox:1.37"), "{ran:#?}");
    site.fetch(&["-c", "app"]).expect(3).says("and the image has no shell").says("ask: --debug-image");
    assert_eq!(patches(&cluster), 0);
    let ran = site.fetch(&["--dry-run", "--debug-image", IMAGE]).expect(0);
    let foretold = format!(
        "its spec does not set GOCOVERDIR; an ephemeral container of {IMAGE} would be added to the pod if its own image has nothing to ask or to copy with"
    );
    assert_eq!((ran.stdout.matches(&foretold).count(), patches(&cluster)), (3, 0), "{ran:#?}");

    // So long a time that an hour, a debug container's usual life, is too short for the copy.
    let arguments = ["--signal", "USR1", "--debug-image", IMAGE, "--timeout", "3h"];
    let ran = site.fetch(&arguments).expect(0);
    assert_eq!(site.states(), "absolute:fetched relative:fetched unset:listed");
    // The one that was asked is the one that copies.
    assert_eq!(patches(&cluster), 3);
    for (name, source) in [("absolute", absolute.as_str()), ("relative", "/proc/1/cwd/.")] {
        let record = site.record(name);
        assert_eq!((&record["source"], &record["flush"]["outcome"]), (&json!(source), &json!("flushed")));
        assert_eq!(record["files"].as_array().unwrap().len(), 2, "{record:#}");
    }
    // What was added in vain is told.
    assert!(ran.stdout.contains("(app: seen through ephemeral container covfetch-"), "{ran:#?}");
    let ran = site.fetch(&["-c", "app", "--debug-image", IMAGE]).expect(3);
    ran.says("shop/unset/app: its spec does not set GOCOVERDIR, and its process does not have it");
    assert_eq!(patches(&cluster), 3);
    site.check();
}

/// It stays with the pod, so it is not added to find out whether a proxy beside the application has coverage, too.
#[test]
fn none_is_added_to_ask_where_coverage_is_known_already() {
    let site = Site::new();
    let both = site.pod("both", &recorded(1)).container(Container::new("proxy"));
    let Some(cluster) = started(&site, cluster().pod(both)) else { return };
    site.fetch(&["--signal", "USR1", "--debug-image", IMAGE]).expect(0);
    assert_eq!((patches(&cluster), site.states().as_str()), (0, "both:fetched"));
    // Asked for by name it is.
    site.fetch(&["-c", "pro*", "--debug-image", IMAGE]).expect(3).says("its process does not have it");
    assert_eq!(patches(&cluster), 1);
}

/// That it is not known whether there is coverage is a failure once somebody wants to know.
#[test]
fn what_stops_it_from_asking_is_named() {
    let site = Site::new();
    let volume = site.volume("image").display().to_string();
    let builder = cluster().pod(pod("image", image_sets(&site, "image", &volume)));
    let shellless = "registry.example/shellless:1";
    let Some(_cluster) = started(&site, builder.image(shellless, Some(["sleep"]))) else { return };
    for (image, words) in [
        ("registry.example/nobody:1", "cannot start (ImagePullBackOff: Back-off pulling image"),
        (shellless, "the image of the debug container has no shell"),
    ] {
        let ran = site.fetch(&["--debug-image", image]).expect(3);
        let ran = ran.says("shop/image/app: the image has no shell to ask its process with; tried then: ");
        ran.says(words).says("(when asked for its GOCOVERDIR)");
    }
}
