//! A workload's object -> the pods that it stands for. Pure; the object is as the API server gave it.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde_json::Value;

use super::{Workload, WorkloadKind};
use crate::error::{Failure, Kind};

/// The pods of a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PodsOf {
    /// Those that a label selector selects, in kubectl's words.
    Labels(String),
    /// Those of the jobs that a cron job of this uid owns.
    JobsOf(String),
}

/// Reads the selector of a workload other than a pod.
pub fn pods_of(workload: &Workload, object: &Value) -> Result<PodsOf, Failure> {
    if workload.kind == WorkloadKind::CronJob {
        let uid = object.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default();
        if uid.is_empty() {
            return Err(Failure::new(Kind::Workload, format!("{workload} has no uid")));
        }
        return Ok(PodsOf::JobsOf(uid.to_owned()));
    }
    let selector = object.pointer("/spec/selector").cloned().unwrap_or(Value::Null);
    let text = if workload.kind == WorkloadKind::Service {
        // A Service's selector is a plain map of labels.
        let labels = serde_json::from_value(selector).map_err(|error| unreadable(workload, &error))?;
        selector_text(workload, LabelSelector { match_labels: labels, match_expressions: None })?
    } else {
        let selector: Option<LabelSelector> =
            serde_json::from_value(selector).map_err(|error| unreadable(workload, &error))?;
        selector_text(workload, selector.unwrap_or_default())?
    };
    if text.is_empty() {
        // Kubernetes takes an empty selector for all pods, or for none; neither can be meant here.
        let why = if workload.kind == WorkloadKind::Service {
            "has no selector: its endpoints are set by somebody else, so that its pods cannot be told; select them with -l"
        } else {
            "has no selector, so that its pods cannot be told; select them with -l"
        };
        return Err(Failure::new(Kind::Workload, format!("{workload} {why}")));
    }
    Ok(PodsOf::Labels(text))
}

/// The jobs among all of a namespace that a cron job owns: name and object.
pub fn jobs_of(uid: &str, jobs: &[Value]) -> Vec<(Workload, Value)> {
    let owned = |value: &&Value| {
        let Ok(job) = serde_json::from_value::<Job>((*value).clone()) else { return false };
        job.metadata.owner_references.iter().flatten().any(|owner| owner.uid == uid)
    };
    jobs.iter()
        .filter(owned)
        .filter_map(|job| {
            let name = job.pointer("/metadata/name")?.as_str()?.to_owned();
            Some((Workload { kind: WorkloadKind::Job, name }, job.clone()))
        })
        .collect()
}

fn unreadable(workload: &Workload, error: &serde_json::Error) -> Failure {
    Failure::new(Kind::Workload, format!("the selector of {workload} cannot be read: {error}"))
}

/// A selector as a list request takes it; all terms must be met.
fn selector_text(workload: &Workload, selector: LabelSelector) -> Result<String, Failure> {
    let labels = selector.match_labels.unwrap_or_default();
    let mut terms: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let mut words: Vec<String> = labels.into_iter().flat_map(|(key, value)| [key, value]).collect();
    for requirement in selector.match_expressions.unwrap_or_default() {
        let (key, values) = (requirement.key, requirement.values.unwrap_or_default());
        terms.push(match requirement.operator.as_str() {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "Exists" => key.clone(),
            "DoesNotExist" => format!("!{key}"),
            other => {
                let message = format!("the selector of {workload} has an unknown operator \"{other}\"");
                return Err(Failure::new(Kind::Workload, message));
            }
        });
        words.push(key);
        words.extend(values);
    }
    // What is no label would change the meaning of the text.
    let fits =
        |word: &String| word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte));
    if let Some(word) = words.iter().find(|word| !fits(word)) {
        let message = format!("the selector of {workload} has \"{word}\", which is no label");
        return Err(Failure::new(Kind::Workload, message));
    }
    Ok(terms.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn workload(kind: WorkloadKind) -> Workload {
        Workload { kind, name: "web".to_owned() }
    }

    fn text(kind: WorkloadKind, selector: &Value) -> Result<String, String> {
        match pods_of(&workload(kind), &json!({"spec": {"selector": selector}})) {
            Ok(PodsOf::Labels(text)) => Ok(text),
            Ok(other) => panic!("{other:?}"),
            Err(failure) => Err(failure.message),
        }
    }

    #[test]
    fn selectors_become_the_text_of_a_list_request() {
        let deployment = |selector: Value| text(WorkloadKind::Deployment, &selector);
        assert_eq!(deployment(json!({"matchLabels": {"b": "2", "a": "1"}})).unwrap(), "a=1,b=2");
        let expressions = json!({"matchLabels": {"app.kubernetes.io/name": "web"}, "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["front", "back"]},
            {"key": "env", "operator": "NotIn", "values": ["dev"]},
            {"key": "owner", "operator": "Exists"},
            {"key": "legacy", "operator": "DoesNotExist", "values": []},
        ]});
        assert_eq!(
            deployment(expressions).unwrap(),
            "app.kubernetes.io/name=web,tier in (front,back),env notin (dev),owner,!legacy"
        );
        assert_eq!(text(WorkloadKind::Service, &json!({"app": "web"})).unwrap(), "app=web");
    }

    #[test]
    fn what_selects_nothing_or_all_is_said() {
        for selector in [json!(null), json!({})] {
            let error = text(WorkloadKind::Service, &selector).unwrap_err();
            assert!(error.contains("service/web has no selector"), "{error}");
            let error = text(WorkloadKind::Deployment, &selector).unwrap_err();
            assert!(error.contains("deployment/web has no selector"), "{error}");
        }
        for (selector, words) in [
            (json!("app=web"), "cannot be read"),
            (json!({"matchLabels": {"a": "1,b=2"}}), "is no label"),
            (
                json!({"matchExpressions": [{"key": "a", "operator": "Gt", "values": ["1"]}]}),
                "unknown operator",
            ),
        ] {
            let error = text(WorkloadKind::Job, &selector).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn a_cron_job_owns_jobs_by_uid() {
        let cron = json!({"metadata": {"uid": "u-1"}, "spec": {}});
        assert_eq!(pods_of(&workload(WorkloadKind::CronJob), &cron).unwrap(), PodsOf::JobsOf("u-1".into()));
        assert!(pods_of(&workload(WorkloadKind::CronJob), &json!({})).is_err());
        let job = |name: &str, uid: &str| {
            let owner = json!({"apiVersion": "batch/v1", "kind": "CronJob", "name": "web", "uid": uid});
            json!({"metadata": {"name": name, "ownerReferences": [owner]}})
        };
        let jobs =
            [job("web-1", "u-1"), job("web-2", "u-2"), json!({"metadata": {"name": "alone"}}), json!(7)];
        let owned: Vec<String> = jobs_of("u-1", &jobs).iter().map(|(job, _)| job.to_string()).collect();
        assert_eq!(owned, ["job/web-1"]);
    }
}
