//! Faults: each seen from the client's side.

use std::time::{Duration, Instant};

use serde_json::json;
use testcluster::{Cluster, Fault, Times};

use crate::support::{Session, exec_target, http, isolations, one_pod, run, run_over, upgrade_headers};

const V4: &str = "v4.channel.k8s.io";
const V5: &str = "v5.channel.k8s.io";
/// More than any pipe or socket buffers.
const LONG: [&str; 4] = ["head", "-c", "20000000", "/dev/zero"];

fn inject(cluster: &Cluster, fault: Fault) {
    cluster.inject("ns", "web", None, fault, Times::Next(1));
}

#[tokio::test]
async fn a_cut_stream_has_no_status_and_no_close() {
    let cluster = one_pod().start().unwrap();
    for reset in [false, true] {
        inject(&cluster, Fault::Cut { after: 100_000, reset });
        let transcript = run(&cluster, &LONG).await;
        assert_eq!(transcript.status(), json!(null));
        assert_eq!((transcript.close, transcript.reset), (None, reset));
        let received = transcript.channel(1).len();
        // A reset may overtake what was sent before it.
        assert!(received == 100_000 || (reset && received <= 100_000), "{received}");
    }
    let transcript = run(&cluster, &["sh", "-c", "echo fine"]).await;
    assert_eq!((transcript.stdout().as_str(), transcript.exit_code()), ("fine\n", 0), "the fault is used up");
}

#[tokio::test]
async fn a_cut_may_come_before_the_first_byte() {
    let cluster = one_pod().start().unwrap();
    inject(&cluster, Fault::Cut { after: 0, reset: false });
    let transcript = run(&cluster, &["sh", "-c", "echo something"]).await;
    assert_eq!((transcript.stdout().as_str(), transcript.close), ("", None));
}

#[tokio::test]
async fn all_output_and_then_no_status() {
    let cluster = one_pod().start().unwrap();
    inject(&cluster, Fault::NoStatus);
    let transcript = run(&cluster, &["sh", "-c", "echo all"]).await;
    assert_eq!((transcript.stdout().as_str(), transcript.close), ("all\n", None));
    assert_eq!(transcript.status(), json!(null));
}

#[tokio::test]
async fn a_truncated_stream_can_pass_as_success() {
    let cluster = one_pod().start().unwrap();
    inject(&cluster, Fault::TruncatedSuccess { after: 70_000 });
    let transcript = run(&cluster, &LONG).await;
    assert_eq!((transcript.channel(1).len(), transcript.exit_code()), (70_000, 0));
    assert_eq!(transcript.close, Some(1000));
}

#[tokio::test]
async fn an_exit_code_can_be_chosen() {
    let cluster = one_pod().start().unwrap();
    cluster.inject("ns", "web", Some("app"), Fault::ExitCode(7), Times::Always);
    cluster.inject("ns", "web", Some("other"), Fault::ExitCode(9), Times::Always);
    for protocols in [V4, V5] {
        let transcript = run_over(&cluster, protocols, &["sh", "-c", "echo all"]).await;
        assert_eq!((transcript.stdout().as_str(), transcript.exit_code()), ("all\n", 7));
    }
    cluster.clear_faults();
    assert_eq!(run(&cluster, &["sh", "-c", ":"]).await.exit_code(), 0);
}

#[tokio::test]
async fn delays_and_slow_streams() {
    let cluster = one_pod().start().unwrap();
    inject(&cluster, Fault::Delay(Duration::from_millis(300)));
    let start = Instant::now();
    run(&cluster, &["sh", "-c", ":"]).await;
    assert!(start.elapsed() >= Duration::from_millis(300));
    inject(&cluster, Fault::Slow { bytes_per_second: 100_000 });
    let start = Instant::now();
    let transcript = run(&cluster, &["head", "-c", "50000", "/dev/zero"]).await;
    assert_eq!(transcript.channel(1).len(), 50_000);
    assert!(start.elapsed() >= Duration::from_millis(450), "{:?}", start.elapsed());
    assert!(transcript.frames.len() > 8, "it trickles");
}

#[test]
fn refusals() {
    let cluster = one_pod().start().unwrap();
    let target = exec_target("ns", "web", "", &["ls"]);
    let fault = Fault::Refuse { code: 429, message: "slow down".into(), retry_after: Some(2) };
    cluster.inject("ns", "web", None, fault, Times::Next(2));
    for _ in 0..2 {
        let answer = http(&cluster, "GET", &target, &upgrade_headers(V5));
        assert_eq!((answer.code, answer.header("retry-after")), (429, Some("2")));
        assert_eq!(
            (answer.message().as_str(), &answer.json()["reason"]),
            ("slow down", &json!("TooManyRequests"))
        );
    }
    inject(
        &cluster,
        Fault::refuse(500, "error dialing backend: dial tcp 192.0.2.1:10250: connect: connection refused"),
    );
    let answer = http(&cluster, "GET", &target, &upgrade_headers(V5));
    assert_eq!((answer.code, &answer.json()["reason"]), (500, &json!("InternalError")));
    assert_eq!(http(&cluster, "GET", &target, &upgrade_headers(V5)).code, 101);
}

#[tokio::test]
async fn a_killed_container_ends_its_execs_with_137() {
    for isolation in isolations() {
        for protocols in [V4, V5] {
            let cluster = one_pod().isolation(isolation).start().unwrap();
            inject(&cluster, Fault::Kill { after: 200_000 });
            let transcript = run_over(&cluster, protocols, &LONG).await;
            let received = transcript.channel(1).len();
            assert!((200_000..2_000_000).contains(&received), "{isolation:?}: {received}");
            assert_eq!(transcript.exit_code(), 137, "{isolation:?}: {}", transcript.status());
            assert_eq!(cluster.exit_code("ns", "web", "app").unwrap(), Some(137));
            // The container is gone for later ones.
            let answer = http(&cluster, "GET", &exec_target("ns", "web", "", &["ls"]), &upgrade_headers(V4));
            assert_eq!((answer.code, answer.body.as_str()), (500, "container not found (\"app\")"));
        }
    }
}

#[tokio::test]
async fn a_deleted_pod_ends_its_execs_with_137() {
    for isolation in isolations() {
        let cluster = one_pod().isolation(isolation).start().unwrap();
        let target = exec_target("ns", "web", "", &["sh", "-c", "echo started; while :; do sleep 1; done"]);
        let session = Session::open(&cluster, &target, V5).await.unwrap();
        let finished = tokio::spawn(session.finish());
        tokio::time::sleep(Duration::from_millis(200)).await;
        cluster.delete_pod("ns", "web").unwrap();
        let transcript = finished.await.unwrap();
        assert_eq!(
            (transcript.stdout().as_str(), transcript.exit_code()),
            ("started\n", 137),
            "{isolation:?}"
        );
    }
}
