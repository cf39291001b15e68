//! Which cluster, as whom: the kubeconfig files as kubectl finds and merges them, or the pod that this runs in.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper_util::client::proxy::matcher::Matcher;
use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};

use crate::error::Fatal;
use crate::escape::one_line;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where kubectl mounts what a pod needs to reach its API server is the library's business; this tells that there is one.
const IN_CLUSTER_VARIABLE: &str = "KUBERNETES_SERVICE_HOST";

/// The access to a cluster and what people call it.
pub struct Access {
    /// For the client.
    pub config: Config,
    /// The context's name; `None` inside a cluster.
    pub context: Option<String>,
}

impl Access {
    /// The server's URL without user information.
    pub fn server(&self) -> String {
        let url = &self.config.cluster_url;
        let host = url.authority().map(|authority| {
            let text = authority.as_str();
            text.rsplit_once('@').map_or(text, |(_, host)| host)
        });
        let path = url.path().trim_end_matches('/');
        one_line(&format!("{}://{}{path}", url.scheme_str().unwrap_or("https"), host.unwrap_or_default()))
    }
}

/// Finds the configuration: `--kubeconfig`, else the files of `KUBECONFIG`, else `~/.kube/config`, else the cluster
/// that this process runs in.
pub async fn load(file: Option<&Path>, context: Option<&str>) -> Result<Access, Fatal> {
    let Some(kubeconfig) = read(file)? else {
        return in_cluster(context);
    };
    let known: Vec<String> = kubeconfig.contexts.iter().map(|context| context.name.clone()).collect();
    let name = match context.map(str::to_owned).or_else(|| kubeconfig.current_context.clone()) {
        Some(name) if !name.is_empty() => name,
        _ if std::env::var_os(IN_CLUSTER_VARIABLE).is_some() && file.is_none() => return in_cluster(context),
        _ => {
            let message = format!("no current context is set; choose one with --context: {}", list(&known));
            return Err(Fatal::usage(message));
        }
    };
    if !known.contains(&name) {
        let message = format!("the kubeconfig has no context \"{name}\"; it has: {}", list(&known));
        return Err(Fatal::usage(message));
    }
    let proxy_given = proxy_of(&kubeconfig, &name);
    let options = KubeConfigOptions { context: Some(name.clone()), ..KubeConfigOptions::default() };
    let config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|error| Fatal::usage(format!("context \"{name}\": {}", with_causes(&error))))?;
    Ok(Access { config: finish(config, proxy_given), context: Some(one_line(&name)) })
}

fn in_cluster(context: Option<&str>) -> Result<Access, Fatal> {
    let help = "no kubeconfig: set KUBECONFIG, pass --kubeconfig, or run inside a cluster";
    if let Some(context) = context {
        return Err(Fatal::usage(format!("{help} (context \"{context}\" was asked for)")));
    }
    if std::env::var_os(IN_CLUSTER_VARIABLE).is_none() {
        return Err(Fatal::usage(help));
    }
    let config = Config::incluster()
        .map_err(|error| Fatal::usage(format!("inside a cluster: {}", with_causes(&error))))?;
    Ok(Access { config: finish(config, false), context: None })
}

/// Reads and merges the files. `None`: there is none, and none was named by `--kubeconfig`.
fn read(file: Option<&Path>) -> Result<Option<Kubeconfig>, Fatal> {
    let broken = |path: &Path, error: KubeconfigError| match error {
        KubeconfigError::ReadConfig(error, path) => {
            Fatal::usage(format!("the kubeconfig {} cannot be read: {error}", path.display()))
        }
        error => Fatal::usage(format!("the kubeconfig {}: {}", path.display(), with_causes(&error))),
    };
    if let Some(file) = file {
        return Kubeconfig::read_from(file).map(Some).map_err(|error| broken(file, error));
    }
    let listed = std::env::var_os("KUBECONFIG").filter(|value| !value.is_empty());
    let paths: Vec<PathBuf> = match &listed {
        Some(value) => std::env::split_paths(value).filter(|path| !path.as_os_str().is_empty()).collect(),
        None => std::env::home_dir().map(|home| home.join(".kube").join("config")).into_iter().collect(),
    };
    let mut merged: Option<Kubeconfig> = None;
    for path in &paths {
        // As kubectl: a file of the list that does not exist is passed over.
        if !path.try_exists().unwrap_or(true) {
            continue;
        }
        let next = Kubeconfig::read_from(path).map_err(|error| broken(path, error))?;
        merged = Some(match merged {
            None => next,
            Some(first) => first.merge(next).map_err(|error| broken(path, error))?,
        });
    }
    if merged.is_none() && listed.is_some() && std::env::var_os(IN_CLUSTER_VARIABLE).is_none() {
        let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        return Err(Fatal::usage(format!("no file of KUBECONFIG exists: {}", names.join(", "))));
    }
    Ok(merged)
}

/// Whether the context's cluster names its own proxy.
fn proxy_of(kubeconfig: &Kubeconfig, context: &str) -> bool {
    let cluster = kubeconfig
        .contexts
        .iter()
        .find(|named| named.name == context)
        .and_then(|named| named.context.as_ref())
        .map(|context| &context.cluster);
    kubeconfig
        .clusters
        .iter()
        .filter(|named| Some(&named.name) == cluster)
        .filter_map(|named| named.cluster.as_ref())
        .any(|cluster| cluster.proxy_url.as_ref().is_some_and(|url| !url.is_empty()))
}

/// Settings that do not come from the files.
fn finish(mut config: Config, proxy_given: bool) -> Config {
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    // Retries are ours: they are counted, reported, and honour Retry-After.
    config.default_retry = false;
    if !proxy_given {
        // The library compares NO_PROXY with the proxy's own address; kubectl compares it with the server's.
        let direct = config.cluster_url.host().is_some_and(is_loopback);
        let proxy = Matcher::from_env().intercept(&config.cluster_url).map(|found| found.uri().clone());
        config.proxy_url = proxy.filter(|_| !direct);
    }
    config
}

/// Go's HTTP client, and so kubectl, never uses a proxy of the environment for these.
fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// An error and what caused it, without saying twice what the outer one already says.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    one_line(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_reached_without_a_proxy() {
        for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.3.4.5", "::1", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["10.0.0.1", "localhost.example", "example.org"] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn user_information_is_not_shown() {
        let server = |url: &str| Access { config: Config::new(url.parse().unwrap()), context: None }.server();
        assert_eq!(server("https://me:secret@10.0.0.1:6443/"), "https://10.0.0.1:6443");
        assert_eq!(server("https://example.org/k8s/c-1"), "https://example.org/k8s/c-1");
    }
}
