//! Where a directory of a container lies, if on a volume: two containers of one pod may share it.

use std::path::{Component, Path, PathBuf};

use k8s_openapi::api::core::v1::{Container, Pod, VolumeMount};

use crate::reach::{Reach, containers, reach};

/// A place on a volume of the pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Name of the volume in the pod's spec.
    pub(super) volume: String,
    /// Path on the volume.
    path: PathBuf,
}

/// The innermost volume mount above an absolute directory, and the rest of the path.
fn mount<'a>(container: &'a Container, directory: &'a Path) -> Option<(&'a VolumeMount, &'a Path)> {
    if !directory.is_absolute() || directory.components().any(|part| part == Component::ParentDir) {
        return None;
    }
    let mounts = container.volume_mounts.iter().flatten();
    mounts
        .filter_map(|mount| Some((mount, directory.strip_prefix(&mount.mount_path).ok()?)))
        .max_by_key(|(mount, _)| mount.mount_path.trim_end_matches('/').len())
}

/// Whether a directory is known to lie on a volume, so that it outlives its container.
pub(super) fn is_mounted(container: &Container, directory: &str) -> bool {
    mount(container, Path::new(directory)).is_some()
}

/// Why files in the directory would be lost, or out of reach, if the container ended; `None` if it would be started again
/// and find them.
pub(super) fn fleeting(pod: &Pod, container: &Container, directory: &str) -> Option<String> {
    if mount(container, Path::new(directory)).is_none() {
        return Some(format!(
            "{directory} lies on no volume of the pod and goes with the container; mount one there (an emptyDir will do)"
        ));
    }
    if pod.metadata.deletion_timestamp.is_some() {
        return Some("the pod is being deleted and does not come back".to_owned());
    }
    let policy = pod.spec.as_ref().and_then(|spec| spec.restart_policy.as_deref());
    // A container's own comes before the pod's.
    let policy = container.restart_policy.as_deref().or(policy).unwrap_or("Always");
    if policy == "Always" {
        return None;
    }
    let elsewhere = witness(pod, container, directory).map(|(other, from)| {
        let name = &container.name;
        format!("; container {other} mounts its volume: once {name} has ended by itself, -c {other} --from {from} reads its files there")
    });
    Some(format!(
        "the restart policy {policy} does not start it again once it has ended well{}",
        elsewhere.unwrap_or_default()
    ))
}

/// Another running container of the pod that can see the directory, and where.
fn witness<'a>(pod: &'a Pod, container: &Container, directory: &str) -> Option<(&'a str, String)> {
    let wanted = place(container, directory)?;
    let running = |other: &&Container| {
        other.name != container.name && matches!(reach(pod, other), Reach::Running { .. })
    };
    containers(pod).into_iter().filter(running).find_map(|other| {
        let mounts = other.volume_mounts.iter().flatten().filter(|mount| mount.name == wanted.volume);
        let seen = |mount: &VolumeMount| {
            let rest = wanted.path.strip_prefix(mount.sub_path.as_deref().unwrap_or_default()).ok()?;
            let path = Path::new(&mount.mount_path).join(rest).components().collect::<PathBuf>();
            let path = path.to_str()?.to_owned();
            // Another mount may lie on top of it.
            (place(other, &path).as_ref() == Some(&wanted)).then_some(path)
        };
        mounts.into_iter().find_map(seen).map(|path| (other.name.as_str(), path))
    })
}

/// The place of an absolute directory; `None` if it lies in the container's own file system, or cannot be told.
pub(super) fn place(container: &Container, directory: &str) -> Option<Place> {
    let (mount, rest) = mount(container, Path::new(directory))?;
    // An expression in the sub-path may differ from container to container.
    if mount.sub_path_expr.as_ref().is_some_and(|text| !text.is_empty()) {
        return None;
    }
    let start = Path::new(mount.sub_path.as_deref().unwrap_or_default());
    Some(Place { volume: mount.name.clone(), path: start.join(rest).components().collect() })
}

