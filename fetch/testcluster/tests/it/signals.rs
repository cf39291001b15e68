//! A signal sent in a container reaches that container and nothing else of the host.

use std::process::Command;

use testcluster::{Cluster, Container, Error, Isolation, Pod};

use crate::support::{isolations, one_pod, run};

#[tokio::test]
async fn kill_reaches_nothing_but_the_container() {
    // A process of ours that stands for all others of the host, and would die of SIGUSR1.
    let mut bystander = Command::new("sleep").arg("60").spawn().unwrap();
    let pid = bystander.id().to_string();
    for isolation in isolations() {
        let cluster = one_pod().isolation(isolation).start().unwrap();
        // Signal 0 asks whether a signal could be sent.
        let mut commands = vec![
            vec!["kill", "-0", &pid],
            vec!["kill", "-s", "0", "--", &pid],
            vec!["kill", "-0", "1", &pid],
            vec!["env", "kill", "-0", &pid],
            vec!["sh", "-c", "kill -0 \"$1\"", "name", &pid],
            vec!["sh", "-c", "env kill -0 \"$1\"", "name", &pid],
            vec!["sh", "-c", "sh -c 'kill -0 \"$1\"' name \"$1\"", "name", &pid],
        ];
        // Around the mapped `kill` only a kernel is strong enough, and only Linux has what it takes.
        let guarded = cfg!(target_os = "linux");
        if guarded {
            commands.extend([
                vec!["sh", "-c", "command kill -0 \"$1\"", "name", &pid],
                vec!["sh", "-c", "unset -f kill; kill -0 \"$1\"", "name", &pid],
                vec!["sh", "-c", "/bin/kill -0 \"$1\"", "name", &pid],
            ]);
        }
        for command in commands {
            let transcript = run(&cluster, &command).await;
            assert_ne!(transcript.exit_code(), 0, "{isolation:?} {command:?}");
        }
        let script = if guarded {
            "kill -USR1 \"$1\"; command kill -USR1 \"$1\"; /bin/kill -USR1 \"$1\"; true"
        } else {
            "kill -USR1 \"$1\"; true"
        };
        assert_eq!(run(&cluster, &["sh", "-c", script, "name", &pid]).await.exit_code(), 0);
        assert!(bystander.try_wait().unwrap().is_none(), "{isolation:?}: the bystander has been signalled");
    }
    bystander.kill().unwrap();
    bystander.wait().unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn without_namespaces_the_kernel_refuses_the_hosts_first_process() {
    let cluster = one_pod().isolation(Isolation::Mapped).start().unwrap();
    // These go around the mapped `kill` and so mean the host's own pid 1.
    for script in ["command kill -0 1", "/bin/kill -0 1", "unset -f kill; kill -0 1", "command kill -0 -1"] {
        let transcript = run(&cluster, &["sh", "-c", script]).await;
        assert_ne!(transcript.exit_code(), 0, "{script}");
        let refused = transcript.stderr().to_lowercase();
        assert!(refused.contains("not permitted"), "{script}: {refused}");
    }
}

#[test]
fn programs_that_signal_by_name_need_namespaces() {
    let container = Container::new("app").programs(["pkill"]);
    let error = Cluster::builder()
        .isolation(Isolation::Mapped)
        .pod(Pod::new("ns", "web").container(container))
        .start()
        .unwrap_err();
    assert!(matches!(error, Error::UnsafeProgram { .. } | Error::ProgramNotFound { .. }), "{error}");
}
