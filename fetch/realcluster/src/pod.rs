//! What a pod is made of, in the field's words.

use std::collections::BTreeMap;

use crate::image::Image;

/// What a container may do; the three of the pod security standards' usual examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rights {
    /// As root, with the runtime's usual capabilities and no seccomp profile.
    #[default]
    Root,
    /// As this user and group id.
    Nonroot(u32),
    /// As this user and group id, without capabilities, without gaining any, with the runtime's seccomp profile, and with
    /// nothing writable but volumes.
    Restricted(u32),
    /// As the user and group of this id, which only the image names ([`Image::user`]).
    OfImage(u32),
}

/// The pod security standard that the pod's namespace enforces, as far as ephemeral containers are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Standard {
    /// None.
    #[default]
    Privileged,
    /// No capabilities beyond the usual.
    Baseline,
    /// No root, no capabilities, none to be gained, and a seccomp profile.
    Restricted,
}

/// When a container of a pod runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Stage {
    /// Beside the others.
    #[default]
    Beside,
    /// To its end, before the next one.
    Before,
    /// Beside the others, and listed among those that run before them.
    Sidecar,
}

/// A container of a pod.
#[derive(Debug, Clone)]
pub struct Container {
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) command: Vec<String>,
    pub(crate) environment: BTreeMap<String, String>,
    /// Names of volumes and where they are mounted.
    pub(crate) volumes: BTreeMap<String, String>,
    pub(crate) rights: Rights,
    pub(crate) stage: Stage,
}

impl Container {
    /// A container that runs the image's command as root.
    pub fn new(name: &str, image: &Image) -> Self {
        Self {
            name: name.to_owned(),
            image: image.reference().to_owned(),
            command: Vec::new(),
            environment: BTreeMap::new(),
            volumes: BTreeMap::new(),
            rights: Rights::default(),
            stage: Stage::default(),
        }
    }

    /// Gives the container another name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Sets the command.
    #[must_use]
    pub fn command<'a>(mut self, command: impl IntoIterator<Item = &'a str>) -> Self {
        self.command = command.into_iter().map(str::to_owned).collect();
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Mounts an `emptyDir` volume of the pod, which everybody may write to.
    #[must_use]
    pub fn volume(mut self, name: &str, path: &str) -> Self {
        self.volumes.insert(name.to_owned(), path.to_owned());
        self
    }

    /// Makes it an init container: it must come to its end before the next one starts.
    #[must_use]
    pub fn init(mut self) -> Self {
        self.stage = Stage::Before;
        self
    }

    /// Makes it an init container with the restart policy `Always`, which runs on beside the others.
    #[must_use]
    pub fn sidecar(mut self) -> Self {
        self.stage = Stage::Sidecar;
        self
    }

    /// Sets what it may do.
    #[must_use]
    pub fn rights(mut self, rights: Rights) -> Self {
        self.rights = rights;
        self
    }
}

/// A pod.
#[derive(Debug, Clone)]
pub struct Pod {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) containers: Vec<Container>,
    pub(crate) shared_processes: bool,
    pub(crate) tells_users: bool,
    /// Claims by the names of their volumes.
    pub(crate) claims: BTreeMap<String, String>,
    pub(crate) standard: Standard,
}

impl Pod {
    /// A pod without containers.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            labels: BTreeMap::new(),
            containers: Vec::new(),
            shared_processes: false,
            tells_users: true,
            claims: BTreeMap::new(),
            standard: Standard::default(),
        }
    }

    /// Sets a label.
    #[must_use]
    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.labels.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Adds a container.
    #[must_use]
    pub fn container(mut self, container: Container) -> Self {
        self.containers.push(container);
        self
    }

    /// Lets all containers share one PID namespace (`shareProcessNamespace`): process 1 is then the sandbox's.
    #[must_use]
    pub fn shared_processes(mut self) -> Self {
        self.shared_processes = true;
        self
    }

    /// Lets a volume be that of a claim, which is made if nobody has it yet.
    #[must_use]
    pub fn claim(mut self, volume: &str, claim: &str) -> Self {
        self.claims.insert(volume.to_owned(), claim.to_owned());
        self
    }

    /// Enforces a standard.
    #[must_use]
    pub fn standard(mut self, standard: Standard) -> Self {
        self.standard = standard;
        self
    }

    /// Leaves the containers' users out of the pod's status, as kubelets did before Kubernetes 1.31.
    #[must_use]
    pub fn silent_on_users(mut self) -> Self {
        self.tells_users = false;
        self
    }
}
