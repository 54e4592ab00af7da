//! The words of the command line as a tool's arguments, read as its schema asks.

use serde_json::{Map, Value};

use crate::cli::suggest;

/// Reads `key=value` words, or one JSON object.
///
/// # Errors
/// What is wrong, with the argument's name.
pub(super) fn read(schema: &Value, words: &[String]) -> Result<Map<String, Value>, String> {
    if let [word] = words
        && word.trim_start().starts_with('{')
    {
        return serde_json::from_str(word)
            .map_err(|error| format!("the arguments are no JSON object: {error}"));
    }
    let mut arguments = Map::new();
    for word in words {
        let (name, text) = word.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
            format!(
                "{word:?} is neither key=value nor a JSON object; quote what has spaces: text='two words'"
            )
        })?;
        let value = value(known(schema, name)?, schema, text).map_err(|error| format!("{name}: {error}"))?;
        if arguments.insert(name.to_owned(), value).is_some() {
            return Err(format!("{name} is given twice"));
        }
    }
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let missing: Vec<_> = required.filter(|name| !arguments.contains_key(*name)).collect();
    match missing.first() {
        Some(first) => Err(format!("{} is missing; give it as {first}=…", missing.join(" and "))),
        None => Ok(arguments),
    }
}

/// What the schema says about an argument; null where it says nothing.
fn known<'a>(schema: &'a Value, name: &str) -> Result<&'a Value, String> {
    let properties = schema["properties"].as_object();
    if let Some(property) = properties.and_then(|properties| properties.get(name)) {
        return Ok(property);
    }
    if schema["additionalProperties"] != Value::Bool(false) {
        return Ok(&Value::Null);
    }
    let names = properties.into_iter().flatten().map(|(name, _)| name.as_str());
    Err(format!("{name} is not known.{}", suggest::instead(name, names)))
}

/// Reads one value.
fn value(property: &Value, schema: &Value, text: &str) -> Result<Value, String> {
    let mut wanted = Wanted::default();
    wanted.gather(property, schema, 0);
    let json = serde_json::from_str::<Value>(text).ok();
    if !wanted.values.is_empty() {
        let fits = |value: &&Value| value.as_str() == Some(text) || Some(*value) == json.as_ref();
        let found = wanted.values.iter().find(fits).cloned();
        let names = || wanted.values.iter().map(super::plain).collect::<Vec<_>>().join(", ");
        return found.ok_or_else(|| format!("{text:?} is none of {}", names()));
    }
    if let Some(json) = json.filter(|json| wanted.kinds.iter().any(|kind| is_a(kind, json))) {
        return Ok(json);
    }
    if wanted.kinds.is_empty() || wanted.kinds.iter().any(|kind| kind == "string") {
        return Ok(Value::String(text.to_owned()));
    }
    let names: Vec<_> = wanted.kinds.iter().map(|kind| in_words(kind)).collect();
    Err(format!("{text:?} is not {}", names.join(" or ")))
}

/// What a schema lets through: JSON types by their names, or certain values.
#[derive(Debug, Default)]
struct Wanted {
    kinds: Vec<String>,
    values: Vec<Value>,
}

impl Wanted {
    /// Adds what `property` lets through, with its alternatives and what it refers to in `schema`.
    fn gather(&mut self, property: &Value, schema: &Value, depth: usize) {
        // A schema may refer to itself.
        if depth > 8 {
            return;
        }
        if let Some(target) =
            property["$ref"].as_str().and_then(|path| schema.pointer(path.strip_prefix('#')?))
        {
            self.gather(target, schema, depth + 1);
        }
        for alternatives in ["anyOf", "oneOf", "allOf"] {
            for alternative in property[alternatives].as_array().into_iter().flatten() {
                self.gather(alternative, schema, depth + 1);
            }
        }
        self.values.extend(property["enum"].as_array().into_iter().flatten().cloned());
        self.values.extend(property.get("const").cloned());
        match &property["type"] {
            Value::String(kind) => self.kinds.push(kind.clone()),
            Value::Array(kinds) => {
                self.kinds.extend(kinds.iter().filter_map(Value::as_str).map(str::to_owned));
            }
            _ => {}
        }
    }
}

fn is_a(kind: &str, value: &Value) -> bool {
    match kind {
        "number" => value.is_number(),
        "integer" => {
            value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0)
        }
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => false,
    }
}

fn in_words(kind: &str) -> String {
    match kind {
        "number" => "a number".to_owned(),
        "integer" => "an integer".to_owned(),
        "boolean" => "true or false".to_owned(),
        "array" => "a JSON list, such as '[1, 2]'".to_owned(),
        "object" => "a JSON object, such as '{\"a\": 1}'".to_owned(),
        other => super::terminal::harmless(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({
            "type": "object", "additionalProperties": false, "required": ["text"],
            "$defs": {"size": {"type": "integer"}},
            "properties": {
                "text": {"type": "string"}, "count": {"type": "integer"}, "ratio": {"type": "number"},
                "deep": {"type": "boolean"}, "tags": {"type": "array"}, "more": {"type": "object"},
                "mode": {"enum": ["fast", 3]}, "size": {"$ref": "#/$defs/size"},
                "limit": {"anyOf": [{"type": "integer"}, {"type": "null"}]}
            }
        })
    }

    fn words(words: &[&str]) -> Result<Value, String> {
        read(&schema(), &words.iter().map(ToString::to_string).collect::<Vec<_>>()).map(Value::Object)
    }

    #[test]
    fn values_are_json_where_the_schema_says_so_and_text_elsewhere() {
        assert_eq!(
            words(&[
                "text=5",
                "count=7",
                "ratio=1.5",
                "deep=true",
                "tags=[1]",
                "more={\"a\":null}",
                "mode=3",
                "size=2",
                "limit=null"
            ]),
            Ok(json!({"text": "5", "count": 7, "ratio": 1.5, "deep": true, "tags": [1], "more": {"a": null},
                      "mode": 3, "size": 2, "limit": null}))
        );
        assert_eq!(words(&["text=a=b", "mode=fast"]), Ok(json!({"text": "a=b", "mode": "fast"})));
        assert_eq!(words(&["text="]), Ok(json!({"text": ""})));
        assert_eq!(words(&["{\"anything\": 1}"]), Ok(json!({"anything": 1})));
    }

    #[test]
    fn a_wrong_value_is_refused_with_its_name() {
        for (wrong, told) in [
            (&["text=a", "count=1.5"][..], "count: \"1.5\" is not an integer"),
            (&["text=a", "count=many"], "count: \"many\" is not an integer"),
            (&["text=a", "ratio=\"1\""], "ratio: \"\\\"1\\\"\" is not a number"),
            (&["text=a", "deep=yes"], "deep: \"yes\" is not true or false"),
            (&["text=a", "size=x"], "size: \"x\" is not an integer"),
            (&["text=a", "mode=slow"], "mode: \"slow\" is none of fast, 3"),
            (&["text=a", "text=b"], "text is given twice"),
            (&["count=1"], "text is missing; give it as text=…"),
        ] {
            assert_eq!(words(wrong), Err(told.to_owned()));
        }
        assert!(words(&["txet=a"]).unwrap_err().starts_with("txet is not known. Did you mean text?"));
        assert!(words(&["text"]).unwrap_err().contains("neither key=value"));
    }

    #[test]
    fn without_a_schema_everything_is_text() {
        let read = read(&Value::Null, &["a=1".to_owned()]).unwrap();
        assert_eq!(Value::Object(read), json!({"a": "1"}));
    }
}
