//! `neargate cost`: what was used and what it costs, as Cost Explorer tells it.

mod render;

use anyhow::Context;
use client_api::api::{ApiClient, CE};
use serde_json::{Value, json};
use state_model::billing::calendar::Day;
use state_model::billing::line::{CLUSTER_TAG, SERVICE_TAG};
use stdx::clock::{Clock, SystemClock};

use super::session;
use crate::arguments::Cost;

/// What rows are told apart by.
#[derive(Clone, Debug, PartialEq, Eq)]
enum By {
    /// With the title of the rows' names.
    Tag(String, &'static str),
    UsageType,
    Day,
}

impl By {
    fn parse(text: &str) -> anyhow::Result<Self> {
        match text {
            "service" => Ok(By::Tag(SERVICE_TAG.to_owned(), "SERVICE")),
            "cluster" => Ok(By::Tag(CLUSTER_TAG.to_owned(), "CLUSTER")),
            "usage-type" => Ok(By::UsageType),
            "day" => Ok(By::Day),
            _ => match text.strip_prefix("tag:") {
                Some(key) if !key.is_empty() => Ok(By::Tag(key.to_owned(), "VALUE")),
                _ => anyhow::bail!("--by {text}: it is service, cluster, day, usage-type or tag:KEY"),
            },
        }
    }

    /// The group of a row, beside its usage type.
    fn group(&self) -> Option<Value> {
        match self {
            By::Tag(key, _) => Some(json!({ "Type": "TAG", "Key": key })),
            By::UsageType | By::Day => None,
        }
    }
}

pub fn run(options: &Cost) -> anyhow::Result<()> {
    let by = By::parse(&options.by)?;
    let today = Day::of(SystemClock::new().now());
    let since = day("--since", options.since.as_deref())?.unwrap_or_else(|| today.month());
    let until = day("--until", options.until.as_deref())?.unwrap_or(today);
    anyhow::ensure!(since <= until, "--since {since} is after --until {until}");
    let api = session::open(&options.data.data_dir)?.api(None)?;
    let periods = session::block_on(read(&api, &by, since, until))?;
    let rows = render::rows(&by, &periods);
    if rows.is_empty() {
        return session::print(&format!(
            "Nothing was used from {since} to {until}.\nRun a task, for example with `aws ecs run-task`: what it uses is \
             counted from the pull of its image.\n"
        ));
    }
    let mut output = render::table(&by, &rows);
    if let By::Tag(key, "VALUE") = &by
        && !session::block_on(is_active(&api, key))?
    {
        output.push_str(&format!(
            "\nCosts aren't told apart by the tag {key} yet:\n  aws ce update-cost-allocation-tags-status \
             --cost-allocation-tags-status TagKey={key},Status=Active\n"
        ));
    }
    session::print(&output)
}

fn day(option: &str, text: Option<&str>) -> anyhow::Result<Option<Day>> {
    let read = |text: &str| {
        Day::parse(text).with_context(|| format!("{option} {text}: a day is written like 2026-01-31"))
    };
    text.map(read).transpose()
}

/// Every period of Cost Explorer's answer.
async fn read(api: &ApiClient, by: &By, since: Day, until: Day) -> anyhow::Result<Vec<Value>> {
    let mut groups = vec![json!({ "Type": "DIMENSION", "Key": "USAGE_TYPE" })];
    groups.extend(by.group());
    let mut input = json!({
        "TimePeriod": { "Start": since.to_string(), "End": until.plus(1).to_string() },
        "Granularity": if *by == By::Day { "DAILY" } else { "MONTHLY" },
        "Metrics": ["UnblendedCost", "UsageQuantity"],
        "GroupBy": groups,
    });
    let mut periods = Vec::new();
    loop {
        let page = api.call(CE, "GetCostAndUsage", &input).await?;
        periods.extend(page["ResultsByTime"].as_array().cloned().unwrap_or_default());
        match page["NextPageToken"].as_str() {
            Some(token) => input["NextPageToken"] = token.into(),
            None => return Ok(periods),
        }
    }
}

async fn is_active(api: &ApiClient, key: &str) -> anyhow::Result<bool> {
    let answer = api.call(CE, "ListCostAllocationTags", &json!({ "TagKeys": [key] })).await?;
    Ok(answer["CostAllocationTags"][0]["Status"] == "Active")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_told_apart_by_what_there_is() {
        assert_eq!(By::parse("tag:team").expect("a tag"), By::Tag("team".into(), "VALUE"));
        assert!(By::parse("day").is_ok());
        for wrong in ["tag:", "team", ""] {
            assert!(By::parse(wrong).is_err(), "{wrong}");
        }
    }
}
