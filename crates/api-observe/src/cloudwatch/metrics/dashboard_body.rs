//! Whether a text is a dashboard: errors refuse it, warnings are told.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html>

use serde_json::{Map, Value};
use wire_shapes_observe::cloudwatch::DashboardValidationMessage;

use super::limits::WIDGETS_MAX;

#[derive(Debug, Default)]
pub struct Checked {
    pub errors: Vec<DashboardValidationMessage>,
    pub warnings: Vec<DashboardValidationMessage>,
}

/// Columns of a dashboard.
const COLUMNS: i64 = 24;
const ROWS_MAX: i64 = 1000;
const KINDS: [&str; 6] = ["metric", "text", "log", "alarm", "explorer", "custom"];

pub fn check(body: &str) -> Checked {
    let mut checked = Checked::default();
    let Ok(Value::Object(root)) = serde_json::from_str(body) else {
        checked.error("", "The field DashboardBody must be a valid JSON object");
        return checked;
    };
    for name in root.keys() {
        if !["widgets", "start", "end", "periodOverride", "variables"].contains(&name.as_str()) {
            checked.warn(format!("/{name}"), "Unknown property, it is ignored");
        }
    }
    match root.get("widgets") {
        None => checked.error("/", "Should have required property 'widgets'"),
        Some(Value::Array(widgets)) if widgets.len() > WIDGETS_MAX => {
            checked.error("/widgets", format!("Should NOT have more than {WIDGETS_MAX} items"));
        }
        Some(Value::Array(widgets)) => {
            for (index, widget) in widgets.iter().enumerate() {
                checked.widget(&format!("/widgets/{index}"), widget);
            }
        }
        Some(_) => checked.error("/widgets", "Should be array"),
    }
    checked
}

impl Checked {
    fn error(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.errors.push(note(path, message));
    }

    fn warn(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.warnings.push(note(path, message));
    }

    fn widget(&mut self, path: &str, widget: &Value) {
        let Value::Object(widget) = widget else { return self.error(path, "Should be object") };
        for (name, low, high) in
            [("x", 0, COLUMNS - 1), ("y", 0, i64::MAX), ("width", 1, COLUMNS), ("height", 1, ROWS_MAX)]
        {
            let Some(value) = widget.get(name) else { continue };
            if !value.as_i64().is_some_and(|number| (low..=high).contains(&number)) {
                self.error(
                    format!("{path}/{name}"),
                    format!("Should be a whole number between {low} and {high}"),
                );
            }
        }
        let kind = match widget.get("type").and_then(Value::as_str) {
            Some(kind) if KINDS.contains(&kind) => kind,
            Some(_) => {
                return self.error(format!("{path}/type"), format!("Should be one of: {}", KINDS.join(", ")));
            }
            None => return self.error(path, "Should have required property 'type'"),
        };
        match widget.get("properties") {
            Some(Value::Object(properties)) => self.properties(path, kind, properties),
            _ => self.error(path, "Should have required property 'properties'"),
        }
    }

    fn properties(&mut self, path: &str, kind: &str, properties: &Map<String, Value>) {
        let path = format!("{path}/properties");
        let names: &[&str] = match kind {
            "text" => &["markdown"],
            "log" => &["query"],
            "alarm" => &["alarms"],
            "custom" => &["endpoint"],
            _ => &[],
        };
        for name in names {
            if !properties.contains_key(*name) {
                self.error(&path, format!("Should have required property '{name}'"));
            }
        }
        if kind != "metric" {
            return;
        }
        let has_alarms = properties.get("annotations").and_then(|all| all.get("alarms")).is_some();
        match properties.get("metrics") {
            Some(Value::Array(rows)) => {
                for (index, row) in rows.iter().enumerate() {
                    if row.as_array().is_none_or(|cells| cells.is_empty()) {
                        self.error(format!("{path}/metrics/{index}"), "Should NOT have fewer than 1 items");
                    }
                }
            }
            Some(_) => self.error(format!("{path}/metrics"), "Should be array"),
            None if has_alarms => {}
            None => self.error(&path, "Should have required property 'metrics'"),
        }
        if !properties.contains_key("region") {
            self.warn(&path, "Should have required property 'region'");
        }
    }
}

fn note(path: impl Into<String>, message: impl Into<String>) -> DashboardValidationMessage {
    DashboardValidationMessage { data_path: Some(path.into()), message: Some(message.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(body: &str) -> (Vec<String>, Vec<String>) {
        let checked = check(body);
        let paths = |list: Vec<DashboardValidationMessage>| {
            list.into_iter().filter_map(|one| one.data_path).collect()
        };
        (paths(checked.errors), paths(checked.warnings))
    }

    #[test]
    fn bodies_are_checked() {
        for (body, errors, warnings) in [
            (r#"{"widgets":[]}"#, vec![], vec![]),
            ("[", vec![""], vec![]),
            ("{}", vec!["/"], vec![]),
            (r#"{"widgets":[],"colour":1}"#, vec![], vec!["/colour"]),
            (r#"{"widgets":[{"type":"text","properties":{"markdown":"x"}}]}"#, vec![], vec![]),
            (r#"{"widgets":[{"type":"text","properties":{}}]}"#, vec!["/widgets/0/properties"], vec![]),
            (r#"{"widgets":[{"type":"pie"}]}"#, vec!["/widgets/0/type"], vec![]),
            (
                r#"{"widgets":[{"type":"metric","x":24,"properties":{"metrics":[["N","m"],[]]}}]}"#,
                vec!["/widgets/0/x", "/widgets/0/properties/metrics/1"],
                vec!["/widgets/0/properties"],
            ),
        ] {
            assert_eq!(
                found(body),
                (
                    errors.into_iter().map(str::to_owned).collect(),
                    warnings.into_iter().map(str::to_owned).collect()
                ),
                "{body}"
            );
        }
    }
}
