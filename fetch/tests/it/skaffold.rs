//! The bare command in a deploy hook of Skaffold.

use testcluster::{Cluster, Pod};

use crate::common::{Ran, Site, base_name, recorded};

/// Two contexts; in the second one, which is not the current one, what Skaffold deployed in two namespaces.
fn hook(site: &Site) -> (Cluster, Cluster) {
    let at = |namespace: &str, name: &str, run: &str| {
        recorded(0).copy_to(&site.volume(name));
        Pod::new(namespace, name).label("skaffold.dev/run-id", run).container(site.app(name))
    };
    let other = Cluster::builder().context("other", Some("shop")).start().unwrap();
    let kind = Cluster::builder()
        .context("kind-dev", None)
        .pods([
            at("shop", "a", "7f-1"),
            at("pay", "b", "7f-1"),
            at("shop", "old", "7e-9"),
            at("aside", "c", "7f-1"),
        ])
        .start()
        .unwrap();
    other.kubeconfig(site.home.path().join("one")).unwrap();
    // The first of two clusters of one name would win.
    let text = kind.kubeconfig_text().replace("testcluster", "dev");
    std::fs::write(site.home.path().join("two"), text).unwrap();
    (other, kind)
}

fn run(site: &Site, arguments: &[&str]) -> Ran {
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("covfetch"));
    let output = command
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("KUBECONFIG", "one:two")
        .env("SKAFFOLD_KUBE_CONTEXT", "kind-dev")
        .env("SKAFFOLD_NAMESPACES", "shop,pay")
        .env("SKAFFOLD_RUN_ID", "7f-1")
        .env("SKAFFOLD_WORK_DIR", site.home.path().join("work"))
        .current_dir(site.home.path())
        .output()
        .unwrap();
    Ran::of(&output)
}

fn pods(site: &Site, store: &str) -> String {
    let text = std::fs::read(site.home.path().join(store).join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let run = manifest["runs"].as_array().unwrap().last().unwrap().clone();
    let names = run["containers"].as_array().unwrap().iter();
    names.map(|one| one["pod"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_bare_word_collects_what_was_deployed_and_says_from_where() {
    let site = Site::new();
    let (_other, _kind) = hook(&site);
    run(&site, &[])
        .expect(0)
        .says("from Skaffold's environment: ")
        .says("context kind-dev (SKAFFOLD_KUBE_CONTEXT)")
        .says("namespaces shop,pay (SKAFFOLD_NAMESPACES)")
        .says("labels skaffold.dev/run-id=7f-1 (SKAFFOLD_RUN_ID)")
        .says("(SKAFFOLD_WORK_DIR)");
    assert_eq!(pods(&site, "work/reports/coverage"), "b a");
    let names: Vec<String> = std::fs::read_dir(site.home.path().join("work/reports/coverage"))
        .unwrap()
        .map(|entry| base_name(&entry.unwrap().path()))
        .filter(|name| !name.starts_with('.'))
        .collect();
    assert_eq!(names.len(), 3, "two namespaces and the manifest: {names:?}");
    assert!(run(&site, &["-q"]).expect(0).stderr.is_empty());
}

#[test]
fn flags_win() {
    let site = Site::new();
    let (_other, _kind) = hook(&site);
    let ran = run(&site, &["--context", "other", "-l", "app=x", "--to", "to", "-n", "shop"]).expect(1);
    assert!(!ran.stderr.contains("Skaffold"), "{ran:#?}");
    run(&site, &["-A", "--to", "to"]).expect(0);
    assert_eq!(pods(&site, "to"), "c b a");
    run(&site, &["-l", "skaffold.dev/run-id=7e-9", "--to", "to"]).expect(0);
    // A namespace of Skaffold's without such pods is listed, and no failure: nobody has typed it.
    assert_eq!(pods(&site, "to"), "namespace/pay old");
    let ran = run(&site, &["old", "--to", "to"]).expect(0);
    assert!(!ran.stderr.contains("SKAFFOLD_RUN_ID"), "{ran:#?}");
    assert_eq!(pods(&site, "to"), "old");
}
