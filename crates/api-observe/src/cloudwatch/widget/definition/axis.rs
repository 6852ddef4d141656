//! The y axes, and which of them something belongs to.

use serde_json::{Map, Value};

use super::super::plot::{Axis, Side};
use super::{Found, boolean, string, wrong};

/// What `yAxis` says of the axis called `left` or `right`.
pub fn axis(root: &Map<String, Value>, name: &str) -> Found<Axis> {
    let said = root.get("yAxis").and_then(|axes| axes.get(name)).and_then(Value::as_object);
    let Some(said) = said else { return Ok(Axis::default()) };
    let number = |field: &str| match said.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_f64() {
            Some(number) => Ok(Some(number)),
            None => wrong(format!("yAxis.{name}.{field} must be a number.")),
        },
    };
    // Lines carry no units, so there are none to show or to leave out.
    boolean(said, "showUnits")?;
    let axis =
        Axis { min: number("min")?, max: number("max")?, label: string(said, "label")?.unwrap_or_default() };
    match (axis.min, axis.max) {
        (Some(min), Some(max)) if min >= max => {
            wrong(format!("yAxis.{name}.min must be less than yAxis.{name}.max."))
        }
        _ => Ok(axis),
    }
}

/// The axis of a metric or an annotation: the left one unless it says otherwise.
pub fn side(options: &Map<String, Value>) -> Found<Side> {
    match string(options, "yAxis")?.as_deref() {
        None | Some("left") => Ok(Side::Left),
        Some("right") => Ok(Side::Right),
        Some(_) => wrong("yAxis must be left or right."),
    }
}

#[cfg(test)]
mod tests {
    use stdx::clock::Timestamp;

    use super::super::{Definition, DefinitionError};
    use super::*;

    fn parse(text: &str) -> Found<Definition> {
        Definition::parse(text, Timestamp::from_secs(100_000))
    }

    #[test]
    fn each_axis_has_its_own_limits() {
        let axis = |min, max, label: &str| Axis { min, max, label: label.into() };
        for (said, left, right) in [
            ("{}", axis(None, None, ""), axis(None, None, "")),
            (r#"{"left":{"max":9},"right":{}}"#, axis(None, Some(9.0), ""), axis(None, None, "")),
            (
                r#"{"left":{"label":"Count"},"right":{"min":-1,"max":2.5,"label":"Ms","showUnits":false}}"#,
                axis(None, None, "Count"),
                axis(Some(-1.0), Some(2.5), "Ms"),
            ),
        ] {
            let picture = parse(&format!(r#"{{"metrics":[],"yAxis":{said}}}"#)).expect(said).picture;
            assert_eq!((picture.left, picture.right), (left, right), "{said}");
        }
    }

    #[test]
    fn metrics_and_annotations_choose_their_axis() {
        for (said, side) in [
            ("", Side::Left),
            (r#","yAxis":null"#, Side::Left),
            (r#","yAxis":"left""#, Side::Left),
            (r#","yAxis":"right""#, Side::Right),
        ] {
            let text = format!(
                r#"{{"metrics":[["N","m",{{"id":"m"{said}}}]],"annotations":{{"horizontal":[{{"value":1{said}}}]}}}}"#
            );
            let found = parse(&text).expect(said);
            assert_eq!(found.rows[0].pen.map(|pen| pen.side), Some(side), "{said}");
            assert_eq!(found.picture.thresholds[0].side, side, "{said}");
        }
    }

    #[test]
    fn what_is_wrong_with_an_axis_is_told() {
        for (rest, message) in [
            (r#""yAxis":{"right":{"min":"1"}}"#, "yAxis.right.min must be a number."),
            (r#""yAxis":{"right":{"min":2,"max":2}}"#, "yAxis.right.min must be less than yAxis.right.max."),
            (r#""yAxis":{"left":{"min":3,"max":2}}"#, "yAxis.left.min must be less than yAxis.left.max."),
            (r#""yAxis":{"right":{"showUnits":1}}"#, "showUnits must be true or false."),
            (r#""yAxis":{"right":{"label":1}}"#, "label must be a text."),
            (r#""annotations":{"horizontal":[{"value":1,"yAxis":"top"}]}"#, "yAxis must be left or right."),
            (
                r#""annotations":{"horizontal":[{"value":1,"fill":"above"}]}"#,
                "fill of horizontal annotations is not supported here.",
            ),
            (
                r#""annotations":{"vertical":[{"value":"2026-01-01T00:00:00Z","yAxis":"right"}]}"#,
                "Vertical annotations have no y axis.",
            ),
        ] {
            let text = format!(r#"{{"metrics":[],{rest}}}"#);
            assert_eq!(parse(&text).map(|_| ()), Err(DefinitionError(message.into())), "{text}");
        }
    }
}