/// Names a directory on a volume so that two containers that share it, of one pod or of several, get the same name.
///
/// `None` if no other container can see the directory, or if that cannot be told.
pub(super) fn shared_name(pod: &Pod, container: &Container, directory: &str) -> Option<String> {
    let place = place(container, directory)?;
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let volumes = pod.spec.as_ref()?.volumes.as_deref().unwrap_or_default();
    let volume = volumes.iter().find(|volume| volume.name == place.volume);
    let path = place.path.display();
    if let Some(claim) = volume.and_then(|volume| volume.persistent_volume_claim.as_ref()) {
        return Some(format!("claim {namespace}/{} {path}", claim.claim_name));
    }
    if let Some(host) = volume.and_then(|volume| volume.host_path.as_ref()) {
        let node = pod.spec.as_ref()?.node_name.as_deref()?;
        return Some(format!("host {node} {}", Path::new(&host.path).join(&place.path).display()));
    }
    if let Some(nfs) = volume.and_then(|volume| volume.nfs.as_ref()) {
        return Some(format!("nfs {} {}", nfs.server, Path::new(&nfs.path).join(&place.path).display()));
    }
    let pod = pod.metadata.name.as_deref().unwrap_or_default();
    Some(format!("pod {namespace}/{pod} {} {path}", place.volume))
}

