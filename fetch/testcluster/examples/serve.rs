//! Serves two pods until standard input ends, for a look with kubectl:
//!
//! ```text
//! cargo run -p testcluster --example serve -- /tmp/kubeconfig
//! kubectl --kubeconfig /tmp/kubeconfig exec web-1 -- sh -c 'kill -0 1 && ls'
//! ```
//!
//! A second argument, `mapped`, does without PID namespaces.

use testcluster::{Cluster, Container, Isolation, Pod};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("the first argument is the kubeconfig file to write")?;
    let isolation =
        if arguments.next().as_deref() == Some("mapped") { Isolation::Mapped } else { Isolation::Auto };
    let pod = |name: &str| {
        let app = Container::new("app").programs(["sh", "kill", "cat", "ls", "tar", "head", "sleep"]);
        Pod::new("default", name).label("app", "web").container(app)
    };
    let cluster = Cluster::builder()
        .tls(true)
        .token("secret")
        .isolation(isolation)
        .context("testcluster", Some("default"))
        .pod(pod("web-1"))
        .pod(pod("web-2"))
        .start()?;
    cluster.kubeconfig(&path)?;
    eprintln!("serving at {}; end of input stops it", cluster.url());
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}
