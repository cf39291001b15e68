//! The cluster as the kube crate sees it.

use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod as KubePod;
use kube::api::{Api, AttachParams, ListParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use testcluster::{Cluster, Container, Pod};
use tokio::io::AsyncReadExt;

async fn client(cluster: &Cluster) -> Client {
    let kubeconfig = Kubeconfig::from_yaml(&cluster.kubeconfig_text()).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    Client::try_from(config).unwrap()
}

#[tokio::test]
async fn exec_reports_output_and_exit_code() {
    let cluster = Cluster::builder()
        .tls(true)
        .token("secret")
        .pod(
            Pod::new("ns", "web-1")
                .label("app", "web")
                .container(Container::new("app").env("GREETING", "hello").programs(["sh", "cat", "kill"])),
        )
        .start()
        .unwrap();
    let pods: Api<KubePod> = Api::namespaced(client(&cluster).await, "ns");
    let listed = pods.list(&ListParams::default().labels("app=web")).await.unwrap();
    assert_eq!(listed.items.len(), 1);

    let params = AttachParams::default().stdin(true).stdout(true).stderr(true);
    let mut attached = pods
        .exec("web-1", ["sh", "-c", "echo $GREETING; echo oops >&2; kill -0 1; exit 3"], &params)
        .await
        .unwrap();
    let (mut stdout, mut stderr) = (attached.stdout().unwrap(), attached.stderr().unwrap());
    let (mut out, mut err) = (String::new(), String::new());
    let (read_out, read_err) =
        futures::join!(stdout.read_to_string(&mut out), stderr.read_to_string(&mut err));
    (read_out.unwrap(), read_err.unwrap());
    let status = attached.take_status().unwrap().await.unwrap();
    attached.join().await.unwrap();
    assert_eq!((out.as_str(), err.as_str()), ("hello\n", "oops\n"));
    assert_eq!(status.reason.as_deref(), Some("NonZeroExitCode"));
    let causes = status.details.unwrap().causes.unwrap();
    assert_eq!(causes[0].message.as_deref(), Some("3"));
    let _ = futures::stream::empty::<()>().next().await;
}
