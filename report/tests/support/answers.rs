//! The answers of the newest reference that stand beside recorded data.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::NEWEST;

/// One recorded answer of the newest reference.
pub(crate) struct Answer {
    pub(crate) name: String,
    pub(crate) arguments: Vec<String>,
    pub(crate) exit: i32,
    pub(crate) stdout: Option<String>,
    pub(crate) stderr: Option<String>,
    pub(crate) output: Option<String>,
}

/// The answers to a command that a data set records.
pub(crate) fn answers(set: &Path, command: &str) -> Vec<Answer> {
    let case: Value = serde_json::from_slice(&fs::read(set.join("case.json")).unwrap()).unwrap();
    let string = |value: &Value| value.as_str().map(str::to_owned);
    let list =
        |value: &Value| -> Vec<String> { value.as_array().unwrap().iter().filter_map(string).collect() };
    case["goldens"]
        .as_array()
        .unwrap()
        .iter()
        .map(|golden| (golden, list(&golden["references"]), list(&golden["arguments"])))
        .filter(|(_, references, arguments)| {
            references.iter().any(|r| r == NEWEST) && arguments[0] == command
        })
        .map(|(golden, _, arguments)| Answer {
            name: string(&golden["name"]).unwrap(),
            arguments,
            exit: i32::try_from(golden["exit"].as_i64().unwrap()).unwrap(),
            stdout: string(&golden["stdout"]),
            stderr: string(&golden["stderr"]),
            output: string(&golden["output"]),
        })
        .collect()
}

/// The bytes of a recorded file; none if nothing was printed.
pub(crate) fn recorded(set: &Path, file: Option<&String>) -> Vec<u8> {
    file.map(|file| fs::read(set.join(file)).unwrap()).unwrap_or_default()
}
