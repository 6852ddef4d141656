//! What a command sees: an event with its fields, or a row that an aggregation made.

use std::sync::{Arc, OnceLock};

use serde_json::Value as Json;

use super::value::Value;

/// An event and what is known of it.
#[derive(Clone, Debug)]
pub struct EventRow {
    pub timestamp_ms: i64,
    pub ingestion_ms: i64,
    pub message: String,
    pub log_stream: Arc<str>,
    /// `account:group`
    pub log: Arc<str>,
    /// What finds the event again.
    pub pointer: String,
}

#[derive(Clone, Debug)]
pub(super) struct Row {
    pub event: Option<Arc<EventRow>>,
    /// What commands have added; the last one of a name counts.
    pub computed: Vec<(Arc<str>, Value)>,
    json: OnceLock<Option<Arc<Json>>>,
}

impl Row {
    pub(super) fn of_event(event: EventRow) -> Self {
        Self { event: Some(Arc::new(event)), computed: Vec::new(), json: OnceLock::new() }
    }

    pub(super) fn computed(computed: Vec<(Arc<str>, Value)>) -> Self {
        Self { event: None, computed, json: OnceLock::new() }
    }

    pub(super) fn set(&mut self, name: &Arc<str>, value: Value) {
        match self.computed.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value,
            None => self.computed.push((Arc::clone(name), value)),
        }
    }

    pub(super) fn field(&self, name: &str) -> Value {
        if let Some((_, value)) = self.computed.iter().find(|(known, _)| **known == *name) {
            return value.clone();
        }
        let Some(event) = &self.event else { return Value::Missing };
        match name {
            "@timestamp" => Value::Time(event.timestamp_ms),
            "@ingestionTime" => Value::Time(event.ingestion_ms),
            "@message" => Value::Text(event.message.clone()),
            "@logStream" => Value::text(&*event.log_stream),
            "@log" => Value::text(&*event.log),
            "@ptr" => Value::Text(event.pointer.clone()),
            _ => self.json().and_then(|json| find(json, name)).map_or(Value::Missing, scalar),
        }
    }

    fn json(&self) -> Option<&Json> {
        let parse = || {
            let message = self.event.as_ref()?.message.trim_start();
            message.starts_with('{').then(|| serde_json::from_str(message).ok().map(Arc::new)).flatten()
        };
        self.json.get_or_init(parse).as_deref()
    }
}

impl EventRow {
    /// Names and values of all fields that are found in it.
    pub fn fields(&self) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        let row = Row::of_event(self.clone());
        for name in ["@timestamp", "@message", "@logStream", "@log", "@ingestionTime"] {
            fields.extend(row.field(name).show().map(|value| (name.to_owned(), value)));
        }
        if let Some(json) = row.json() {
            flatten("", json, &mut fields);
        }
        fields
    }
}

/// What stands under a dotted name. Keys may have dots themselves.
fn find<'a>(json: &'a Json, name: &str) -> Option<&'a Json> {
    let enter = |name: &str| match json {
        Json::Object(map) => map.get(name),
        Json::Array(list) => list.get(name.parse::<usize>().ok()?),
        _ => None,
    };
    if let Some(found) = enter(name) {
        return Some(found);
    }
    let dots = name.match_indices('.').map(|(index, _)| index);
    dots.filter_map(|index| find(enter(&name[..index])?, &name[index + 1..])).next()
}

fn scalar(json: &Json) -> Value {
    match json {
        Json::Null => Value::Missing,
        Json::String(text) => Value::Text(text.clone()),
        // As it is written: a large identifier must keep its digits.
        other => Value::Text(other.to_string()),
    }
}

fn flatten(prefix: &str, json: &Json, fields: &mut Vec<(String, String)>) {
    // AWS finds at most 200 fields in an event.
    if fields.len() >= crate::limits::INSIGHTS_FIELDS_MAX {
        return;
    }
    let inside = |key: &str| if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") };
    match json {
        Json::Object(map) => map.iter().for_each(|(key, value)| flatten(&inside(key), value, fields)),
        Json::Array(list) => {
            list.iter()
                .enumerate()
                .for_each(|(index, value)| flatten(&inside(&index.to_string()), value, fields));
        }
        other => fields.extend(scalar(other).show().map(|value| (prefix.to_owned(), value))),
    }
}
