//! What guards and redacts, against the acceptance corpora.
//!
//! They lie outside the repository: `BINDERY_CORPORA` names their folder. A test whose corpus is
//! absent says so and passes.

mod limits;
mod redaction;
mod text;

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

/// The rows of a corpus, or nothing and a notice if it is absent.
fn rows<T: DeserializeOwned>(name: &str) -> Vec<T> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora");
    let folder = std::env::var_os("BINDERY_CORPORA").map_or_else(beside, PathBuf::from);
    let Ok(text) = std::fs::read_to_string(folder.join(name)) else {
        println!("skipped: {name} is not in {}; set BINDERY_CORPORA", folder.display());
        return Vec::new();
    };
    let rows: Result<Vec<T>, _> = text.lines().map(serde_json::from_str::<T>).collect();
    assert!(rows.is_ok(), "{name}: {:?}", rows.err());
    rows.unwrap_or_default()
}

/// Fails with every row that failed, not only with the first.
fn assert_none(failures: &[String]) {
    assert!(failures.is_empty(), "{} rows fail:\n{}", failures.len(), failures.join("\n"));
}
