//! Skaffold's environment: the defaults in a deploy hook, so that the bare command collects what was just deployed.
//!
//! Variables as in Skaffold's documentation of lifecycle hooks.

use std::path::PathBuf;

/// The label that Skaffold puts on what it deploys.
const RUN_LABEL: &str = "skaffold.dev/run-id";

/// What Skaffold tells its hooks. Empty variables count as unset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Skaffold {
    /// `SKAFFOLD_KUBE_CONTEXT`.
    pub context: Option<String>,
    /// `SKAFFOLD_NAMESPACES`, which separates them by commas.
    pub namespaces: Vec<String>,
    /// `SKAFFOLD_RUN_ID`.
    pub run_id: Option<String>,
    /// `SKAFFOLD_WORK_DIR`.
    pub work_dir: Option<PathBuf>,
}

impl Skaffold {
    /// Reads the environment through `variable`.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let given = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let namespaces = given("SKAFFOLD_NAMESPACES").unwrap_or_default();
        Self {
            context: given("SKAFFOLD_KUBE_CONTEXT"),
            namespaces: namespaces
                .split(',')
                .map(str::trim)
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
            run_id: given("SKAFFOLD_RUN_ID"),
            work_dir: given("SKAFFOLD_WORK_DIR").map(PathBuf::from),
        }
    }

    /// Reads this process's environment. What is not Unicode cannot be a name in a cluster and counts as unset.
    pub fn of_process() -> Self {
        Self::read(|name| std::env::var(name).ok())
    }

    /// The selector of what this run of Skaffold deployed. An error if the id cannot be a label's value.
    pub fn labels(&self) -> Result<Option<String>, String> {
        let Some(id) = &self.run_id else { return Ok(None) };
        let fits =
            id.len() <= 63 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if fits {
            Ok(Some(format!("{RUN_LABEL}={id}")))
        } else {
            Err(format!("SKAFFOLD_RUN_ID \"{id}\" is no label"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_variables_and_empty_names_are_none() {
        let read = |value: &str| Skaffold::read(|_| Some(value.to_owned()));
        assert_eq!(read(" "), Skaffold::default());
        assert_eq!(read("").labels(), Ok(None));
        let given = read("a, b,,");
        assert_eq!(given.namespaces, ["a", "b"]);
        assert!(given.labels().unwrap_err().contains("SKAFFOLD_RUN_ID"));
        assert_eq!(read("7f-1").labels(), Ok(Some("skaffold.dev/run-id=7f-1".to_owned())));
        assert_eq!(read("/w").work_dir, Some(PathBuf::from("/w")));
    }
}
