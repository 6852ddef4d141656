//! Why an alarm is in its state, in CloudWatch's words.

use serde_json::{Value, json};
use state_model::cloudwatch::notification::aws_time;
use state_model::cloudwatch::{MetricSource, StateValue, TreatMissingData};
use stdx::clock::Timestamp;

use super::verdict::{Verdict, breaches};
use super::{Evidence, Window};

/// Data points that a reason spells out, and no more.
const LISTED_MAX: usize = 5;

pub fn text(evidence: &Evidence<'_>, verdict: &Verdict) -> String {
    let watch = evidence.watch;
    let n = watch.evaluation_periods;
    if verdict.value == StateValue::InsufficientData {
        return format!("Insufficient Data: {} unknown.", count_of(n as usize, "datapoint", "was", "were"));
    }
    let is_alarm = verdict.value == StateValue::Alarm;
    let wanted: Vec<&Window> =
        verdict.counted.iter().filter(|window| breaches(watch, window) == is_alarm).collect();
    let filled = (verdict.filled > 0).then(|| {
        let kind = match watch.treat_missing_data {
            TreatMissingData::Breaching => "Breaching",
            _ => "NonBreaching",
        };
        format!("{} treated as [{kind}]", count_of(verdict.filled, "missing datapoint", "was", "were"))
    });
    if let (true, Some(filled)) = (verdict.counted.is_empty(), &filled) {
        let periods = if verdict.filled == 1 { "period" } else { "periods" };
        return format!(
            "Threshold Crossed: no datapoints were received for {} {periods} and {filled}.",
            verdict.filled
        );
    }
    let m = watch.datapoints_to_alarm.unwrap_or(n);
    let (least, transition) = match (verdict.value, evidence.state) {
        (StateValue::Alarm, _) => (m, Some("OK -> ALARM")),
        (_, StateValue::Alarm) => (n - m + 1, Some("ALARM -> OK")),
        _ => (0, None),
    };
    let count = match transition {
        Some(_) => format!("{} out of the last {n} datapoints", wanted.len()),
        None if wanted.len() == 1 => String::from("1 datapoint"),
        None => format!("{} datapoints", wanted.len()),
    };
    let (verb, not) = (if wanted.len() == 1 { "was" } else { "were" }, if is_alarm { "" } else { "not " });
    let listed: Vec<String> = wanted.iter().take(LISTED_MAX).map(|window| listed(window)).collect();
    let listed = format!("[{}]", listed.join(", "));
    let compared =
        format!("{verb} {not}{} the threshold ({})", watch.comparison.words(), number(watch.threshold));
    let mut text = if wanted.len() > LISTED_MAX {
        format!("Threshold Crossed: {count} {compared}. The most recent datapoints: {listed}")
    } else {
        format!("Threshold Crossed: {count} {listed} {compared}")
    };
    if let Some(filled) = filled {
        text += &format!(", and {filled}");
    }
    if let Some(transition) = transition {
        let least = if least == 1 { String::from("1 datapoint") } else { format!("{least} datapoints") };
        text += &format!(" (minimum {least} for {transition} transition)");
    }
    text + "."
}

fn count_of(count: usize, what: &str, was: &str, were: &str) -> String {
    if count == 1 { format!("1 {what} {was}") } else { format!("{count} {what}s {were}") }
}

fn listed(window: &Window) -> String {
    format!("{} ({})", number(window.point.map_or(0.0, |point| point.value)), short_time(window.at))
}

/// `StateReasonData`.
pub fn data(evidence: &Evidence<'_>, verdict: &Verdict) -> String {
    let watch = evidence.watch;
    let mut told = json!({ "version": "1.0", "queryDate": aws_time(evidence.now) });
    if let Some(oldest) = verdict.counted.last() {
        told["startDate"] = json!(aws_time(oldest.at));
    }
    if let MetricSource::One(stat) = &watch.source {
        if let Some(unit) = &stat.unit {
            told["unit"] = json!(unit);
        }
        told["statistic"] = json!(stat.stat);
    }
    told["period"] = json!(watch.source.period_secs());
    let value = |window: &Window| json!(window.point.map(|point| point.value));
    told["recentDatapoints"] = verdict.counted.iter().rev().map(value).collect();
    told["threshold"] = json!(watch.threshold);
    let evaluated = verdict.counted.iter().map(|window| {
        let mut told = json!({ "timestamp": aws_time(window.at), "value": value(window) });
        if let Some(samples) = window.point.and_then(|point| point.samples) {
            told["sampleCount"] = json!(samples);
        }
        told
    });
    told["evaluatedDatapoints"] = evaluated.collect::<Value>();
    told.to_string()
}

/// `21/11/25 05:30:00`
fn short_time(at: Timestamp) -> String {
    let text = at.to_rfc3339_secs();
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    format!("{}/{}/{} {}", part(8, 10), part(5, 7), part(2, 4), part(11, 19))
}

/// As Java writes a double: `70.0`, `1.0E10`.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || (1e-3..1e7).contains(&size) || !value.is_finite() {
        return format!("{value:?}");
    }
    let text = format!("{value:E}");
    match text.split_once('E') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0E{exponent}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_look_as_in_reasons() {
        for (value, text) in [
            (70.0, "70.0"),
            (83.125, "83.125"),
            (0.0, "0.0"),
            (-1e10, "-1.0E10"),
            (1.25e-5, "1.25E-5"),
            (1e7, "1.0E7"),
        ] {
            assert_eq!(number(value), text);
        }
        assert_eq!(short_time(Timestamp::from_secs(1_763_703_000)), "21/11/25 05:30:00");
    }
}
