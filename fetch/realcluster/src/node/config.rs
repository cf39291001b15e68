//! containerd's configuration, in version 2 of its format, which 1.6 to 2.x read.

use std::path::Path;

/// Where containerd listens, relative to the node's directory.
pub(crate) const SOCKET: &str = "containerd.sock";

/// The text of the file.
///
/// Plugins are named that would complain of what the machine lacks, or make directories outside of `home`.
pub(crate) fn render(home: &Path, sandbox_image: &str) -> String {
    let home = home.display();
    format!(
        r#"version = 2
root = "{home}/private/root"
state = "{home}/private/state"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.nri.v1.nri",
  "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.internal.v1.tracing",
]

[grpc]
  address = "{home}/{SOCKET}"

[plugins."io.containerd.internal.v1.opt"]
  path = "{home}/private/opt"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{sandbox_image}"
  # Where CAP_SYS_RESOURCE is missing no process may be made harder to kill than its parent.
  restrict_oom_score_adj = true
  disable_tcp_service = true
  # A profile would stay loaded when all this is gone.
  disable_apparmor = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{home}/private/cni"
    conf_dir = "{home}/private/cni"

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
"#
    )
}
