//! The two selectors of a list request, as the API server reads them.

mod field;
mod label;
mod syntax;

pub(crate) use field::{FieldSelector, Fields};
pub(crate) use label::LabelSelector;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::{FieldSelector, LabelSelector};

    /// What Kubernetes' own parsers say: `answers.json` was made by a program of ten lines around `labels.Parse` and
    /// `fields.ParseSelector` of k8s.io/apimachinery at commit eed236ceee2c (July 2026, towards 1.37). For each selector
    /// it has the error, or one digit for each of the sets: 1 for a match.
    #[derive(Deserialize)]
    struct Answers {
        labels: Part,
        fields: Part,
    }

    #[derive(Deserialize)]
    struct Part {
        sets: Vec<BTreeMap<String, String>>,
        cases: Vec<(String, String)>,
    }

    fn compare(part: &Part, answer: impl Fn(&str) -> String) {
        assert!(part.cases.len() > 20);
        let wrong: Vec<String> = part
            .cases
            .iter()
            .map(|(selector, expected)| (selector, expected, answer(selector)))
            .filter(|(_, expected, answer)| *expected != answer)
            .map(|(selector, expected, answer)| {
                format!("{selector:?}\n  expected {expected}\n  got      {answer}")
            })
            .collect();
        assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    }

    fn digits(
        sets: &[BTreeMap<String, String>],
        matches: impl Fn(&BTreeMap<String, String>) -> bool,
    ) -> String {
        sets.iter().map(|set| if matches(set) { '1' } else { '0' }).collect()
    }

    fn answers() -> Answers {
        serde_json::from_str(include_str!("answers.json")).unwrap()
    }

    #[test]
    fn label_selectors_are_read_as_kubernetes_reads_them() {
        let part = answers().labels;
        compare(&part, |text| match LabelSelector::parse(text) {
            Ok(selector) => digits(&part.sets, |set| selector.matches(set)),
            Err(error) => error,
        });
    }

    #[test]
    fn field_selectors_are_read_as_kubernetes_reads_them() {
        let part = answers().fields;
        compare(&part, |text| match FieldSelector::parse_any(text) {
            Ok(selector) => digits(&part.sets, |set| selector.matches(|field| set.get(field).cloned())),
            Err(error) => error,
        });
    }
}
