//! Coverage reports.
