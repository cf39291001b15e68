//! The cluster as the kube crate sees it.

use std::future::Future;
use std::time::Duration;

use futures::FutureExt;
use k8s_openapi::api::core::v1::{ConfigMap, Pod as KubePod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::api::{Api, AttachParams, ListParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config, Error as KubeError};
use testcluster::{Cluster, Container, Fault, Main, Phase, Pod, Times};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::support::{app, one_pod};

async fn connect(kubeconfig: &str) -> Client {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    Client::try_from(config).unwrap()
}

async fn client(cluster: &Cluster) -> Client {
    connect(&cluster.kubeconfig_text()).await
}

/// What came of an exec: standard output and error, and the Status if there was one.
#[derive(Debug)]
struct Ended {
    out: Vec<u8>,
    err: Vec<u8>,
    status: Option<Status>,
}

/// Runs a command as a careful client does: standard input asked for and never written, both outputs drained at once,
/// then the Status, then the end of the task.
async fn run(pods: &Api<KubePod>, pod: &str, command: &[&str]) -> Result<Ended, KubeError> {
    let params =
        AttachParams::default().stdin(true).stdout(true).stderr(true).max_stdout_buf_size(256 * 1024);
    let mut attached = pods.exec(pod, command.iter().copied(), &params).await?;
    let status = attached.take_status().unwrap().shared();
    let (stdout, stderr) = (attached.stdout().unwrap(), attached.stderr().unwrap());
    let (out, err) = tokio::join!(read_all(stdout, status.clone()), read_all(stderr, status.clone()));
    let status = status.await;
    // The task's own result repeats what the Status and the streams have told.
    let _ = attached.join().await;
    Ok(Ended { out, err, status })
}

/// Reads a stream to its end. After a broken connection the library leaves the stream open, so that a read waits for
/// ever: then the end is when nothing is left and no Status can come any more.
async fn read_all(
    mut stream: impl AsyncRead + Unpin,
    status: impl Future<Output = Option<Status>>,
) -> Vec<u8> {
    let mut all = Vec::new();
    let broken = async {
        if status.await.is_some() {
            std::future::pending::<()>().await;
        }
    };
    tokio::pin!(broken);
    loop {
        tokio::select! {
            biased;
            read = stream.read_buf(&mut all) => if read.unwrap() == 0 { return all },
            () = &mut broken => return all,
        }
    }
}

fn code_of(status: &Status) -> Option<String> {
    let causes = status.details.as_ref()?.causes.as_ref()?;
    causes.iter().find(|cause| cause.reason.as_deref() == Some("ExitCode"))?.message.clone()
}

#[tokio::test]
async fn lists_gets_and_pages_over_tls() {
    let still = |number: usize| {
        Pod::new("ns", format!("p{number}"))
            .label("app", if number == 3 { "db" } else { "web" })
            .phase(Phase::Succeeded)
            .container(Container::new("app").env("GOCOVERDIR", "/cov").main(Main::Exited(0)))
    };
    let cluster = Cluster::builder()
        .tls(true)
        .token("secret")
        .context("first", Some("ns"))
        .context("second", None)
        .pods((0..5).map(still))
        .config_map("ns", "settings", [("A", "b")])
        .start()
        .unwrap();
    let client = client(&cluster).await;
    assert_eq!(client.default_namespace(), "ns");
    let pods: Api<KubePod> = Api::default_namespaced(client.clone());
    let web = pods.list(&ListParams::default().labels("app=web")).await.unwrap();
    assert_eq!(web.items.len(), 4);
    let env = web.items[0].spec.as_ref().unwrap().containers[0].env.as_ref().unwrap();
    assert_eq!(env[0].value.as_deref(), Some("/cov"));

    let mut names = Vec::new();
    let mut params = ListParams::default().limit(2);
    loop {
        let page = pods.list(&params).await.unwrap();
        names.extend(page.items.into_iter().map(|pod| pod.metadata.name.unwrap()));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => break,
        }
    }
    assert_eq!(names, ["p0", "p1", "p2", "p3", "p4"]);
    let error = pods.get("none").await.unwrap_err();
    assert!(matches!(&error, KubeError::Api(status) if status.code == 404), "{error}");
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    assert_eq!(maps.get("settings").await.unwrap().data.unwrap()["A"], "b");
    assert_eq!(client.apiserver_version().await.unwrap().minor, "36");
}

#[tokio::test]
async fn client_certificates_are_checked() {
    let cluster = one_pod().client_certificate().start().unwrap();
    let pods: Api<KubePod> = Api::namespaced(client(&cluster).await, "ns");
    assert_eq!(run(&pods, "web", &["sh", "-c", "echo in"]).await.unwrap().out, b"in\n");

    // The certificate of another cluster, and none at all.
    let other = Cluster::builder().client_certificate().start().unwrap();
    let mut own: serde_json::Value = serde_json::from_str(&cluster.kubeconfig_text()).unwrap();
    let others: serde_json::Value = serde_json::from_str(&other.kubeconfig_text()).unwrap();
    own["users"] = others["users"].clone();
    let mut configs = vec![own.to_string()];
    own["users"][0]["user"] = serde_json::json!({});
    configs.push(own.to_string());
    own["users"][0]["user"] = serde_json::json!({"token": "guess"});
    configs.push(own.to_string());
    for config in configs {
        let pods: Api<KubePod> = Api::namespaced(connect(&config).await, "ns");
        let error = pods.list(&ListParams::default()).await.unwrap_err();
        assert!(matches!(&error, KubeError::Api(status) if status.code == 401), "{error}");
    }
}

