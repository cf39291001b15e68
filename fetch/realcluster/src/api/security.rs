//! Pod Security's admission of one container: k8s.io/pod-security-admission policy/check_*.go, as far as it is needed here.

use serde_json::Value;

use crate::pod::Standard;

/// Capabilities that the baseline lets a container add.
const USUAL: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Why a container is not admitted, in Kubernetes' words.
pub(super) fn violation(standard: Standard, spec: &Value) -> Option<String> {
    let name = &spec["name"];
    let context = &spec["securityContext"];
    let added = context["capabilities"]["add"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut wrong = Vec::new();
    if added.iter().any(|one| !one.as_str().is_some_and(|one| USUAL.contains(&one))) {
        wrong.push(format!(
            "non-default capabilities (container {name} must not include {} in securityContext.capabilities.add)",
            Value::from(added)
        ));
    }
    let level = match standard {
        Standard::Privileged => return None,
        Standard::Baseline => "baseline",
        Standard::Restricted => {
            if context["allowPrivilegeEscalation"] != false {
                wrong.push(format!("allowPrivilegeEscalation != false (container {name} must set securityContext.allowPrivilegeEscalation=false)"));
            }
            if context["capabilities"]["drop"] != serde_json::json!(["ALL"]) {
                wrong.push(format!("unrestricted capabilities (container {name} must set securityContext.capabilities.drop=[\"ALL\"])"));
            }
            if context["runAsNonRoot"] != true {
                wrong.push(format!("runAsNonRoot != true (pod or container {name} must set securityContext.runAsNonRoot=true)"));
            }
            if context["seccompProfile"]["type"] != "RuntimeDefault" {
                wrong.push(format!("seccompProfile (pod or container {name} must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\")"));
            }
            "restricted"
        }
    };
    (!wrong.is_empty()).then(|| format!("violates PodSecurity \"{level}:latest\": {}", wrong.join(", ")))
}
