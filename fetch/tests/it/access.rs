//! Which cluster, as whom: kubeconfig, context, credentials, rights.

use testcluster::Cluster;

use crate::common::{Site, cluster, recorded};

#[test]
fn a_client_certificate_is_used() {
    let site = Site::new();
    let cluster = cluster().client_certificate().pod(site.pod("web-0", &recorded(0))).start().unwrap();
    site.admit(&cluster);
    site.fetch(&["--signal", "USR1"]).expect(0);
    site.check();
}

#[test]
fn refused_credentials_end_the_run_with_advice() {
    let site = Site::new();
    let cluster = cluster().token("right").pod(site.pod("web-0", &recorded(0))).start().unwrap();
    let text = cluster.kubeconfig_text().replace("right", "wrong");
    std::fs::write(site.home.path().join("kubeconfig"), text).unwrap();
    site.fetch(&[]).expect(2).says("401").says("log in again");
    // The run is recorded, so that nobody takes an older one for the newest.
    let run = site.run();
    assert_eq!(
        (run["outcome"].as_str(), run["failure"]["kind"].as_str()),
        (Some("failed"), Some("unauthorized"))
    );
}

#[test]
fn missing_rights_are_named() {
    let site = Site::new();
    let no_list = cluster().deny("list", "pods", None).pod(site.pod("web-0", &recorded(0))).start().unwrap();
    site.admit(&no_list);
    site.fetch(&[]).expect(2).says("403").says("the verb list on pods in namespace shop");
    for verb in ["get", "create"] {
        let site = Site::new();
        let no_exec = cluster()
            .deny(verb, "pods/exec", Some("shop"))
            .pod(site.pod("web-0", &recorded(0)))
            .start()
            .unwrap();
        site.admit(&no_exec);
        site.fetch(&[]).expect(3).says("403").says("the verbs get and create on pods/exec in namespace shop");
        assert_eq!(site.record("web-0")["failure"]["kind"], "forbidden");
    }
}

#[test]
fn a_cluster_that_does_not_answer_is_said_to() {
    let site = Site::new();
    let cluster = cluster().start().unwrap();
    site.admit(&cluster);
    drop(cluster);
    site.fetch(&[]).expect(2).says("does not answer").says("refused");
}

/// Plain HTTP where TLS is expected, and a certificate that nobody vouches for.
#[test]
fn a_broken_handshake_is_explained() {
    let site = Site::new();
    let plain = cluster().start().unwrap();
    let text = plain.kubeconfig_text().replace("http://", "https://");
    std::fs::write(site.home.path().join("kubeconfig"), text).unwrap();
    site.fetch(&[]).expect(2).says("does not answer");
    let secure = cluster().tls(true).start().unwrap();
    let lines: Vec<String> = secure
        .kubeconfig_text()
        .lines()
        .filter(|line| !line.contains("certificate-authority-data"))
        .map(str::to_owned)
        .collect();
    std::fs::write(site.home.path().join("kubeconfig"), lines.join("\n")).unwrap();
    site.fetch(&[]).expect(2).says("certificate");
}

#[test]
fn the_kubeconfig_is_found_as_kubectl_finds_it() {
    let site = Site::new();
    let home = site.home.path();
    recorded(0).copy_to(&site.volume("web-0"));
    let pods = || crate::common::pod("web-0", site.app("web-0"));
    let first = Cluster::builder().context("one", Some("shop")).pod(pods()).start().unwrap();
    let second = Cluster::builder().context("two", Some("elsewhere")).start().unwrap();
    first.kubeconfig(home.join("one.yaml")).unwrap();
    second.kubeconfig(home.join("two.yaml")).unwrap();
    let run = |variable: Option<&str>, arguments: &[&str]| {
        let mut command = site.covfetch();
        match variable {
            Some(value) => command.env("KUBECONFIG", value),
            None => command.env_remove("KUBECONFIG"),
        };
        crate::common::Ran::of(&command.args(["-l", "app=library"]).args(arguments).output().unwrap())
    };
    // A list; the first file's current context; a file that does not exist is passed over.
    run(Some("one.yaml:missing.yaml:two.yaml"), &[]).expect(0);
    assert_eq!(site.run()["cluster"]["context"], "one");
    // A context of the second file, whose namespace is searched.
    run(Some("one.yaml:two.yaml"), &["--context", "two"]).expect(1).says("no pod in namespace elsewhere");
    assert_eq!(site.run()["outcome"], "nothing");
    // The flag wins over the variable.
    run(Some("two.yaml"), &["--kubeconfig", "one.yaml"]).expect(0);
    // The file in the home directory.
    std::fs::create_dir(home.join(".kube")).unwrap();
    std::fs::copy(home.join("one.yaml"), home.join(".kube/config")).unwrap();
    run(None, &[]).expect(0);
    run(Some(""), &[]).expect(0);
    // What does not work says what would.
    run(Some("one.yaml"), &["--context", "three"]).expect(2).says("no context \"three\"; it has: one");
    run(Some("missing.yaml"), &[]).expect(2).says("no file of KUBECONFIG exists: missing.yaml");
    run(Some("one.yaml"), &["--kubeconfig", "missing.yaml"]).expect(2).says("missing.yaml");
    std::fs::remove_file(home.join(".kube/config")).unwrap();
    run(None, &[]).expect(2).says("no kubeconfig: set KUBECONFIG");
    std::fs::write(home.join("broken.yaml"), "clusters: {{{").unwrap();
    run(Some("broken.yaml"), &[]).expect(2).says("the kubeconfig ").says("broken.yaml: ");
}

#[test]
fn usage_errors_have_exit_code_2() {
    let site = Site::new();
    for arguments in [
        &["--no-such-flag"][..],
        &["--parallel", "0"],
        &["--signal", "KILL"],
        &["-n", "a", "-A"],
        &["-c", "a/b"],
    ] {
        let output = site.covfetch().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty());
    }
}
