//! The query of an exec request: core/v1 `PodExecOptions`.

/// A server of Go 1.26 reads no query that has more parameters (net/url, GODEBUG urlmaxqueryparams).
const MAX_PARAMETERS: usize = 10_000;

/// What is to be run, and which streams the client wants.
#[derive(Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the four flags are independent parameters of the request")]
pub(super) struct ExecRequest {
    pub(super) command: Vec<String>,
    /// Empty if the pod's only container is meant.
    pub(super) container: String,
    pub(super) stdin: bool,
    pub(super) stdout: bool,
    pub(super) stderr: bool,
    pub(super) tty: bool,
}

impl ExecRequest {
    /// Reads a query; one with too many parameters counts as empty.
    pub(super) fn parse(query: &str) -> Self {
        let mut exec = Self::default();
        if query.split('&').count() > MAX_PARAMETERS {
            return exec;
        }
        let mut stderr = false;
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            // k8s.io/apimachinery pkg/runtime/converter.go: empty, "0" and "false" are false, all else is true.
            let flag = !matches!(&*value.to_lowercase(), "" | "0" | "false");
            match &*key {
                "command" => exec.command.push(value.into_owned()),
                "container" => exec.container = value.into_owned(),
                "stdin" => exec.stdin = flag,
                "stdout" => exec.stdout = flag,
                "stderr" => stderr = flag,
                "tty" => exec.tty = flag,
                _ => {}
            }
        }
        // With a terminal there is one output stream only.
        exec.stderr = stderr && !exec.tty;
        exec
    }

    pub(super) fn has_stream(&self) -> bool {
        self.stdin || self.stdout || self.stderr
    }
}
