//! The limits beside the plainest way to say the same: read the whole document into a tree, then
//! look at the tree.

mod tree;

use guard::limits::Form;
use proptest::{collection::vec, prelude::*};
use serde_json::Value;

use tree::{LIMITS, Tree};

/// Keys that mean something to the limits, and some that do not.
fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-f]",
        "[a-zé]{0,14}",
        Just("subtasks".to_owned()),
        Just("content".to_owned()),
        Just("constructor".to_owned()),
        Just("__x".to_owned()),
        Just("a\\u0000".to_owned()),
        Just("\\u005f_proto__".to_owned()),
    ]
}

/// The text of a JSON document, valid but for what the limits forbid.
fn document() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("null".to_owned()),
        Just("-1.5e3".to_owned()),
        "[a-z é]{0,30}".prop_map(|text| format!("\"{text}\"")),
        " ?[{\\[][a-z]{0,30}".prop_map(|text| format!("\"{text}\"")),
        Just("\"\\ud83d\\ude00\\n\"".to_owned()),
    ];
    scalar.prop_recursive(6, 60, 6, |inner| {
        let entry = (key(), inner.clone()).prop_map(|(key, value)| format!("\"{key}\": {value}"));
        prop_oneof![
            vec(inner, 0..7).prop_map(|items| format!("[{}]", items.join(","))),
            vec(entry, 0..6).prop_map(|entries| format!("{{{}}}", entries.join(" , "))),
        ]
    })
}

proptest! {
    #[test]
    fn bytes_and_values_meet_the_limits_that_a_tree_meets(text in document()) {
        let tree: Tree = serde_json::from_str(&text).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let found = LIMITS.check_bytes(text.as_bytes(), 0).map_err(|error| (error.code, error.field));
        prop_assert_eq!(&found, &tree.check(&LIMITS));
        if found.is_ok() {
            let value: Value = serde_json::from_str(&text).map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(LIMITS.check_value(&value, Form::AsSent), Ok(()));
        }
    }

    #[test]
    fn what_is_no_json_is_refused(text in document(), cut in any::<prop::sample::Index>()) {
        let cut = text.floor_char_boundary(cut.index(text.len()));
        let left = &text[..cut];
        if serde_json::from_str::<Tree>(left).is_err() {
            prop_assert!(LIMITS.check_bytes(left.as_bytes(), 0).is_err(), "{left}");
        }
    }
}
