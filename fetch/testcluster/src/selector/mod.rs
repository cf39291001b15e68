//! The two selectors of a list request, as the API server reads them.

mod field;
mod label;

pub(crate) use field::{FieldSelector, pod_fields};
pub(crate) use label::LabelSelector;
