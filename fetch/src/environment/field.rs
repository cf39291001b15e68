//! `fieldRef`: the downward API, as far as the pod object has it.

use k8s_openapi::api::core::v1::Pod;

use super::Value;

/// The value of a field, by the paths that Kubernetes' `ConvertDownwardAPIFieldLabel` (pkg/apis/core/pods) allows in
/// environment variables.
pub(super) fn value(pod: &Pod, path: &str) -> Value {
    let meta = &pod.metadata;
    let spec = pod.spec.as_ref();
    let status = pod.status.as_ref();
    let keyed = |name: &str| {
        let key = path.strip_prefix(name)?.strip_prefix("['")?.strip_suffix("']")?;
        let map = if name.ends_with("labels") { &meta.labels } else { &meta.annotations };
        // The kubelet gives an absent key the empty value.
        Some(map.as_ref().and_then(|map| map.get(key)).cloned().unwrap_or_default())
    };
    let joined = |ips: Option<Vec<String>>| ips.map(|ips| ips.join(","));
    let value = match path {
        "metadata.name" => meta.name.clone(),
        "metadata.namespace" => meta.namespace.clone(),
        "metadata.uid" => meta.uid.clone(),
        "spec.nodeName" | "spec.host" => spec.and_then(|spec| spec.node_name.clone()),
        "spec.serviceAccountName" => spec.and_then(|spec| spec.service_account_name.clone()),
        "status.podIP" => status.and_then(|status| status.pod_ip.clone()),
        "status.hostIP" => status.and_then(|status| status.host_ip.clone()),
        "status.podIPs" => {
            let ips = status.and_then(|status| status.pod_ips.as_ref());
            joined(ips.map(|ips| ips.iter().map(|one| one.ip.clone()).collect()))
        }
        "status.hostIPs" => {
            let ips = status.and_then(|status| status.host_ips.as_ref());
            joined(ips.map(|ips| ips.iter().map(|one| one.ip.clone()).collect()))
        }
        _ => keyed("metadata.labels").or_else(|| keyed("metadata.annotations")),
    };
    value.map_or_else(|| Value::Elsewhere(format!("the field {path}")), Value::Known)
}
