//! JSON Schemas of the operations' inputs and outputs.

use schemars::{JsonSchema, Schema, generate::SchemaSettings, transform::transform_subschemas};
use serde_json::Value;

/// The schema that an input of type `T` must meet. Types are written in place, except those that
/// contain themselves, which stand in `$defs`.
pub fn of_input<T: JsonSchema>() -> Value {
    SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.meta_schema = None;
            settings.inline_subschemas = true;
        })
        .with_transform(drop_defaults)
        .for_deserialize()
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
}

/// Every default is "as if it were not given", which is what absence says already.
fn drop_defaults(schema: &mut Schema) {
    schema.remove("default");
    transform_subschemas(&mut drop_defaults, schema);
}

/// The schema that an output of type `T` meets.
pub fn of_output<T: JsonSchema>() -> Value {
    SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.meta_schema = None;
            settings.inline_subschemas = true;
        })
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
}
