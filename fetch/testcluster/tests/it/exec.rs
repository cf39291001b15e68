//! Exec sessions, message by message.

use serde_json::json;
use testcluster::{Cluster, Container, Isolation, Main, Phase, Pod};

use crate::support::{Session, app, exec_target, http, isolations, one_pod, run, run_over, upgrade_headers};

const V4: &str = "v4.channel.k8s.io";
const V5: &str = "v5.channel.k8s.io";

#[tokio::test]
async fn a_session_begins_with_an_empty_message_and_ends_with_a_status() {
    let cluster = one_pod().start().unwrap();
    for (protocols, chosen, success) in [
        (V5, V5, json!({"metadata": {}, "status": "Success"})),
        (V4, V4, json!({"status": "Success"})),
        ("v4.channel.k8s.io, v5.channel.k8s.io", V5, json!({"metadata": {}, "status": "Success"})),
    ] {
        let target = exec_target("ns", "web", "", &["sh", "-c", "echo out; echo err >&2"]);
        let session = Session::open(&cluster, &target, protocols).await.unwrap();
        assert_eq!(session.protocol.as_deref(), Some(chosen));
        let transcript = session.finish().await;
        assert_eq!(transcript.frames[0], (1, vec![]), "{protocols}");
        assert_eq!((transcript.stdout(), transcript.stderr()), ("out\n".into(), "err\n".into()));
        assert_eq!(transcript.status(), success);
        assert_eq!(transcript.frames.last().unwrap().0, 3, "nothing comes after the Status");
        assert_eq!(transcript.close, Some(1000));
    }
}

#[tokio::test]
async fn containerd_1_writes_metadata_into_the_status() {
    let cluster = one_pod().containerd(1).start().unwrap();
    let transcript = run_over(&cluster, V4, &["sh", "-c", ":"]).await;
    assert_eq!(transcript.status(), json!({"metadata": {}, "status": "Success"}));
    let transcript = run_over(&cluster, V4, &["nothing"]).await;
    assert!(transcript.status()["details"]["causes"][0]["message"].is_string());
}

#[tokio::test]
async fn the_status_tells_the_exit_code() {
    let cluster = one_pod().start().unwrap();
    let command = ["sh", "-c", "exit 3"];
    assert_eq!(
        run_over(&cluster, V5, &command).await.status(),
        json!({
            "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
            "message": "command terminated with non-zero exit code: command terminated with exit code 3",
            "details": {"causes": [{"reason": "ExitCode", "message": "3"}]},
        })
    );
    assert_eq!(
        run_over(&cluster, V4, &command).await.status(),
        json!({
            "status": "Failure", "reason": "NonZeroExitCode",
            "message": "command terminated with non-zero exit code: error executing command [sh -c exit 3], exit code 3",
            "details": {"causes": [{"reason": "ExitCode", "message": "3"}]},
        })
    );
    // A signal's number is added to 128, as the runtime does. Without namespaces a command cannot signal itself.
    for isolation in isolations() {
        let cluster = one_pod().isolation(isolation).start().unwrap();
        for (signal, namespaces, mapped) in [("KILL", 137, 1), ("TERM", 143, 1), ("0", 0, 1)] {
            let script = format!("kill -s {signal} $$");
            let code = run(&cluster, &["sh", "-c", &script]).await.exit_code();
            assert_eq!(code, if isolation == Isolation::Mapped { mapped } else { namespaces }, "{signal}");
        }
    }
}

#[tokio::test]
async fn a_program_that_the_image_lacks() {
    let cluster =
        Cluster::builder().pod(Pod::new("ns", "web").container(Container::new("app"))).start().unwrap();
    let why = "error executing command in container: failed to exec in container: failed to start exec \
               \"000000000000000000000000000000000000000000000000000000000000000e\": OCI runtime exec failed: exec \
               failed: unable to start container process: exec: \"tar\": executable file not found in $PATH: unknown";
    let transcript = run_over(&cluster, V5, &["tar", "-cf", "-", "."]).await;
    let inner = format!("Internal error occurred: {why}");
    assert_eq!(
        transcript.status(),
        json!({
            "metadata": {}, "status": "Failure", "reason": "InternalError", "code": 500,
            "message": format!("Internal error occurred: {inner}"), "details": {"causes": [{"message": inner}]},
        })
    );
    let transcript = run_over(&cluster, V4, &["tar", "-cf", "-", "."]).await;
    assert_eq!(
        transcript.status(),
        json!({
            "status": "Failure", "reason": "InternalError", "code": 500,
            "message": format!("Internal error occurred: {why}"),
        })
    );
    assert_eq!(transcript.close, Some(1000));
    // By absolute path it is the file that is missing.
    let transcript = run(&cluster, &["/bin/tar"]).await;
    let message = transcript.status()["message"].as_str().unwrap().to_owned();
    assert!(message.contains("exec: \"/bin/tar\": stat /bin/tar: no such file or directory"), "{message}");
}

