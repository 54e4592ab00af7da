//! JSON-RPC 2.0 messages: their envelope is read, what they carry is passed on as it is.

use std::{borrow::Cow, collections::BTreeMap, io::Write};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::{CallError, Cancel};

/// An item of a stream: `{"id", "data"}`.
pub(super) const CHUNK: &str = "$/chunk";
/// How far a call has come: `{"id", "value"}`.
pub(super) const PROGRESS: &str = "$/progress";
/// Leave to send so many more items of a stream: `{"id", "n"}`.
pub(super) const CREDIT: &str = "$/credit";

/// A message as it came in. What it carries is borrowed from the line.
#[derive(Debug, Deserialize)]
pub(super) struct Envelope<'a> {
    #[serde(borrow)]
    jsonrpc: Cow<'a, str>,
    /// `null` is an id as well.
    #[serde(borrow, default, deserialize_with = "present")]
    pub(super) id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) method: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) params: Option<&'a RawValue>,
    /// `null` is a result as well.
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

fn present<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'a RawValue>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

/// The kinds of message.
#[derive(Debug)]
pub(super) enum Kind<'a> {
    Request { id: &'a RawValue },
    Notification,
    Answer { id: &'a RawValue, outcome: Outcome<'a> },
}

/// What an answer says.
#[derive(Debug, Clone, Copy)]
pub(super) enum Outcome<'a> {
    Result(&'a RawValue),
    Error(&'a RawValue),
}

impl<'a> Envelope<'a> {
    /// Reads one message; `None` when it is not JSON, or not JSON-RPC 2.0.
    pub(super) fn read(text: &'a str) -> Option<(Self, Kind<'a>)> {
        let envelope: Self = serde_json::from_str(text).ok()?;
        if envelope.jsonrpc != "2.0" {
            return None;
        }
        let kind = match (&envelope.method, envelope.id, envelope.error, envelope.result) {
            (Some(_), Some(id), None, None) => Kind::Request { id },
            (Some(_), None, None, None) => Kind::Notification,
            (None, Some(id), Some(error), None) => Kind::Answer { id, outcome: Outcome::Error(error) },
            (None, Some(id), None, Some(result)) => Kind::Answer { id, outcome: Outcome::Result(result) },
            _ => return None,
        };
        Some((envelope, kind))
    }
}

/// The id and the result of an answer laid out as most peers do it: `jsonrpc`, `id`, `result`. `None`
/// of all else, which is to be read as a whole; this only saves time.
pub(super) fn plain_result(text: &str) -> Option<(&str, &RawValue)> {
    let rest = member(text.strip_prefix('{')?, r#""jsonrpc""#)?.strip_prefix(r#""2.0","#)?;
    let rest = member(rest, r#""id""#)?;
    let (id, rest) = rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count());
    if id.is_empty() || id.starts_with('0') {
        return None;
    }
    let result = member(rest.strip_prefix(',')?, r#""result""#)?.strip_suffix('}')?;
    Some((id, serde_json::from_str(result).ok()?))
}

/// What follows the name of the first member.
fn member<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    Some(text.trim_ascii_start().strip_prefix(name)?.strip_prefix(':')?.trim_ascii_start())
}

impl Outcome<'_> {
    pub(super) fn into_result(self) -> Result<Box<RawValue>, CallError> {
        #[derive(Deserialize)]
        struct Failure {
            code: i64,
            #[serde(default)]
            message: String,
            #[serde(default)]
            data: Option<Box<RawValue>>,
        }
        match self {
            Self::Result(result) => Ok(result.to_owned()),
            Self::Error(error) => Err(match serde_json::from_str(error.get()) {
                Ok(Failure { code, message, data }) => CallError::Remote { code, message, data },
                Err(_) => CallError::Invalid(format!("the peer's error is not one: {}", error.get())),
            }),
        }
    }
}

/// `text` with the value at `old`, which is a part of it, replaced by `new`.
pub(super) fn replaced(text: &str, old: &str, new: &str) -> String {
    let start = old.as_ptr().addr() - text.as_ptr().addr();
    let mut out = String::with_capacity(text.len() + new.len());
    out.push_str(&text[..start]);
    out.push_str(new);
    out.push_str(&text[start + old.len()..]);
    out
}

/// Writes a request. `params` that are `null` are left out.
pub(super) fn request(
    id: u64,
    method: &str,
    params: &(impl Serialize + ?Sized),
    credit: Option<u32>,
) -> Result<Vec<u8>, CallError> {
    let mut out = Vec::with_capacity(256);
    // What cannot fail to be written to memory is written without a look at the outcome.
    out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
    let _ = serde_json::to_writer(&mut out, &id);
    out.extend_from_slice(br#","method":"#);
    let _ = serde_json::to_writer(&mut out, method);
    write_params(&mut out, params)?;
    if let Some(credit) = credit {
        let _ = write!(out, r#","credit":{credit}"#);
    }
    out.push(b'}');
    Ok(out)
}

/// Writes a notification. `params` that are `null` are left out.
pub(super) fn notification(method: &str, params: &(impl Serialize + ?Sized)) -> Result<Vec<u8>, CallError> {
    let mut out = br#"{"jsonrpc":"2.0","method":"#.to_vec();
    let _ = serde_json::to_writer(&mut out, method);
    write_params(&mut out, params)?;
    out.push(b'}');
    Ok(out)
}

fn write_params(out: &mut Vec<u8>, params: &(impl Serialize + ?Sized)) -> Result<(), CallError> {
    let without = out.len();
    out.extend_from_slice(br#","params":"#);
    let start = out.len();
    serde_json::to_writer(&mut *out, params).map_err(|error| CallError::Invalid(error.to_string()))?;
    match &out[start..] {
        [b'{' | b'[', ..] => Ok(()),
        b"null" => {
            out.truncate(without);
            Ok(())
        }
        _ => Err(CallError::Invalid("params must be an object, an array or nothing".to_owned())),
    }
}

/// Writes the notification that nobody waits for the answer to `id` any more.
pub(super) fn cancellation(cancel: &Cancel, id: u64) -> Vec<u8> {
    #[derive(Serialize)]
    struct Cancellation<'a> {
        jsonrpc: &'static str,
        method: &'a str,
        params: BTreeMap<&'a str, u64>,
    }
    let params = BTreeMap::from([(cancel.member.as_str(), id)]);
    written(&Cancellation { jsonrpc: "2.0", method: &cancel.method, params }, None)
}

/// Writes the leave to send `items` more of the stream `id`.
pub(super) fn credit(id: u64, items: u32) -> Vec<u8> {
    format!(r#"{{"jsonrpc":"2.0","method":"{CREDIT}","params":{{"id":{id},"n":{items}}}}}"#).into_bytes()
}

/// Writes the answer to a request with this id.
pub(super) fn answer(id: &RawValue, result: &RawValue) -> Vec<u8> {
    #[derive(Serialize)]
    struct Answer<'a> {
        jsonrpc: &'static str,
        id: &'a RawValue,
        result: &'a RawValue,
    }
    written(&Answer { jsonrpc: "2.0", id, result }, Some(result))
}

/// Writes the error that answers a request with this id.
pub(super) fn failure(id: &RawValue, code: i64, message: &str, data: Option<&RawValue>) -> Vec<u8> {
    #[derive(Serialize)]
    struct Failure<'a> {
        code: i64,
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<&'a RawValue>,
    }
    #[derive(Serialize)]
    struct Answer<'a> {
        jsonrpc: &'static str,
        id: &'a RawValue,
        error: Failure<'a>,
    }
    written(&Answer { jsonrpc: "2.0", id, error: Failure { code, message, data } }, data)
}

fn written(message: &(impl Serialize + ?Sized), carried: Option<&RawValue>) -> Vec<u8> {
    let mut out = Vec::with_capacity(96 + carried.map_or(0, |carried| carried.get().len()));
    // Strings, numbers and JSON that was checked cannot fail to be written to memory.
    if let Err(error) = serde_json::to_writer(&mut out, message) {
        tracing::error!(%error, "a message could not be written");
    }
    out
}

/// The id of a message of which only the first and the last bytes are known.
pub(super) fn id_at_an_end(head: &[u8], tail: &[u8]) -> Option<u64> {
    id_in_head(head).or_else(|| id_in_tail(tail))
}

/// Passes over members that are short and flat until it comes to the id.
fn id_in_head(head: &[u8]) -> Option<u64> {
    let mut rest = head.trim_ascii_start().strip_prefix(b"{")?;
    loop {
        let (key, after) = string(rest.trim_ascii_start())?;
        let value = after.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
        let after = match value.first()? {
            b'"' => string(value)?.1,
            b'{' | b'[' => return None,
            _ => &value[value.iter().position(|byte| *byte == b',')?..],
        };
        if key == b"id" {
            return number(&value[..value.len() - after.len()]);
        }
        rest = after.trim_ascii_start().strip_prefix(b",")?;
    }
}

/// The id is the last member. What ends in `,"id":7}` cannot be inside of a value: the last brace of
/// a line is that of the message.
fn id_in_tail(tail: &[u8]) -> Option<u64> {
    let members = tail.trim_ascii_end().strip_suffix(b"}")?.trim_ascii_end();
    let digits = members.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (before, id) = members.split_at(members.len() - digits);
    let before = before.trim_ascii_end().strip_suffix(b":")?.trim_ascii_end();
    before.strip_suffix(b"\"id\"")?.trim_ascii_end().strip_suffix(b",")?;
    number(id)
}

/// A JSON string at the beginning of `bytes`, and what follows it.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = bytes.strip_prefix(b"\"")?;
    let mut escaped = false;
    let end = inner.iter().position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    })?;
    Some((&inner[..end], &inner[end + 1..]))
}

