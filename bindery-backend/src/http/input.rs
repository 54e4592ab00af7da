//! One input object from path, query string and body.

use std::borrow::Cow;

use axum::{RequestPartsExt, extract::Path, http::request::Parts};
use serde_json::{Value, map::Entry};
use shared_types::{Error, ErrorCode, JsonObject};

use crate::app::App;

/// More pairs than this are refused before they become an object.
const MOST_PAIRS: usize = 1000;

/// Gathers the fields of a request, wherever they stand. Values of the path and the query string
/// are text; what they mean is decided by the types that the operation declares.
///
/// # Errors
/// What is wrong with the body, or `invalid_value` when a field is given twice with two values.
pub(super) async fn gather(app: &App, path: &str, parts: &mut Parts, body: &[u8]) -> Result<Value, Error> {
    let mut fields = JsonObject::new();
    if path.contains('{') {
        fields.extend(from_path(parts).await?);
    }
    for (name, value) in from_query(parts.uri.query().unwrap_or_default())? {
        add(&mut fields, name, value)?;
    }
    if !body.is_empty() {
        for (name, value) in from_body(app, body)? {
            add(&mut fields, name, value)?;
        }
    }
    Ok(Value::Object(fields))
}

async fn from_path(parts: &mut Parts) -> Result<JsonObject, Error> {
    let Path(pairs) = parts
        .extract::<Path<Vec<(String, String)>>>()
        .await
        .map_err(|rejection| Error::new(ErrorCode::InvalidValue, rejection.body_text()))?;
    Ok(pairs.into_iter().map(|(name, value)| (name, Value::String(value))).collect())
}

/// A name that is repeated is a list.
fn from_query(query: &str) -> Result<JsonObject, Error> {
    let mut fields = JsonObject::new();
    for (count, (name, value)) in form_urlencoded::parse(query.as_bytes()).enumerate() {
        if count == MOST_PAIRS {
            let message = format!("more than {MOST_PAIRS} pairs in the query string");
            return Err(Error::new(ErrorCode::LimitExceeded, message).with("limit", MOST_PAIRS));
        }
        let value = Value::String(value.into_owned());
        match fields.entry(Cow::into_owned(name)) {
            Entry::Vacant(place) => {
                place.insert(value);
            }
            Entry::Occupied(mut place) => match place.get_mut() {
                Value::Array(values) => values.push(value),
                first => *first = Value::Array(vec![first.take(), value]),
            },
        }
    }
    Ok(fields)
}

fn from_body(app: &App, bytes: &[u8]) -> Result<JsonObject, Error> {
    app.intake().check_bytes(bytes, 0)?;
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(Error::new(ErrorCode::InvalidValue, "the body must be a JSON object")),
        Err(error) => Err(Error::new(ErrorCode::InvalidJson, format!("the body is not JSON: {error}"))),
    }
}

/// The same field may stand in two places, but only with one value.
fn add(fields: &mut JsonObject, name: String, value: Value) -> Result<(), Error> {
    match fields.entry(name) {
        Entry::Vacant(place) => {
            place.insert(value);
            Ok(())
        }
        Entry::Occupied(place) if says_the_same(place.get(), &value) => Ok(()),
        Entry::Occupied(place) => {
            let name = place.key();
            Err(Error::new(ErrorCode::InvalidValue, format!("{name} is given twice, with different values"))
                .at(name.clone())
                .suggest("Give it in one place: the path, the query string or the body."))
        }
    }
}

/// Path and query can only write text, so `4` and `"4"` say the same.
fn says_the_same(one: &Value, other: &Value) -> bool {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let comparable = one.is_string() || other.is_string();
    one == other || comparable && text(one) == text(other)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_repeated_name_is_a_list() {
        let fields = from_query("status=todo&tags=a&tags=b%20c&tags=d").unwrap();
        assert_eq!(Value::Object(fields), json!({ "status": "todo", "tags": ["a", "b c", "d"] }));
    }

    #[test]
    fn too_many_pairs_are_refused() {
        let query = "a=1&".repeat(MOST_PAIRS + 1);
        assert_eq!(from_query(&query).unwrap_err().code, ErrorCode::LimitExceeded);
    }

    #[test]
    fn a_field_given_twice_must_say_the_same() {
        let mut fields = JsonObject::new();
        add(&mut fields, "expected_version".into(), json!("4")).unwrap();
        add(&mut fields, "expected_version".into(), json!(4)).unwrap();
        let error = add(&mut fields, "expected_version".into(), json!(5)).unwrap_err();
        assert_eq!(error.field.as_deref(), Some("expected_version"));
    }
}
