//! The kinds of values that keys have.

use serde_json::{Map, Value, json};

/// A key, what it may hold, and a sentence for the editor.
pub type Property = (&'static str, Value, &'static str);

/// A mapping with just these keys, the merge key, `x-…`, and keys that begin with a dot, which are for anchors
/// (spec 0.2).
pub fn object(properties: &[Property]) -> Value {
    let properties: Map<String, Value> = properties
        .iter()
        .map(|(key, shape, description)| {
            let mut shape = shape.clone();
            shape["description"] = json!(description);
            ((*key).to_owned(), shape)
        })
        .collect();
    json!({
        "type": ["object", "null"],
        "properties": properties,
        "patternProperties": {"^(\\.|x-|<<$)": true},
        "additionalProperties": false,
    })
}

/// The same with keys that must be there.
pub fn with_required(mut object: Value, keys: &[&str]) -> Value {
    object["required"] = json!(keys);
    object["type"] = json!("object");
    object
}

/// Anything.
pub fn anything() -> Value {
    json!({})
}

/// A text; YAML reads some texts as numbers or truths, and the reader takes those back.
pub fn text() -> Value {
    json!({"type": ["string", "number", "boolean", "null"]})
}

/// A whole number, not negative.
pub fn number() -> Value {
    json!({"type": ["integer", "null"], "minimum": 0})
}

/// `true` or `false`.
pub fn truth() -> Value {
    json!({"type": ["boolean", "null"]})
}

/// A list of texts; a single text is a list of one.
pub fn texts() -> Value {
    any_of(&[text(), json!({"type": "array", "items": text()})])
}

/// One of some words.
pub fn one_of<'a>(words: impl IntoIterator<Item = &'a str>) -> Value {
    let mut words: Vec<Value> = words.into_iter().map(Value::from).collect();
    words.push(Value::Null);
    json!({"enum": words})
}

/// A mapping with names of one's own as keys. An empty list is an empty one: programs write it that know one empty
/// collection only.
pub fn map_of(value: Value) -> Value {
    json!({"type": ["object", "array", "null"], "additionalProperties": value, "maxItems": 0})
}

/// Any of some shapes.
pub fn any_of(shapes: &[Value]) -> Value {
    json!({"anyOf": shapes})
}
