//! Enough of JSON Schema (draft 2020-12) to hold outputs against what `clusterseed schema` prints. A keyword that is not known
//! here is an error: it would pass for obeyed.

use serde_json::Value;

/// Says what of `value` breaks `schema`; empty when nothing does.
pub fn check(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    node(schema, value, "$", &mut found);
    found
}

fn node(schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let Value::Object(rules) = schema else {
        if schema == &Value::Bool(false) {
            found.push(format!("{at} may not be there"));
        }
        return;
    };
    for (keyword, rule) in rules {
        let fine = match keyword.as_str() {
            "$schema" | "$id" | "title" | "description" | "default" => true,
            "type" => match rule {
                Value::Array(types) => types.iter().any(|name| is(name, value)),
                name => is(name, value),
            },
            "enum" => rule.as_array().is_some_and(|values| values.contains(value)),
            "const" => rule == value,
            "minimum" => value.as_f64().is_none_or(|n| n >= rule.as_f64().expect("a number")),
            "maximum" => value.as_f64().is_none_or(|n| n <= rule.as_f64().expect("a number")),
            "minLength" => value.as_str().is_none_or(|text| text.chars().count() >= size(rule)),
            "maxLength" => value.as_str().is_none_or(|text| text.chars().count() <= size(rule)),
            "minItems" => value.as_array().is_none_or(|items| items.len() >= size(rule)),
            "pattern" => value.as_str().is_none_or(|text| {
                regex_lite::Regex::new(rule.as_str().expect("a pattern")).expect("a pattern that compiles").is_match(text)
            }),
            "anyOf" => rule.as_array().expect("schemas").iter().any(|one| check(one, value).is_empty()),
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    node(rule, item, &format!("{at}[{index}]"), found);
                }
                true
            }
            "properties" => {
                for (name, inner) in rule.as_object().expect("schemas by name") {
                    if let Some(member) = value.get(name) {
                        node(inner, member, &format!("{at}.{name}"), found);
                    }
                }
                true
            }
            "additionalProperties" => {
                let named = |name: &str| rules.get("properties").is_some_and(|p| p.get(name).is_some());
                for (name, member) in value.as_object().into_iter().flatten().filter(|(name, _)| !named(name)) {
                    node(rule, member, &format!("{at}.{name}"), found);
                }
                true
            }
            "propertyNames" => {
                for name in value.as_object().into_iter().flatten().map(|(name, _)| name) {
                    node(rule, &Value::String(name.clone()), &format!("{at}, the key {name}"), found);
                }
                true
            }
            "required" => {
                let names = rule.as_array().expect("names").iter().map(|name| name.as_str().expect("a name"));
                let missing: Vec<&str> = names.filter(|name| value.is_object() && value.get(name).is_none()).collect();
                found.extend(missing.iter().map(|name| format!("{at} lacks {name}")));
                true
            }
            other => panic!("the keyword {other} is not known here"),
        };
        if !fine {
            let shown: String = value.to_string().chars().take(80).collect();
            found.push(format!("{at} is {shown}, against {keyword} {rule}"));
        }
    }
}

fn size(rule: &Value) -> usize {
    usize::try_from(rule.as_u64().expect("a size")).expect("a small size")
}

fn is(name: &Value, value: &Value) -> bool {
    match name.as_str().expect("a type's name") {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("the type {other} is not known here"),
    }
}

#[test]
fn the_validator_bites() {
    let schema = serde_json::json!({
        "type": "object",
        "properties": {
            "n": {"type": "integer", "minimum": 1, "maximum": 3},
            "s": {"type": ["string", "null"], "pattern": "^a+$", "minLength": 2, "maxLength": 3},
            "l": {"type": "array", "minItems": 1, "items": {"enum": ["x", "y"]}},
            "c": {"const": 7},
            "o": {"anyOf": [{"type": "boolean"}, {"type": "number"}]},
            "m": {"propertyNames": {"pattern": "^k"}, "additionalProperties": {"type": "string"}}
        },
        "required": ["n"],
        "additionalProperties": false
    });
    let good = serde_json::json!({"n": 2, "s": "aa", "l": ["x"], "c": 7, "o": 1.5, "m": {"k1": "v"}});
    assert_eq!(check(&schema, &good), Vec::<String>::new());
    for (pointer, bad) in [
        ("/n", serde_json::json!(0)),
        ("/n", serde_json::json!(4)),
        ("/n", serde_json::json!(1.5)),
        ("/n", serde_json::json!("1")),
        ("/s", serde_json::json!("a")),
        ("/s", serde_json::json!("aaaa")),
        ("/s", serde_json::json!("ab")),
        ("/l", serde_json::json!([])),
        ("/l/0", serde_json::json!("z")),
        ("/c", serde_json::json!(8)),
        ("/o", serde_json::json!("x")),
        ("/m", serde_json::json!({"j": "v"})),
        ("/m/k1", serde_json::json!(1)),
        ("", serde_json::json!({"n": 1, "extra": 1})),
        ("", serde_json::json!({})),
        ("", serde_json::json!([])),
    ] {
        let mut value = good.clone();
        *value.pointer_mut(pointer).expect("a place") = bad.clone();
        assert!(!check(&schema, &value).is_empty(), "{pointer} {bad} passed");
    }
}
