//! The metrics of a service, read through the API.

use anyhow::Context;
use client_api::api::{ApiClient, ELBV2, Service};
use serde_json::{Value, json};
use stdx::clock::Timestamp;

pub const CLOUDWATCH: Service =
    Service { signing_name: "monitoring", target_prefix: "GraniteServiceVersion20100801" };
/// As wide as a terminal takes.
pub const COLUMNS_MAX: u32 = 65;
/// Lengths of periods that round times are made of. Tasks are counted every ten seconds.
const PERIODS: [u32; 8] = [10, 20, 30, 60, 120, 300, 600, 3600];

/// One metric of the service.
#[derive(Debug)]
pub struct Line {
    pub title: &'static str,
    pub unit: &'static str,
    namespace: &'static str,
    name: &'static str,
    statistic: &'static str,
    dimensions: Vec<(&'static str, String)>,
    /// Sums become rates.
    is_rate: bool,
    /// On the picture's right axis.
    is_right: bool,
}

/// What there is to see: requests where a load balancer brings them, processor, and tasks.
pub async fn lines(api: &ApiClient, cluster: &str, name: &str) -> anyhow::Result<Vec<Line>> {
    let ecs = client_api::api::ECS;
    let described =
        api.call(ecs, "DescribeServices", &json!({ "cluster": cluster, "services": [name] })).await?;
    let service = described["services"].get(0).with_context(|| {
        format!("there is no service {name} in cluster {cluster}: see `neargate service --cluster {cluster}`")
    })?;
    let own = || {
        let name = service["serviceName"].as_str().unwrap_or(name);
        let cluster =
            service["clusterArn"].as_str().and_then(|arn| arn.rsplit('/').next()).unwrap_or(cluster);
        vec![("ClusterName", cluster.to_owned()), ("ServiceName", name.to_owned())]
    };
    let mut lines = Vec::new();
    if let Some(dimensions) = balancer(api, service).await? {
        lines.push(Line {
            title: "requests",
            unit: "a second",
            namespace: "AWS/ApplicationELB",
            name: "RequestCount",
            statistic: "Sum",
            dimensions,
            is_rate: true,
            is_right: false,
        });
    }
    let line = |title, unit, name, statistic, is_right| Line {
        title,
        unit,
        namespace: "AWS/ECS",
        name,
        statistic,
        dimensions: own(),
        is_rate: false,
        is_right,
    };
    lines.push(line("processor", "% of what is reserved", "CPUUtilization", "Average", false));
    lines.push(line("tasks", "live", "LiveTaskCount", "Maximum", true));
    Ok(lines)
}

/// Of the first load balancer in front of the service.
async fn balancer(api: &ApiClient, service: &Value) -> anyhow::Result<Option<Vec<(&'static str, String)>>> {
    let Some(group) = service["loadBalancers"][0]["targetGroupArn"].as_str() else { return Ok(None) };
    let found = api.query(ELBV2, "DescribeTargetGroups", &[("TargetGroupArns.member.1", group)]).await?;
    let Some(arn) = found["TargetGroups"][0]["LoadBalancerArns"][0].as_str() else { return Ok(None) };
    let (_, balancer) = arn.split_once(":loadbalancer/").context("a load balancer's ARN names it")?;
    let (_, group) = group.split_once(":targetgroup/").context("a target group's ARN names it")?;
    if !balancer.starts_with("app/") {
        return Ok(None);
    }
    Ok(Some(vec![("LoadBalancer", balancer.to_owned()), ("TargetGroup", format!("targetgroup/{group}"))]))
}

pub fn period(minutes: u32) -> u32 {
    let fits = |period: &u32| minutes * 60 / period <= COLUMNS_MAX;
    PERIODS.into_iter().find(fits).unwrap_or(PERIODS[PERIODS.len() - 1])
}

/// Per line, one value for each period until now; none where nothing was measured.
pub async fn measured(
    api: &ApiClient,
    lines: &[Line],
    minutes: u32,
    period: u32,
    until: Timestamp,
) -> anyhow::Result<Vec<Vec<Option<f64>>>> {
    // The newest period is still going on.
    let end = until.as_secs() / i64::from(period) * i64::from(period);
    let count = minutes * 60 / period;
    let start = end - i64::from(count * period);
    let query = |(place, line): (usize, &Line)| {
        let metric =
            json!({ "Namespace": line.namespace, "MetricName": line.name, "Dimensions": dimensions(line) });
        json!({ "Id": format!("m{place}"), "MetricStat": { "Metric": metric, "Period": period, "Stat": line.statistic } })
    };
    let queries: Vec<Value> = lines.iter().enumerate().map(query).collect();
    let input = json!({ "MetricDataQueries": queries, "StartTime": start, "EndTime": end });
    let answer = api.call(CLOUDWATCH, "GetMetricData", &input).await?;
    let mut all = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        let mut values = vec![None; count as usize];
        let id = format!("m{place}");
        let results = answer["MetricDataResults"].as_array().into_iter().flatten();
        for result in results.filter(|result| result["Id"] == *id) {
            let times = result["Timestamps"].as_array().into_iter().flatten();
            for (at, value) in times.zip(result["Values"].as_array().into_iter().flatten()) {
                let Some((at, value)) = at.as_f64().zip(value.as_f64()) else { continue };
                let column = (at as i64 - start) / i64::from(period);
                let Some(cell) = usize::try_from(column).ok().and_then(|column| values.get_mut(column))
                else {
                    continue;
                };
                *cell = Some(if line.is_rate { value / f64::from(period) } else { value });
            }
        }
        all.push(values);
    }
    Ok(all)
}

fn dimensions(line: &Line) -> Vec<Value> {
    line.dimensions.iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect()
}

/// A PNG in base 64, drawn by the server: load on the left axis, tasks on the right one.
pub async fn picture(api: &ApiClient, name: &str, lines: &[Line], minutes: u32) -> anyhow::Result<String> {
    let metric = |line: &Line| {
        let mut words = vec![json!(line.namespace), json!(line.name)];
        words.extend(line.dimensions.iter().flat_map(|(name, value)| [json!(name), json!(value)]));
        let axis = if line.is_right { "right" } else { "left" };
        words.push(json!({ "stat": line.statistic, "yAxis": axis, "label": format!("{} ({})", line.title, line.unit) }));
        Value::Array(words)
    };
    // Requests per period beside per cent would need a third axis.
    let shown = lines.iter().filter(|line| line.namespace == "AWS/ECS" || lines.len() < 3);
    let widget = json!({
        "title": format!("{name}: load and tasks"),
        "metrics": shown.map(metric).collect::<Vec<_>>(),
        "period": period(minutes),
        "start": format!("-PT{minutes}M"),
        "width": 900,
        "height": 400,
        "yAxis": { "left": { "min": 0 }, "right": { "min": 0 } },
    });
    let answer =
        api.call(CLOUDWATCH, "GetMetricWidgetImage", &json!({ "MetricWidget": widget.to_string() })).await?;
    answer["MetricWidgetImage"].as_str().map(str::to_owned).context("the server sent no picture")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_fit_the_terminal() {
        for (minutes, expect) in [(1, 10), (5, 10), (10, 10), (11, 20), (60, 60), (180, 300), (1440, 3600)] {
            assert_eq!(period(minutes), expect, "{minutes} minutes");
        }
    }
}