#[tokio::test]
async fn exec_over_tls() {
    let cluster = one_pod().tls(true).token("secret").start().unwrap();
    let pods: Api<KubePod> = Api::namespaced(client(&cluster).await, "ns");
    let ended = run(&pods, "web", &["sh", "-c", "echo out; echo err >&2; exit 3"]).await.unwrap();
    assert_eq!((ended.out, ended.err), (b"out\n".to_vec(), b"err\n".to_vec()));
    let status = ended.status.unwrap();
    assert_eq!(status.reason.as_deref(), Some("NonZeroExitCode"));
    assert_eq!(code_of(&status).as_deref(), Some("3"));
    assert!(status.message.unwrap().ends_with("command terminated with exit code 3"));

    // Much output, and standard error that fills its pipe at the same time.
    let script = "head -c 3000000 /dev/zero >&2 & head -c 20000000 /dev/zero; wait";
    let ended = run(&pods, "web", &["sh", "-c", script]).await.unwrap();
    assert_eq!((ended.out.len(), ended.err.len()), (20_000_000, 3_000_000));
    assert_eq!(ended.status.unwrap().status.as_deref(), Some("Success"));

    let ended = run(&pods, "web", &["no-such-program"]).await.unwrap();
    let status = ended.status.unwrap();
    assert_eq!((status.reason.as_deref(), status.code), (Some("InternalError"), Some(500)));
    assert!(status.message.unwrap().contains("executable file not found in $PATH"));
}

#[tokio::test]
async fn an_archive_arrives_whole() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a file"), vec![7; 300_000]).unwrap();
    let pod = Pod::new("ns", "web").container(app().dir(dir.path()));
    let cluster = Cluster::builder().pod(pod).start().unwrap();
    let pods: Api<KubePod> = Api::namespaced(client(&cluster).await, "ns");
    let ended = run(&pods, "web", &["tar", "-cf", "-", "--", "./a file"]).await.unwrap();
    assert_eq!(ended.status.unwrap().status.as_deref(), Some("Success"));
    // One header block, the contents in whole blocks, two end blocks at least.
    assert!(ended.out.len() >= 512 + 300_032 + 1024, "{}", ended.out.len());
    assert!(ended.out.ends_with(&[0; 1024]));
}

#[tokio::test]
async fn faults_over_tls() {
    let cluster = one_pod().tls(true).token("secret").start().unwrap();
    let pods: Api<KubePod> = Api::namespaced(client(&cluster).await, "ns");
    let long = ["head", "-c", "5000000", "/dev/zero"];
    let inject = |fault| cluster.inject("ns", "web", Some("app"), fault, Times::Next(1));
    for fault in [Fault::Cut { after: 100_000, reset: false }, Fault::NoStatus] {
        let all = fault == Fault::NoStatus;
        inject(fault);
        let ended = run(&pods, "web", &long).await.unwrap();
        assert_eq!((ended.out.len(), ended.status), (if all { 5_000_000 } else { 100_000 }, None));
    }
    inject(Fault::TruncatedSuccess { after: 100_000 });
    let ended = run(&pods, "web", &long).await.unwrap();
    assert_eq!(ended.out.len(), 100_000);
    assert_eq!(ended.status.unwrap().status.as_deref(), Some("Success"));
    inject(Fault::refuse(500, "error dialing backend: no route to host"));
    assert!(run(&pods, "web", &long).await.is_err());
    inject(Fault::Kill { after: 100_000 });
    let ended = run(&pods, "web", &long).await.unwrap();
    assert!(ended.out.len() < 5_000_000);
    assert_eq!(code_of(&ended.status.unwrap()).as_deref(), Some("137"));
}

#[tokio::test]
async fn many_sessions_at_once() {
    let pods = (0..20).map(|number| Pod::new("ns", format!("web-{number}")).container(app()));
    let cluster = Cluster::builder().tls(true).token("secret").pods(pods).start().unwrap();
    let api: Api<KubePod> = Api::namespaced(client(&cluster).await, "ns");
    let runs = (0..20).map(|number| {
        let api = api.clone();
        async move {
            let script = format!("head -c 100000 /dev/zero; exit {number}");
            run(&api, &format!("web-{number}"), &["sh", "-c", &script]).await.unwrap()
        }
    });
    let all = tokio::time::timeout(Duration::from_mins(1), futures::future::join_all(runs)).await.unwrap();
    for (number, ended) in all.into_iter().enumerate() {
        let code = code_of(&ended.status.unwrap()).unwrap_or_else(|| "0".into());
        assert_eq!((ended.out.len(), code), (100_000, number.to_string()));
    }
    assert_eq!(cluster.requests().iter().filter(|request| request.code == 101).count(), 20);
}
