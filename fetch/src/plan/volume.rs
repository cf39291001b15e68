//! Where a directory of a container lies, if on a volume: two containers of one pod may share it.

use std::path::{Component, Path, PathBuf};

use k8s_openapi::api::core::v1::Container;

/// A place on a volume of the pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Name of the volume in the pod's spec.
    pub(super) volume: String,
    /// Path on the volume.
    path: PathBuf,
}

/// The place of an absolute directory; `None` if it lies in the container's own file system, or cannot be told.
pub(super) fn place(container: &Container, directory: &str) -> Option<Place> {
    let directory = Path::new(directory);
    if !directory.is_absolute() || directory.components().any(|part| part == Component::ParentDir) {
        return None;
    }
    let mounts = container.volume_mounts.iter().flatten();
    let inner = mounts
        .filter_map(|mount| Some((mount, directory.strip_prefix(&mount.mount_path).ok()?)))
        .max_by_key(|(mount, _)| mount.mount_path.trim_end_matches('/').len())?;
    let (mount, rest) = inner;
    // An expression in the sub-path may differ from container to container.
    if mount.sub_path_expr.as_ref().is_some_and(|text| !text.is_empty()) {
        return None;
    }
    let start = Path::new(mount.sub_path.as_deref().unwrap_or_default());
    Some(Place { volume: mount.name.clone(), path: start.join(rest).components().collect() })
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
}
