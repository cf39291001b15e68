//! A pod in the words of the container runtime interface, as a kubelet puts it.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use super::State;
use crate::cri::messages::{
    Capability, ContainerConfig, ContainerMetadata, ContainerSecurity, Dns, ImageSpec, Int64Value, KeyValue,
    LinuxContainer, LinuxSandbox, Mount, NamespaceMode, NamespaceOption, ProfileType, SandboxConfig,
    SandboxMetadata, SandboxSecurity, SecurityProfile,
};
use crate::pod::{Container, Pod, Rights};

/// The sandbox of a pod.
pub(crate) fn sandbox(pod: &Pod, uid: &str, state: &State) -> SandboxConfig {
    let seccomp = Some(SecurityProfile { profile_type: ProfileType::RuntimeDefault as i32 });
    SandboxConfig {
        metadata: Some(SandboxMetadata {
            name: pod.name.clone(),
            uid: uid.to_owned(),
            namespace: pod.namespace.clone(),
        }),
        // The host's network comes with the host's name.
        hostname: String::new(),
        log_directory: state.home.join("logs").join(uid).display().to_string(),
        // Given, so that the host's is not looked for.
        dns_config: Some(Dns { servers: vec!["127.0.0.1".to_owned()] }),
        labels: HashMap::from([
            ("io.kubernetes.pod.name".to_owned(), pod.name.clone()),
            ("io.kubernetes.pod.namespace".to_owned(), pod.namespace.clone()),
            ("io.kubernetes.pod.uid".to_owned(), uid.to_owned()),
        ]),
        linux: Some(LinuxSandbox {
            cgroup_parent: format!("/{}", state.node),
            security_context: Some(SandboxSecurity { namespace_options: Some(namespaces(pod)), seccomp }),
        }),
    }
}

/// A container of a pod, whose volumes lie in a directory.
///
/// Those of claims lie in another one.
pub(crate) fn container(
    pod: &Pod,
    container: &Container,
    attempt: u32,
    volumes: &Path,
    claims: &Path,
) -> ContainerConfig {
    let envs = container.environment.iter();
    let mounts = container.volumes.iter().map(|(name, path)| {
        let host = if pod.claims.contains_key(name) { claims } else { volumes };
        let name = pod.claims.get(name).unwrap_or(name);
        Mount {
            container_path: path.clone(),
            host_path: host.join(name).display().to_string(),
            readonly: false,
        }
    });
    ContainerConfig {
        metadata: Some(ContainerMetadata { name: container.name.clone(), attempt }),
        image: Some(ImageSpec { image: container.image.clone() }),
        command: container.command.clone(),
        working_dir: String::new(),
        envs: envs.map(|(key, value)| KeyValue { key: key.clone(), value: value.clone() }).collect(),
        mounts: mounts.collect(),
        log_path: log_name(&container.name, attempt),
        linux: Some(LinuxContainer { security_context: Some(security(pod, container.rights)) }),
    }
}

/// Name of a container's log file; each start has its own.
pub(crate) fn log_name(container: &str, attempt: u32) -> String {
    format!("{container}-{attempt}.log")
}

fn namespaces(pod: &Pod) -> NamespaceOption {
    let pid = if pod.shared_processes { NamespaceMode::Pod } else { NamespaceMode::Container };
    NamespaceOption {
        network: NamespaceMode::Node as i32,
        pid: pid as i32,
        ipc: NamespaceMode::Pod as i32,
        target_id: String::new(),
    }
}

fn security(pod: &Pod, rights: Rights) -> ContainerSecurity {
    let user = match rights {
        Rights::Root | Rights::OfImage(_) => None,
        Rights::Nonroot(id) | Rights::Restricted(id) => Some(Int64Value { value: id.into() }),
    };
    let restricted = matches!(rights, Rights::Restricted(_));
    let profile = if restricted { ProfileType::RuntimeDefault } else { ProfileType::Unconfined };
    let dropped = if restricted { vec!["ALL".to_owned()] } else { Vec::new() };
    ContainerSecurity {
        capabilities: Some(Capability { add_capabilities: Vec::new(), drop_capabilities: dropped }),
        namespace_options: Some(namespaces(pod)),
        run_as_user: user.clone(),
        run_as_group: user,
        readonly_rootfs: restricted,
        supplemental_groups: Vec::new(),
        no_new_privs: restricted,
        seccomp: Some(SecurityProfile { profile_type: profile as i32 }),
    }
}

/// An ephemeral container as its spec in the API has it, among the processes of a container of the pod.
pub(crate) fn ephemeral(pod: &Pod, spec: &Value, target: Option<&str>) -> ContainerConfig {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let texts = |value: &Value| value.as_array().into_iter().flatten().map(text).collect::<Vec<_>>();
    let context = &spec["securityContext"];
    let number = |name: &str| context[name].as_i64().map(|value| Int64Value { value });
    let mut namespaces = namespaces(pod);
    // Where processes are shared the target's are in the pod's namespace.
    if let (Some(target), false) = (target, pod.shared_processes) {
        namespaces.pid = NamespaceMode::Target as i32;
        target.clone_into(&mut namespaces.target_id);
    }
    let confined = context.pointer("/seccompProfile/type").is_some_and(|kind| kind == "RuntimeDefault");
    let profile = if confined { ProfileType::RuntimeDefault } else { ProfileType::Unconfined };
    let name = text(&spec["name"]);
    ContainerConfig {
        image: Some(ImageSpec { image: text(&spec["image"]) }),
        command: texts(&spec["command"]),
        working_dir: text(&spec["workingDir"]),
        envs: Vec::new(),
        mounts: Vec::new(),
        log_path: log_name(&name, 0),
        metadata: Some(ContainerMetadata { name, attempt: 0 }),
        linux: Some(LinuxContainer {
            security_context: Some(ContainerSecurity {
                capabilities: Some(Capability {
                    add_capabilities: texts(&context["capabilities"]["add"]),
                    drop_capabilities: texts(&context["capabilities"]["drop"]),
                }),
                namespace_options: Some(namespaces),
                run_as_user: number("runAsUser"),
                run_as_group: number("runAsGroup"),
                readonly_rootfs: context["readOnlyRootFilesystem"] == true,
                supplemental_groups: Vec::new(),
                no_new_privs: context["allowPrivilegeEscalation"] == false,
                seccomp: Some(SecurityProfile { profile_type: profile as i32 }),
            }),
        }),
    }
}