#[tokio::test]
async fn a_script_finds_no_program_that_the_image_lacks() {
    let container = Container::new("app").programs(["sh", "ls"]);
    let cluster = Cluster::builder().pod(Pod::new("ns", "web").container(container)).start().unwrap();
    let transcript = run(&cluster, &["/bin/sh", "-c", "ls >/dev/null && command -v tar; tar -cf - ."]).await;
    assert_eq!((transcript.exit_code(), transcript.stdout()), (127, String::new()));
    assert!(transcript.stderr().contains("not found"), "{}", transcript.stderr());
}

#[tokio::test]
async fn output_comes_in_frames_of_at_most_32_kib() {
    let cluster = one_pod().start().unwrap();
    for protocols in [V4, V5] {
        let transcript = run_over(&cluster, protocols, &["head", "-c", "1000000", "/dev/zero"]).await;
        assert_eq!(transcript.channel(1).len(), 1_000_000);
        assert!(transcript.frames.iter().all(|(_, data)| data.len() <= 32 * 1024));
        assert_eq!(transcript.exit_code(), 0);
    }
}

#[tokio::test]
async fn standard_input_can_be_ended_in_v5_only() {
    let cluster = one_pod().start().unwrap();
    let target = exec_target("ns", "web", "&stdin=true", &["cat"]);
    let mut session = Session::open(&cluster, &target, V5).await.unwrap();
    session.send(b"\x00hello ").await;
    session.send(b"\x00world").await;
    session.send(&[255, 0]).await;
    let transcript = session.finish().await;
    assert_eq!((transcript.stdout().as_str(), transcript.exit_code()), ("hello world", 0));

    // In v4 the same message is one for a channel that does not exist.
    let mut session = Session::open(&cluster, &target, V4).await.unwrap();
    session.send(b"\x00hello").await;
    session.send(&[255, 0]).await;
    let ended = tokio::time::timeout(std::time::Duration::from_millis(300), session.finish()).await;
    assert!(ended.is_err(), "cat must still wait for input");
}

#[tokio::test]
async fn a_stream_that_was_not_asked_for_stays_silent() {
    let cluster = one_pod().start().unwrap();
    let target =
        "/api/v1/namespaces/ns/pods/web/exec?stderr=1&command=sh&command=-c&command=echo+a;echo+b+%3E%262";
    let transcript = Session::open(&cluster, target, V4).await.unwrap().finish().await;
    assert_eq!(transcript.frames[0], (2, vec![]), "the first message goes to the lowest channel there is");
    assert_eq!((transcript.stdout(), transcript.stderr()), (String::new(), "b\n".into()));
}

#[tokio::test]
async fn the_older_protocols() {
    let cluster = one_pod().start().unwrap();
    let command = ["sh", "-c", "echo hi; exit 4"];
    for (protocols, text) in [("", false), ("channel.k8s.io", false), ("base64.channel.k8s.io", true)] {
        let transcript = run_over(&cluster, protocols, &command).await;
        let expected = if text { "aGkK" } else { "hi\n" };
        assert_eq!(transcript.stdout(), expected, "{protocols}");
        let error = if text { "Y29tbWFuZ" } else { "command terminated with non-zero exit code: " };
        let message = String::from_utf8(transcript.channel(3)).unwrap();
        assert!(message.starts_with(error), "{message}");
    }
    let transcript = run_over(&cluster, "channel.k8s.io", &["sh", "-c", ":"]).await;
    assert_eq!(transcript.channel(3), b"", "success is silent");
    let target = exec_target("ns", "web", "", &["sh"]);
    for protocols in ["v2.channel.k8s.io", "v3.channel.k8s.io", "nonsense", "v2.channel.k8s.io, nonsense"] {
        let answer = http(&cluster, "GET", &target, &upgrade_headers(protocols));
        assert_eq!((answer.code, answer.body.as_str()), (403, ""), "{protocols}");
    }
}

