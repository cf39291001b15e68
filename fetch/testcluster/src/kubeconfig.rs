//! The kubeconfig file that leads to a cluster, as documented at
//! kubernetes.io/docs/reference/config-api/kubeconfig.v1. It is written in JSON, of which YAML is a superset.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// What a kubeconfig says.
pub(crate) struct Kubeconfig<'a> {
    pub(crate) server: &'a str,
    pub(crate) authority_pem: Option<&'a str>,
    pub(crate) token: Option<&'a str>,
    /// Certificate and key, PEM.
    pub(crate) client: Option<(&'a str, &'a str)>,
    /// Names and namespaces; the first is the current one.
    pub(crate) contexts: &'a [(String, Option<String>)],
}

impl Kubeconfig<'_> {
    /// The file's text.
    pub(crate) fn render(&self) -> String {
        let mut cluster = json!({"server": self.server});
        if let Some(pem) = self.authority_pem {
            cluster["certificate-authority-data"] = STANDARD.encode(pem).into();
        }
        let mut user = json!({});
        if let Some(token) = self.token {
            user["token"] = token.into();
        }
        if let Some((certificate, key)) = self.client {
            user["client-certificate-data"] = STANDARD.encode(certificate).into();
            user["client-key-data"] = STANDARD.encode(key).into();
        }
        let contexts: Vec<Value> = self
            .contexts
            .iter()
            .map(|(name, namespace)| {
                let mut context = json!({"cluster": "testcluster", "user": "tester"});
                if let Some(namespace) = namespace {
                    context["namespace"] = namespace.clone().into();
                }
                json!({"name": name, "context": context})
            })
            .collect();
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "testcluster", "cluster": cluster}],
            "users": [{"name": "tester", "user": user}],
            "contexts": contexts,
            "current-context": self.contexts.first().map_or("", |(name, _)| name.as_str()),
        });
        format!("{config:#}\n")
    }
}