/// How the files of a container that does not run any more can be had, if they lie on a claim; else empty.
pub(super) fn way_out(pod: &Pod, container: &Container, directory: &str) -> String {
    let claim = || {
        let place = place(container, directory)?;
        let volumes = pod.spec.as_ref()?.volumes.as_deref()?;
        let volume = volumes.iter().find(|volume| volume.name == place.volume)?;
        let claim = &volume.persistent_volume_claim.as_ref()?.claim_name;
        let path = place.path.to_str()?;
        let from = if path.is_empty() { String::new() } else { format!(" --from {path}") };
        Some(format!("its files lie on the claim {claim}: read them with covfetch pvc/{claim}{from}"))
    };
    claim().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_innermost_mount_counts() {
        let container: Container = serde_json::from_value(json!({
            "name": "main",
            "volumeMounts": [
                {"name": "data", "mountPath": "/data"},
                {"name": "cov", "mountPath": "/data/cov/", "subPath": "run"},
                {"name": "own", "mountPath": "/own", "subPathExpr": "$(POD)"},
            ],
        }))
        .unwrap();
        let at =
            |directory: &str| place(&container, directory).map(|p| (p.volume, p.path.display().to_string()));
        assert_eq!(at("/data/cov/x"), Some(("cov".into(), "run/x".into())));
        assert_eq!(at("/data/cov"), Some(("cov".into(), "run".into())));
        assert_eq!(at("/data/coverage/"), Some(("data".into(), "coverage".into())));
        assert_eq!(at("/tmp/cov"), None);
        assert_eq!(at("/own/x"), None);
        assert_eq!(at("data"), None);
        assert_eq!(at("/data/../tmp"), None);
    }

    #[test]
    fn what_would_be_lost_with_its_container_is_known() {
        let of = |spec: serde_json::Value, directory: &str| {
            let pod: Pod = serde_json::from_value(json!({"metadata": {}, "spec": spec})).unwrap();
            fleeting(&pod, &pod.spec.as_ref().unwrap().containers[0], directory)
        };
        let spec = |policy: &str| {
            let mounts = json!([{"name": "cov", "mountPath": "/cov", "subPathExpr": "$(POD)"}]);
            json!({"restartPolicy": policy, "containers": [{"name": "main", "volumeMounts": mounts}]})
        };
        assert_eq!(of(spec("Always"), "/cov/x"), None);
        for (policy, directory, words) in [
            ("Always", "/tmp/cov", "on no volume"),
            ("Always", "cov", "on no volume"),
            ("Always", "/cov/../tmp", "on no volume"),
            ("OnFailure", "/cov", "restart policy OnFailure"),
            ("Never", "/cov", "restart policy Never"),
        ] {
            let why = of(spec(policy), directory).unwrap();
            assert!(why.contains(words), "{why}");
        }
    }

    /// Where the container does not come back, somebody else may have its files.
    #[test]
    fn who_else_can_read_what_an_ended_container_leaves_is_said() {
        let why = |beside: serde_json::Value, state: serde_json::Value| {
            let app = json!({"name": "app", "volumeMounts": [
                {"name": "cov", "mountPath": "/cov", "subPath": "app"},
            ]});
            let pod: Pod = serde_json::from_value(json!({
                "metadata": {},
                "spec": {"restartPolicy": "Never", "containers": [app, {"name": "beside", "volumeMounts": beside}]},
                "status": {"containerStatuses": [{"name": "beside", "ready": true, "restartCount": 0,
                    "image": "", "imageID": "", "state": state}]},
            }))
            .unwrap();
            fleeting(&pod, &pod.spec.as_ref().unwrap().containers[0], "/cov/x").unwrap()
        };
        let running = || json!({"running": {}});
        for (mounts, from) in [
            (json!([{"name": "cov", "mountPath": "/all/"}]), "/all/app/x"),
            (json!([{"name": "cov", "mountPath": "/its", "subPath": "app/x"}]), "/its"),
        ] {
            let said = why(mounts, running());
            assert!(said.contains(&format!("-c beside --from {from} reads")), "{said}");
        }
        for (mounts, state) in [
            (json!([{"name": "cov", "mountPath": "/all"}]), json!({"terminated": {"exitCode": 0}})),
            (json!([{"name": "other", "mountPath": "/all"}]), running()),
            (json!([{"name": "cov", "mountPath": "/all", "subPath": "other"}]), running()),
            (json!([{"name": "cov", "mountPath": "/all", "subPathExpr": "$(POD)"}]), running()),
            (
                json!([{"name": "cov", "mountPath": "/all"}, {"name": "top", "mountPath": "/all/app"}]),
                running(),
            ),
        ] {
            let said = why(mounts.clone(), state);
            assert!(said.ends_with("once it has ended well"), "{mounts}: {said}");
        }
    }

    /// Two replicas on one claim, and two containers on one emptyDir.
    #[test]
    fn who_shares_a_directory_gets_the_same_name() {
        let name = |pod_name: &str, volume: &serde_json::Value, mount: &str| {
            let pod: Pod = serde_json::from_value(json!({
                "metadata": {"name": pod_name, "namespace": "shop"},
                "spec": {"nodeName": "n1", "volumes": [volume], "containers": [
                    {"name": "main", "volumeMounts": [{"name": "cov", "mountPath": mount}]},
                ]},
            }))
            .unwrap();
            shared_name(&pod, &pod.spec.as_ref().unwrap().containers[0], &format!("{mount}/x"))
        };
        let claim = json!({"name": "cov", "persistentVolumeClaim": {"claimName": "c"}});
        assert_eq!(name("a", &claim, "/cov"), name("b", &claim, "/other"));
        let empty = json!({"name": "cov", "emptyDir": {}});
        assert_eq!(name("a", &empty, "/cov"), name("a", &empty, "/other"));
        assert_ne!(name("a", &empty, "/cov"), name("b", &empty, "/cov"));
        let host = json!({"name": "cov", "hostPath": {"path": "/var/cov"}});
        assert_eq!(name("a", &host, "/cov"), Some("host n1 /var/cov/x".to_owned()));
        let nfs = json!({"name": "cov", "nfs": {"server": "s", "path": "/p"}});
        assert_eq!(name("a", &nfs, "/cov"), Some("nfs s /p/x".to_owned()));
    }
}
