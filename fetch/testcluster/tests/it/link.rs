//! Latency and the count of bytes, seen from the client's side.

use std::time::{Duration, Instant};

use serde_json::json;
use testcluster::{Fault, Times};

use crate::support::{get, one_pod, run};

const LATENCY: Duration = Duration::from_millis(100);

#[test]
fn a_question_and_its_answer_take_twice_the_latency_and_so_does_the_handshake() {
    let near = one_pod().start().unwrap();
    assert_eq!(get(&near, "/healthz").code, 200);
    let far = one_pod().latency(LATENCY).start().unwrap();
    let begun = Instant::now();
    assert_eq!(get(&far, "/healthz").code, 200);
    assert!(begun.elapsed() >= 4 * LATENCY, "{:?}", begun.elapsed());
}

/// Some hundred pieces at a time: if each waited for the one before, this would take half a minute.
#[tokio::test]
async fn latency_costs_no_bandwidth() {
    let cluster = one_pod().latency(LATENCY).start().unwrap();
    let begun = Instant::now();
    let transcript = run(&cluster, &["head", "-c", "20000000", "/dev/zero"]).await;
    assert_eq!((transcript.channel(1).len(), transcript.exit_code()), (20_000_000, 0));
    assert_eq!(transcript.close, Some(1000));
    let elapsed = begun.elapsed();
    assert!(elapsed >= 6 * LATENCY && elapsed < Duration::from_secs(20), "{elapsed:?}");
}

#[tokio::test]
async fn faults_are_the_same_over_a_long_line() {
    let cluster = one_pod().latency(Duration::from_millis(20)).start().unwrap();
    for reset in [false, true] {
        cluster.inject("ns", "web", None, Fault::Cut { after: 1_000, reset }, Times::Next(1));
        let transcript = run(&cluster, &["head", "-c", "20000", "/dev/zero"]).await;
        assert_eq!(transcript.status(), json!(null));
        assert_eq!((transcript.close, transcript.reset), (None, reset));
        // A reset may overtake what was sent before it.
        let received = transcript.channel(1).len();
        assert!(received == 1_000 || (reset && received <= 1_000), "{received}");
    }
}

#[tokio::test]
async fn bytes_are_counted_in_both_directions() {
    for latency in [Duration::ZERO, Duration::from_millis(5)] {
        let cluster = one_pod().latency(latency).start().unwrap();
        assert_eq!(cluster.traffic(), testcluster::Traffic::default());
        let transcript = run(&cluster, &["head", "-c", "1000000", "/dev/zero"]).await;
        assert_eq!(transcript.exit_code(), 0);
        let traffic = cluster.traffic();
        // Frames of 32 KiB and their heads, the handshake, the Status.
        assert!((1_000_000..1_010_000).contains(&traffic.sent), "{traffic:?}");
        assert!((200..10_000).contains(&traffic.received), "{traffic:?}");
    }
}