fn number(bytes: &[u8]) -> Option<u64> {
    str::from_utf8(bytes).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_message_is_told_from_what_is() {
        let kind = |text| Envelope::read(text).map(|(_, kind)| kind);
        assert!(matches!(kind(r#"{"jsonrpc":"2.0","id":1,"method":"m"}"#), Some(Kind::Request { .. })));
        assert!(matches!(kind(r#"{"jsonrpc":"2.0","id":null,"method":"m"}"#), Some(Kind::Request { .. })));
        assert!(matches!(kind(r#"{"jsonrpc":"2.0","method":"m","x":[]}"#), Some(Kind::Notification)));
        assert!(matches!(kind(r#"{"jsonrpc":"2.0","id":"a","result":null}"#), Some(Kind::Answer { .. })));
        assert!(matches!(
            kind(r#"{"jsonrpc":"2.0","\u0069d":1,"result":2,"error":null}"#),
            Some(Kind::Answer { .. })
        ));
        for noise in [
            "",
            "1",
            "hello",
            "{}",
            r#"{"jsonrpc":"2.0"}"#,
            r#"{"jsonrpc":"2.0","id":1}"#,
            r#"{"jsonrpc":"1.0","id":1,"method":"m"}"#,
            r#"{"id":1,"method":"m"}"#,
            r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"m"}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":1,"error":{}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"m","result":1}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":7}"#,
            r#"{"jsonrpc":"2.0","method":"m"} {}"#,
        ] {
            assert!(kind(noise).is_none(), "{noise}");
        }
    }

    #[test]
    fn a_plain_result_is_what_the_whole_message_says() {
        for (text, expected) in [
            (r#"{"jsonrpc":"2.0","id":17,"result":{"a":[1]}}"#, Some(("17", r#"{"a":[1]}"#))),
            (r#"{"jsonrpc": "2.0", "id": 1, "result": null}"#, Some(("1", "null"))),
            (r#"{"jsonrpc":"2.0","id":1,"result":2,"error":null}"#, None),
            (r#"{"jsonrpc":"2.0","id":1,"result":}"#, None),
            (r#"{"jsonrpc":"2.0","id":01,"result":2}"#, None),
            (r#"{"jsonrpc":"2.0","id":+1,"result":2}"#, None),
            (r#"{"jsonrpc":"2.0","id":"1","result":2}"#, None),
            (r#"{"jsonrpc":"1.0","id":1,"result":2}"#, None),
            (r#"{"jsonrpc":"2.0","id":1,"result":2"#, None),
            (r#"{"jsonrpc":"2.0","id":,"result":2}"#, None),
        ] {
            let read = plain_result(text).map(|(id, result)| (id, result.get()));
            assert_eq!(read, expected, "{text}");
            if let Some((id, result)) = expected {
                let Some((_, Kind::Answer { id: same, outcome: Outcome::Result(whole) })) =
                    Envelope::read(text)
                else {
                    panic!("{text}");
                };
                assert_eq!((same.get(), whole.get()), (id, result));
            }
        }
    }

    #[test]
    fn params_are_an_object_an_array_or_nothing() {
        let sent = |written: Result<Vec<u8>, CallError>| String::from_utf8(written.unwrap()).unwrap();
        assert_eq!(
            sent(request(7, "a\"b", &[1, 2], Some(3))),
            r#"{"jsonrpc":"2.0","id":7,"method":"a\"b","params":[1,2],"credit":3}"#
        );
        assert_eq!(sent(notification("m", &())), r#"{"jsonrpc":"2.0","method":"m"}"#);
        assert!(matches!(request(1, "m", &"text", None), Err(CallError::Invalid(_))));
        let unwritable = std::collections::BTreeMap::from([((1, 2), 3)]);
        assert!(matches!(request(1, "m", &unwritable, None), Err(CallError::Invalid(_))));
    }

    #[test]
    fn the_id_is_found_at_either_end_and_nowhere_else() {
        let id = |head: &str, tail: &str| id_at_an_end(head.as_bytes(), tail.as_bytes());
        assert_eq!(id(r#"{"jsonrpc":"2.0","id":17,"result":"xx"#, "xxx"), Some(17));
        assert_eq!(id(r#" { "a\"id\"" : null , "id" : 17 , "result""#, ""), Some(17));
        assert_eq!(id(r#"{"result":{"id":3,"#, r#"xx"},"jsonrpc":"2.0","id": 17 }"#), Some(17));
        assert_eq!(id(r#"{"result":{"id":3,"#, r#"xx","id":3}}"#), None);
        assert_eq!(id(r#"{"result":"xx"#, r#",\"id\":3"}"#), None);
        assert_eq!(id(r#"{"method":"m","params":{"id":3"#, "x"), None);
        assert_eq!(id(r#"{"id":"17","result":"#, ""), None);
        assert_eq!(id(r#"{"id":1"#, r#"{"id":}"#), None);
        assert_eq!(id("[[[[", "]]]]"), None);
    }

    #[test]
    fn a_part_is_replaced_and_the_rest_stays() {
        let text = r#"{ "x":[1, 2] ,"id" : 1.50, "jsonrpc":"2.0", "method":"m"}"#;
        let (envelope, _) = Envelope::read(text).unwrap();
        let expected = r#"{ "x":[1, 2] ,"id" : 7, "jsonrpc":"2.0", "method":"m"}"#;
        assert_eq!(replaced(text, envelope.id.unwrap().get(), "7"), expected);
    }
}
