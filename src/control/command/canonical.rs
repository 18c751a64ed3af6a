//! The canonical form of a command: equal for equal commands, however they were written.

use serde_json::{Map, Value};

/// The members sorted by name, without `lease` and the id, which may be spelt in several ways; numbers of one value are
/// written alike.
pub(super) fn canonical(members: &Map<String, Value>) -> String {
    let mut out = String::new();
    object(members, &mut out, |name| !matches!(name, "lease" | "commandId"));
    out
}

fn object(members: &Map<String, Value>, out: &mut String, counts: impl Fn(&str) -> bool) {
    let mut sorted: Vec<_> = members.iter().filter(|(name, _)| counts(name)).collect();
    sorted.sort_unstable_by_key(|(name, _)| name.as_str());
    out.push('{');
    for (index, (name, value)) in sorted.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push_str(&Value::from(name.as_str()).to_string());
        out.push(':');
        write(value, out);
    }
    out.push('}');
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => object(members, out, |_| true),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            // 1.0 is 1.
            Some(float) if float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0 => {
                out.push_str(&(float as i64).to_string());
            }
            _ => out.push_str(&number.to_string()),
        },
        other => out.push_str(&other.to_string()),
    }
}
