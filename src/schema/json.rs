//! The same shapes as JSON Schema (draft 2020-12), for editors: the YAML language server reads what `clusterseed schema` prints.

use serde_json::{Map, Value, json};

use super::{Field, Type};

/// A whole schema document for `ty`.
pub fn document(id: &str, title: &str, ty: &Type) -> Value {
    let mut root = Map::new();
    root.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
    root.insert("$id".into(), json!(id));
    root.insert("title".into(), json!(title));
    if let Value::Object(body) = schema(ty) {
        root.extend(body);
    }
    Value::Object(root)
}

/// The schema of one type.
pub fn schema(ty: &Type) -> Value {
    match ty {
        Type::Text(text) => {
            let mut out = json!({"type": "string", "maxLength": text.max});
            if !text.empty {
                out["minLength"] = json!(1);
            }
            if let Some(pattern) = &text.pattern {
                out["pattern"] = json!(format!("^(?:{})$", pattern.source));
            }
            out
        }
        Type::Int { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
        Type::Number { min, max } => json!({"type": "number", "minimum": min, "maximum": max}),
        Type::Bool => json!({"type": "boolean"}),
        Type::Choice(words) => json!({"enum": words}),
        Type::Scalar(super::scalar::Syntax::Port) => json!({"type": "integer", "minimum": 1, "maximum": 65535}),
        // An unquoted version such as 1.4 is a number to an editor, and text to us.
        Type::Scalar(super::scalar::Syntax::Version) => json!({"type": ["string", "number"]}),
        Type::Scalar(syntax) => json!({"type": "string", "pattern": syntax.pattern(), "description": syntax.noun()}),
        Type::Secret => json!({"anyOf": [
            {"type": "string", "minLength": 1},
            object(&[Field::new("file", Type::text(), "path of the file that holds it, relative to the spec").required()]),
        ]}),
        Type::List(item) => json!({"type": "array", "items": schema(item)}),
        Type::OneOrMany(item) => json!({"anyOf": [schema(item), {"type": "array", "items": schema(item)}]}),
        Type::Map { keys, values } => {
            let mut out = json!({"type": "object", "additionalProperties": schema(values)});
            if let Some(pattern) = keys {
                out["propertyNames"] = json!({"pattern": format!("^(?:{})$", pattern.source)});
            }
            out
        }
        Type::Object(fields) => object(fields),
        Type::Document(inner) => json!({"anyOf": [
            schema(inner),
            object(&[Field::new("file", Type::text(), "path of a JSON or YAML file that holds it, relative to the spec").required()]),
        ]}),
        Type::ShortOr(short, long) => json!({"anyOf": [schema(short), schema(long)]}),
        Type::OrNull(inner) => json!({"anyOf": [schema(inner), {"type": "null"}]}),
        Type::AnyScalar => json!({"type": ["string", "number", "boolean"]}),
        Type::Raw => json!({}),
    }
}

fn object(fields: &[Field]) -> Value {
    let mut properties = Map::new();
    for field in fields {
        let mut body = schema(&field.ty);
        if let Value::Object(map) = &mut body {
            map.insert("description".into(), json!(field.doc));
            if let Some(default) = &field.default {
                map.insert("default".into(), default.clone());
            }
        }
        properties.insert(field.name.clone(), body);
    }
    let required: Vec<_> = fields.iter().filter(|f| f.required).map(|f| f.name.as_str()).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}
