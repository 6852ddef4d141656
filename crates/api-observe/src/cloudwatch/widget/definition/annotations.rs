//! Lines across the graph.

use serde_json::{Map, Value};
use stdx::clock::Timestamp;

use super::super::plot::{Side, Threshold};
use super::{Found, axis, boolean, color, string, wrong};

/// At a value of one of the y axes.
pub fn horizontal(root: &Map<String, Value>) -> Found<Vec<Threshold>> {
    annotations(root, "horizontal", Value::as_f64)
}

/// At a time.
pub fn vertical(root: &Map<String, Value>) -> Found<Vec<Threshold>> {
    let found = annotations(root, "vertical", |value| {
        value.as_str().and_then(Timestamp::parse_rfc3339).map(|at| at.as_secs() as f64)
    })?;
    if found.iter().any(|moment| moment.side == Side::Right) {
        return wrong("Vertical annotations have no y axis.");
    }
    Ok(found)
}

fn annotations(
    root: &Map<String, Value>,
    kind: &str,
    value: impl Fn(&Value) -> Option<f64>,
) -> Found<Vec<Threshold>> {
    let list =
        root.get("annotations").and_then(|annotations| annotations.get(kind)).and_then(Value::as_array);
    let mut found = Vec::new();
    for annotation in list.into_iter().flatten() {
        let Some(map) = annotation.as_object() else {
            return wrong(format!("Each {kind} annotation must be an object."));
        };
        if map.contains_key("fill") {
            return wrong(format!("fill of {kind} annotations is not supported here."));
        }
        let side = axis::side(map)?;
        if boolean(map, "visible")? == Some(false) {
            continue;
        }
        let Some(value) = map.get("value").and_then(&value) else {
            return wrong(format!("Each {kind} annotation must have a value."));
        };
        let color = string(map, "color")?.as_deref().map(color).transpose()?;
        found.push(Threshold { value, label: string(map, "label")?.unwrap_or_default(), color, side });
    }
    Ok(found)
}
