//! `neargate logs`: the lines of a task's containers; with `-f` also those to come.

use std::io::Write;

use anyhow::Context;
use client_api::api::{ApiClient, ECS, LOGS};
use serde_json::{Value, json};

use super::session;
use crate::arguments::Logs;

/// The log stream of one container.
struct Stream {
    container: String,
    group: String,
    name: String,
    region: String,
}

pub fn run(options: &Logs) -> anyhow::Result<()> {
    let session = session::open(&options.data.data_dir)?;
    let api = session.api(options.region.as_deref())?;
    let home = options.region.clone().unwrap_or_else(|| session.server.region.clone());
    session::block_on(async {
        let streams = streams(&api, options, &home).await?;
        let many = streams.len() > 1;
        for stream in &streams {
            // The driver may send its lines to another region than the task's.
            let logs = session.api(Some(&stream.region))?;
            if !options.follow {
                past(&logs, stream, many).await?;
            }
        }
        if options.follow {
            let first = streams.first().context("the task has no container with a log stream")?;
            follow(&session.api(Some(&first.region))?, &streams, many).await?;
        }
        Ok(())
    })
}

async fn streams(api: &ApiClient, options: &Logs, home: &str) -> anyhow::Result<Vec<Stream>> {
    let input = json!({ "cluster": options.cluster, "tasks": [options.task] });
    let described = api.call(ECS, "DescribeTasks", &input).await?;
    let task = described["tasks"].get(0).with_context(|| {
        format!("there is no task {} in cluster {}: see `neargate ps --all`", options.task, options.cluster)
    })?;
    let input = json!({ "taskDefinition": task["taskDefinitionArn"] });
    let definition = api.call(ECS, "DescribeTaskDefinition", &input).await?;
    let id = task["taskArn"].as_str().unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned();
    let containers =
        definition["taskDefinition"]["containerDefinitions"].as_array().cloned().unwrap_or_default();
    let found: Vec<Stream> = containers
        .iter()
        .filter(|container| options.container.as_deref().is_none_or(|name| container["name"] == name))
        .filter_map(|container| stream(container, &id, home))
        .collect();
    anyhow::ensure!(!found.is_empty(), "no such container of the task logs with the awslogs driver");
    Ok(found)
}

fn stream(container: &Value, task_id: &str, home: &str) -> Option<Stream> {
    let options = &container["logConfiguration"]["options"];
    let name = container["name"].as_str()?;
    let prefix =
        options["awslogs-stream-prefix"].as_str().map(|prefix| format!("{prefix}/")).unwrap_or_default();
    Some(Stream {
        container: name.to_owned(),
        group: options["awslogs-group"].as_str()?.to_owned(),
        name: format!("{prefix}{name}/{task_id}"),
        region: options["awslogs-region"].as_str().unwrap_or(home).to_owned(),
    })
}

/// All lines so far, oldest first.
async fn past(api: &ApiClient, stream: &Stream, many: bool) -> anyhow::Result<Option<String>> {
    let mut token: Option<String> = None;
    loop {
        let mut input =
            json!({ "logGroupName": stream.group, "logStreamName": stream.name, "startFromHead": true });
        if let Some(token) = &token {
            input["nextToken"] = token.as_str().into();
        }
        let page = api.call(LOGS, "GetLogEvents", &input).await?;
        print(page["events"].as_array().into_iter().flatten(), stream, many)?;
        let next = page["nextForwardToken"].as_str().map(str::to_owned);
        // AWS's sign for the end: the token that was sent comes back.
        if next == token || next.is_none() {
            return Ok(next);
        }
        token = next;
    }
}

/// Prints what comes: the live tail begins before the past is read, and a line that both tell is printed once.
async fn follow(api: &ApiClient, streams: &[Stream], many: bool) -> anyhow::Result<()> {
    let group = &streams[0].group;
    anyhow::ensure!(
        streams.iter().all(|stream| stream.group == *group),
        "the task's containers log to several groups: choose one with --container"
    );
    let groups = api.call(LOGS, "DescribeLogGroups", &json!({ "logGroupNamePrefix": group })).await?;
    let found =
        groups["logGroups"].as_array().into_iter().flatten().find(|item| item["logGroupName"] == **group);
    let arn = found.map(|item| item["logGroupArn"].clone()).context("the task's log group is gone")?;
    let names: Vec<&str> = streams.iter().map(|stream| stream.name.as_str()).collect();
    let input = json!({ "logGroupIdentifiers": [arn], "logStreamNames": names });
    let mut tail = api.stream(LOGS, "StartLiveTail", &input).await?;
    // The session's first event says that it sees everything from now on.
    let mut begun = false;
    let mut newest: Vec<i64> = vec![i64::MIN; streams.len()];
    while let Some(event) = tail.next().await? {
        let event = event.payload;
        if !begun {
            begun = true;
            for (index, stream) in streams.iter().enumerate() {
                newest[index] = newest_ingestion(api, stream).await?;
                past(api, stream, many).await?;
            }
            continue;
        }
        for result in event["sessionResults"].as_array().into_iter().flatten() {
            let Some(index) = streams.iter().position(|stream| result["logStreamName"] == stream.name) else {
                continue;
            };
            if result["ingestionTime"].as_i64().unwrap_or(i64::MAX) > newest[index] {
                print([result], &streams[index], many)?;
            }
        }
    }
    Ok(())
}

async fn newest_ingestion(api: &ApiClient, stream: &Stream) -> anyhow::Result<i64> {
    let input = json!({ "logGroupName": stream.group, "logStreamNamePrefix": stream.name });
    let described = api.call(LOGS, "DescribeLogStreams", &input).await?;
    let found = described["logStreams"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|item| item["logStreamName"] == stream.name);
    Ok(found.and_then(|item| item["lastIngestionTime"].as_i64()).unwrap_or(i64::MIN))
}

fn print<'a>(events: impl IntoIterator<Item = &'a Value>, stream: &Stream, many: bool) -> anyhow::Result<()> {
    let mut output = std::io::stdout().lock();
    for event in events {
        let message = event["message"].as_str().unwrap_or_default();
        match many {
            true => writeln!(output, "{}  {message}", stream.container)?,
            false => writeln!(output, "{message}")?,
        }
    }
    output.flush()?;
    Ok(())
}
