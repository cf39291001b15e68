//! The channels of a session: kubernetes staging/src/k8s.io/cri-streaming/pkg/streaming/remotecommand/websocket.go.

/// Standard input, from the client.
pub(super) const STDIN: u8 = 0;
/// Standard output.
pub(super) const STDOUT: u8 = 1;
/// Standard error.
pub(super) const STDERR: u8 = 2;
/// The Status at the end.
pub(super) const ERROR: u8 = 3;
/// v5 only: `[255, n]` from the client ends channel n.
pub(super) const CLOSE: u8 = 255;

/// The most bytes of output in one frame, the size of Go's copy buffer (io.Copy).
pub(super) const MAX_DATA: usize = 32 * 1024;
