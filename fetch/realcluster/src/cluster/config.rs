//! A pod in the words of the container runtime interface, as a kubelet puts it.

use std::collections::HashMap;
use std::path::Path;

use crate::cri::messages::{
    Capability, ContainerConfig, ContainerMetadata, ContainerSecurity, Dns, ImageSpec, Int64Value, KeyValue,
    LinuxContainer, LinuxSandbox, Mount, NamespaceMode, NamespaceOption, ProfileType, SandboxConfig,
    SandboxMetadata, SandboxSecurity, SecurityProfile,
};
use crate::node::Node;
use crate::pod::{Container, Pod, Rights};

/// The sandbox of a pod.
pub(crate) fn sandbox(pod: &Pod, uid: &str, node: &Node) -> SandboxConfig {
    let seccomp = Some(SecurityProfile { profile_type: ProfileType::RuntimeDefault as i32 });
    SandboxConfig {
        metadata: Some(SandboxMetadata {
            name: pod.name.clone(),
            uid: uid.to_owned(),
            namespace: pod.namespace.clone(),
        }),
        // The host's network comes with the host's name.
        hostname: String::new(),
        log_directory: node.home().join("logs").join(uid).display().to_string(),
        // Given, so that the host's is not looked for.
        dns_config: Some(Dns { servers: vec!["127.0.0.1".to_owned()] }),
        labels: HashMap::from([
            ("io.kubernetes.pod.name".to_owned(), pod.name.clone()),
            ("io.kubernetes.pod.namespace".to_owned(), pod.namespace.clone()),
            ("io.kubernetes.pod.uid".to_owned(), uid.to_owned()),
        ]),
        linux: Some(LinuxSandbox {
            cgroup_parent: format!("/{}", node.name()),
            security_context: Some(SandboxSecurity { namespace_options: Some(namespaces(pod)), seccomp }),
        }),
    }
}

/// A container of a pod, whose volumes lie in a directory.
pub(crate) fn container(pod: &Pod, container: &Container, attempt: u32, volumes: &Path) -> ContainerConfig {
    let envs = container.environment.iter();
    let mounts = container.volumes.iter().map(|(name, path)| Mount {
        container_path: path.clone(),
        host_path: volumes.join(name).display().to_string(),
    });
    ContainerConfig {
        metadata: Some(ContainerMetadata { name: container.name.clone(), attempt }),
        image: Some(ImageSpec { image: container.image.clone() }),
        command: container.command.clone(),
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
    NamespaceOption { network: NamespaceMode::Node as i32, pid: pid as i32, ipc: NamespaceMode::Pod as i32 }
}

fn security(pod: &Pod, rights: Rights) -> ContainerSecurity {
    let user = match rights {
        Rights::Root => None,
        Rights::Nonroot(id) | Rights::Restricted(id) => Some(Int64Value { value: id.into() }),
    };
    let restricted = matches!(rights, Rights::Restricted(_));
    let profile = if restricted { ProfileType::RuntimeDefault } else { ProfileType::Unconfined };
    let dropped = if restricted { vec!["ALL".to_owned()] } else { Vec::new() };
    ContainerSecurity {
        capabilities: Some(Capability { drop_capabilities: dropped }),
        namespace_options: Some(namespaces(pod)),
        run_as_user: user.clone(),
        run_as_group: user,
        readonly_rootfs: restricted,
        no_new_privs: restricted,
        seccomp: Some(SecurityProfile { profile_type: profile as i32 }),
    }
}
