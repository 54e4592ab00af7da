//! Envelopes of JSON-RPC 2.0, read strictly.
//!
//! Only the envelope is read here; `params` stays text until the guard has looked at it, so its
//! limits are those of the input and not of the envelope around it.

use std::fmt;

use guard::Intake;
use serde::{
    Deserialize, Deserializer,
    de::{self, SeqAccess, Visitor},
};
use serde_json::{Value, value::RawValue};
use shared_types::{Error, ErrorCode, rpc::RequestId};

/// The most calls in one batch.
const MOST_CALLS: usize = 100;

/// What a body holds.
#[derive(Debug)]
pub(super) enum Message {
    /// One call.
    Single(Result<Call, Error>),
    /// Several calls, each well-formed or not.
    Batch(Vec<Result<Call, Error>>),
}

/// One call.
#[derive(Debug)]
pub(super) struct Call {
    /// Absent for a notification.
    pub(super) id: Option<RequestId>,
    /// The operation's name.
    pub(super) method: String,
    params: Option<Box<RawValue>>,
}

impl Call {
    /// The parameters as an input, after the guard has looked at their text.
    ///
    /// # Errors
    /// `invalid_value` when they are not an object, or what the guard finds.
    pub(super) fn input(&self, intake: &Intake) -> Result<Value, Error> {
        let Some(params) = &self.params else { return Ok(Value::Null) };
        if !params.get().starts_with('{') {
            let error = Error::new(ErrorCode::InvalidValue, "params must be an object with named fields");
            return Err(error.at("params"));
        }
        intake.check_bytes(params.get().as_bytes(), 0)?;
        serde_json::from_str(params.get()).map_err(|error| {
            Error::new(ErrorCode::InvalidJson, format!("params are not valid JSON: {error}")).at("params")
        })
    }
}

/// Reads a body.
///
/// # Errors
/// `invalid_json`, or `invalid_request` for a batch that is empty or too long.
pub(super) fn parse(bytes: &[u8]) -> Result<Message, Error> {
    let whole: &RawValue = serde_json::from_slice(bytes).map_err(|error| {
        Error::new(ErrorCode::InvalidJson, format!("the body is not valid JSON: {error}"))
    })?;
    if !whole.get().starts_with('[') {
        return Ok(Message::Single(call(whole)));
    }
    let Items(items) =
        serde_json::from_str(whole.get()).map_err(|error| invalid_request(error.to_string()))?;
    if items.is_empty() {
        return Err(invalid_request("a batch has at least one call"));
    }
    Ok(Message::Batch(items.into_iter().map(call).collect()))
}

fn invalid_request(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::InvalidRequest, message)
}

/// Members we know of, as text. A member that stands twice is refused: two readers of one
/// message must not see two methods. Members we do not know are left alone.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow, default)]
    jsonrpc: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    method: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    params: Option<&'a RawValue>,
}

/// Tells `null` from absent.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

fn call(text: &RawValue) -> Result<Call, Error> {
    if !text.get().starts_with('{') {
        return Err(invalid_request("a call is a JSON object"));
    }
    let members: Members = serde_json::from_str(text.get())
        .map_err(|error| invalid_request(format!("the call cannot be read: {error}")))?;
    if read::<String>(members.jsonrpc).as_deref() != Some("2.0") {
        return Err(invalid_request("jsonrpc must be \"2.0\"").at("jsonrpc"));
    }
    let id = match members.id {
        None => None,
        Some(id) => Some(read(Some(id)).ok_or_else(|| {
            invalid_request("id must be a string or a whole number; leave it out for a notification").at("id")
        })?),
    };
    let method =
        read(members.method).ok_or_else(|| invalid_request("method must be a string").at("method"))?;
    Ok(Call { id, method, params: members.params.map(ToOwned::to_owned) })
}

fn read<T: de::DeserializeOwned>(member: Option<&RawValue>) -> Option<T> {
    serde_json::from_str(member?.get()).ok()
}

/// The items of an array, read no further than a batch may be long.
struct Items<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Items<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bounded;

        impl<'de> Visitor<'de> for Bounded {
            type Value = Items<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "an array of at most {MOST_CALLS} calls")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = array.next_element()? {
                    if items.len() == MOST_CALLS {
                        return Err(de::Error::custom(format!("a batch has at most {MOST_CALLS} calls")));
                    }
                    items.push(item);
                }
                Ok(Items(items))
            }
        }

        deserializer.deserialize_seq(Bounded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(body: &str) -> Option<ErrorCode> {
        match parse(body.as_bytes()) {
            Err(error) | Ok(Message::Single(Err(error))) => Some(error.code),
            Ok(_) => None,
        }
    }

    #[test]
    fn ids_are_strings_or_whole_numbers() {
        let with_id = |id: &str| code(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"x"}}"#));
        for id in ["1", "-1", r#""a""#, r#""""#] {
            assert_eq!(with_id(id), None, "{id}");
        }
        for id in ["null", "true", "1.5", "[]", "{}", "99999999999999999999"] {
            assert_eq!(with_id(id), Some(ErrorCode::InvalidRequest), "{id}");
        }
    }

    #[test]
    fn what_is_not_json_is_told_from_what_is_not_a_call() {
        for body in ["", " ", "{", r#"{"jsonrpc":"2.0",}"#, "[1,", "{} x", "\u{feff}{}"] {
            assert_eq!(code(body), Some(ErrorCode::InvalidJson), "{body}");
        }
        for body in ["null", "1", "[]", "{}", r#"{"jsonrpc":"2.0","id":1}"#] {
            assert_eq!(code(body), Some(ErrorCode::InvalidRequest), "{body}");
        }
    }

    #[test]
    fn a_member_that_stands_twice_is_refused() {
        let body = r#"{"jsonrpc":"2.0","id":1,"method":"get_task","method":"delete_task"}"#;
        assert_eq!(code(body), Some(ErrorCode::InvalidRequest));
    }

    #[test]
    fn a_batch_is_bounded_and_its_items_are_judged_one_by_one() {
        let calls = |count| format!("[{}]", vec!["{}"; count].join(","));
        assert_eq!(code(&calls(MOST_CALLS)), None);
        assert_eq!(code(&calls(MOST_CALLS + 1)), Some(ErrorCode::InvalidRequest));
        let Ok(Message::Batch(items)) = parse(br#"[1, {"jsonrpc":"2.0","method":"x"}]"#) else {
            unreachable!("an array is a batch")
        };
        assert!(items[0].is_err() && items[1].is_ok());
    }
}