#[test]
fn requests_that_are_refused() {
    let idle = || Container::new("app");
    let cluster = Cluster::builder()
        .pod(Pod::new("ns", "web").container(app()))
        .pod(
            Pod::new("ns", "two")
                .init_container(Container::new("setup"))
                .container(idle())
                .container(Container::new("sidecar")),
        )
        .pod(Pod::new("ns", "waiting").phase(Phase::Pending).container(idle()))
        .pod(Pod::new("ns", "done").phase(Phase::Succeeded).container(idle().main(Main::Exited(0))))
        .start()
        .unwrap();
    let target = |pod: &str, extra: &str| exec_target("ns", pod, extra, &["ls"]);
    // A query of more than 10,000 parameters is not read at all.
    let too_many = "&x".repeat(10_000);
    let no_streams = "/api/v1/namespaces/ns/pods/web/exec?command=ls".to_owned();
    let cases = [
        (target("none", ""), 404, "pods \"none\" not found"),
        (
            target("two", ""),
            400,
            "a container name must be specified for pod two, choose one of: [setup app sidecar]",
        ),
        (target("two", "&container=other"), 400, "container other is not valid for pod two"),
        (target("waiting", ""), 400, "pod waiting does not have a host assigned"),
        (no_streams, 400, "you must specify at least 1 of stdin, stdout, stderr"),
        (target("web", &too_many), 400, "you must specify at least 1 of stdin, stdout, stderr"),
        (target("web", &too_many[..19_000]), 101, ""),
    ];
    for (target, code, message) in &cases {
        let answer = http(&cluster, "GET", target, &upgrade_headers(V5));
        assert_eq!(answer.code, *code, "{target}: {}", answer.body);
        if *code != 101 {
            let expected = if *code == 404 { "NotFound" } else { "BadRequest" };
            assert_eq!((answer.message().as_str(), &answer.json()["reason"]), (*message, &json!(expected)));
        }
    }
    let answer = http(&cluster, "GET", &target("web", ""), &[]);
    assert_eq!((answer.code, answer.message().as_str()), (400, "Upgrade request required"));
    let answer = http(&cluster, "POST", &target("web", ""), &upgrade_headers(V5));
    assert_eq!((answer.code, answer.body.as_str()), (405, ""));
    let answer = http(&cluster, "DELETE", &target("web", ""), &upgrade_headers(V5));
    assert_eq!((answer.code, &answer.json()["reason"]), (405, &json!("MethodNotAllowed")));
    // An init container and one that has ended are known, and have no process.
    for (pod, container) in [("two", "setup"), ("done", "app")] {
        let target = target(pod, &format!("&container={container}"));
        let answer = http(&cluster, "GET", &target, &upgrade_headers(V4));
        assert_eq!((answer.code, answer.body), (500, format!("container not found ({container:?})")));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let transcript =
            runtime.block_on(async { Session::open(&cluster, &target, V5).await.unwrap().finish().await });
        assert_eq!(
            transcript.status()["message"],
            format!(
                "Internal error occurred: unable to upgrade connection: container not found ({container:?})"
            )
        );
    }
}

#[test]
fn exec_needs_get_and_create() {
    let missing_create = one_pod().deny("create", "pods/exec", None).start().unwrap();
    let target = exec_target("ns", "web", "", &["ls"]);
    let answer = http(&missing_create, "GET", &target, &upgrade_headers(V5));
    assert_eq!((answer.code, answer.message().as_str()), (403, "pods \"web\" is forbidden: "));
    let missing_get = one_pod().deny("get", "pods/exec", Some("ns")).start().unwrap();
    let answer = http(&missing_get, "GET", &target, &upgrade_headers(V5));
    assert_eq!(
        (answer.code, answer.message().as_str()),
        (
            403,
            "pods \"web\" is forbidden: User \"system:anonymous\" cannot get resource \"pods/exec\" in API group \"\" \
             in the namespace \"ns\""
        )
    );
}

#[tokio::test]
async fn the_environment_and_the_directory_are_the_containers() {
    for isolation in isolations() {
        let dir = tempfile::tempdir().unwrap();
        let container = app().dir(dir.path()).env("GREETING", "hello\nworld").env("HOME", "/nowhere");
        let cluster = Cluster::builder()
            .isolation(isolation)
            .pod(Pod::new("ns", "web").container(container))
            .start()
            .unwrap();
        let transcript = run(&cluster, &["sh", "-c", "printf %s \"$GREETING\"; pwd; echo \"$HOME\""]).await;
        let expected = format!("hello\nworld{}\n/nowhere\n", dir.path().canonicalize().unwrap().display());
        assert_eq!(transcript.stdout(), expected, "{isolation:?}");
        let names = run(&cluster, &["env"]).await.stdout();
        assert!(!names.contains("CARGO"), "the host's environment stays outside: {names}");
        if isolation == Isolation::Namespaces {
            let environ = run(&cluster, &["cat", "/proc/1/environ"]).await.stdout();
            assert!(environ.split('\0').any(|entry| entry == "GREETING=hello\nworld"), "{environ:?}");
        }
    }
}

#[tokio::test]
async fn a_program_may_be_a_script_of_the_tests() {
    for isolation in isolations() {
        let lying = Container::new("app")
            .programs(["cat"])
            .script("sh", "seq 3; echo \"$#\"")
            .script("tar", "exit 7");
        let cluster = Cluster::builder()
            .isolation(isolation)
            .pod(Pod::new("ns", "web").container(lying))
            .start()
            .unwrap();
        let transcript = run(&cluster, &["sh", "-c", "echo honest"]).await;
        assert_eq!((transcript.stdout().as_str(), transcript.exit_code()), ("1\n2\n3\n2\n", 0));
        assert_eq!(run(&cluster, &["tar", "-cf", "-", "."]).await.exit_code(), 7);
        assert_eq!(run(&cluster, &["cat", "/dev/null"]).await.exit_code(), 0);
    }
}
