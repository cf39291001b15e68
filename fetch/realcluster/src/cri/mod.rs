//! What a kubelet asks of its container runtime, by the names that the interface gives it.

pub(crate) mod messages;

use std::path::Path;

use crate::error::Error;
use crate::rpc::Channel;
use messages::{
    ContainerConfig, ContainerId, ContainerStatus, ContainerStatusAnswer, CreateContainer, Exec, ExecAnswer,
    ImageSpec, ImageStatus, ImageStatusAnswer, Nothing, PortForward, RunSandbox, SandboxConfig, SandboxId,
    StopContainer,
};

/// containerd's runtime and image services.
#[derive(Clone)]
pub(crate) struct Runtime(Channel);

impl Runtime {
    /// Connects.
    pub(crate) async fn connect(socket: &Path) -> Result<Self, Error> {
        Ok(Self(Channel::connect(socket).await?))
    }

    /// Fails until the interface is served.
    pub(crate) async fn version(&self) -> Result<(), Error> {
        self.0.call("runtime.v1.RuntimeService/Version", &Nothing {}).await.map(|Nothing {}| ())
    }

    /// Whether the interface knows the image; it learns of imported ones a moment later.
    pub(crate) async fn has_image(&self, reference: &str) -> Result<bool, Error> {
        let question = ImageStatus { image: Some(ImageSpec { image: reference.to_owned() }) };
        let answer: ImageStatusAnswer = self.0.call("runtime.v1.ImageService/ImageStatus", &question).await?;
        Ok(answer.image.is_some())
    }

    /// Starts a sandbox and gives its id.
    pub(crate) async fn run_sandbox(&self, config: &SandboxConfig) -> Result<String, Error> {
        let question = RunSandbox { config: Some(config.clone()) };
        let answer: SandboxId = self.0.call("runtime.v1.RuntimeService/RunPodSandbox", &question).await?;
        Ok(answer.pod_sandbox_id)
    }

    /// Kills the sandbox's containers and removes it.
    pub(crate) async fn remove_sandbox(&self, sandbox: &str) -> Result<(), Error> {
        let question = SandboxId { pod_sandbox_id: sandbox.to_owned() };
        let Nothing {} = self.0.call("runtime.v1.RuntimeService/StopPodSandbox", &question).await?;
        let Nothing {} = self.0.call("runtime.v1.RuntimeService/RemovePodSandbox", &question).await?;
        Ok(())
    }

    /// Creates and starts a container and gives its id.
    pub(crate) async fn start_container(
        &self,
        sandbox: &str,
        config: ContainerConfig,
        sandbox_config: &SandboxConfig,
    ) -> Result<String, Error> {
        let question = CreateContainer {
            pod_sandbox_id: sandbox.to_owned(),
            config: Some(config),
            sandbox_config: Some(sandbox_config.clone()),
        };
        let created: ContainerId =
            self.0.call("runtime.v1.RuntimeService/CreateContainer", &question).await?;
        let Nothing {} = self.0.call("runtime.v1.RuntimeService/StartContainer", &created).await?;
        Ok(created.container_id)
    }

    /// Sends SIGKILL to a container's processes and waits for their end.
    pub(crate) async fn kill_container(&self, container: &str) -> Result<(), Error> {
        let question = StopContainer { container_id: container.to_owned(), timeout: 0 };
        let Nothing {} = self.0.call("runtime.v1.RuntimeService/StopContainer", &question).await?;
        Ok(())
    }

    /// The state of a container.
    pub(crate) async fn status(&self, container: &str) -> Result<ContainerStatus, Error> {
        const METHOD: &str = "runtime.v1.RuntimeService/ContainerStatus";
        let question = ContainerId { container_id: container.to_owned() };
        let answer: ContainerStatusAnswer = self.0.call(METHOD, &question).await?;
        answer.status.ok_or_else(|| Error::NoAnswer {
            method: METHOD.to_owned(),
            message: "it has no status".to_owned(),
        })
    }

    /// Prepares a command; containerd's streaming server runs it once somebody connects to the URL.
    pub(crate) async fn exec(&self, question: &Exec) -> Result<String, Error> {
        let answer: ExecAnswer = self.0.call("runtime.v1.RuntimeService/Exec", question).await?;
        Ok(answer.url)
    }

    /// Prepares a connection to a port of a sandbox; containerd's streaming server makes it once somebody connects to the
    /// URL.
    pub(crate) async fn forward(&self, sandbox: &str, port: u16) -> Result<String, Error> {
        let question = PortForward { pod_sandbox_id: sandbox.to_owned(), port: vec![port.into()] };
        let answer: ExecAnswer = self.0.call("runtime.v1.RuntimeService/PortForward", &question).await?;
        Ok(answer.url)
    }
}
