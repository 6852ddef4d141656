//! What balancers count, under CloudWatch's names: namespaces `AWS/ApplicationELB` and `AWS/NetworkELB`.
//!
//! Source: "CloudWatch metrics for your Application Load Balancer", and for your Network Load Balancer.

use std::collections::{BTreeMap, HashMap};

use link_protocol::edge::{CountedWindow, MetricSeries, MetricValue};
use state_model::Scope;
use state_model::elbv2::LoadBalancer;
use state_model::elbv2::load_balancer::LoadBalancerKind;
use state_model::elbv2::target::HealthState;
use state_model::record::Record;
use state_tables::{View, elb_usage};
use state_telemetry::metrics::{
    Durability, MetricId, MetricStore, PointQuery, PutError, Resolution, Sample, Stat, Unit, Values,
};
use stdx_async::supervisor;
use tracing::warn;

use crate::LoopContext;
use crate::limits::FAILURE_PAUSE;

/// Targets that are in every zone of their load balancer are told without a zone.
const EVERY_ZONE: &str = "all";
/// A bucket's bounds lie this far apart: the middle is in between.
const BUCKET_GROWTH: f64 = 1.1;

/// Keeps a window, once, and returns when it is on the disk.
///
/// A window that is told again may have been kept by a server that died before it could say so. Each has a time of its own, and
/// is kept whole or not at all: one of its samples tells.
pub async fn keep(context: &LoopContext, store: &MetricStore, window: &CountedWindow) {
    let samples = samples(&context.state.view(), window);
    let Some(first) = samples.first() else { return };
    if window.again && is_kept(store, first).await {
        return;
    }
    while let Err(error) = store.put(samples.clone(), Durability::Synced).await {
        warn!(error = &error as &dyn std::error::Error, "the counts of the balancer can't be kept");
        if let PutError::TooManySeries { .. } = error {
            return;
        }
        tokio::time::sleep(FAILURE_PAUSE).await;
    }
}

async fn is_kept(store: &MetricStore, sample: &Sample) -> bool {
    let query = PointQuery {
        id: sample.id.clone(),
        from: sample.at,
        until: sample.at.plus(std::time::Duration::from_secs(1)),
        period_secs: 1,
        stat: Stat::SampleCount,
        unit: None,
    };
    let store = store.clone();
    let found = supervisor::blocking(move || store.points(&query)).await;
    // What can't be read isn't counted twice.
    found.map_or(true, |points| !points.is_empty())
}

/// Where a value belongs; values of several zones meet in those without a zone.
type Place<'a> = (&'a str, &'a str, Dimensions<'a>);
type Dimensions<'a> = Vec<(&'static str, &'a str)>;

/// The samples of a window. What belongs to a load balancer that is gone is dropped.
pub fn samples(view: &View, window: &CountedWindow) -> Vec<Sample> {
    let load_balancers = view.elb_load_balancers.iter().map(|(_, row)| (row.path(), &**row));
    let load_balancers: HashMap<String, &LoadBalancer> = load_balancers.collect();
    let mut sums: BTreeMap<Place<'_>, MetricValue> = BTreeMap::new();
    for series in &window.series {
        for dimensions in dimension_sets(series) {
            match sums.get_mut(&(&series.load_balancer, &series.name, dimensions.clone())) {
                Some(sum) => sum.add(&series.value),
                None => {
                    let place = (&*series.load_balancer, &*series.name, dimensions);
                    sums.insert(place, series.value.clone());
                }
            }
        }
    }
    let mut samples = Vec::with_capacity(sums.len());
    for ((path, name, dimensions), value) in sums {
        let Some(load_balancer) = load_balancers.get(path) else { continue };
        let id = id(&load_balancer.scope, load_balancer.kind, name, dimensions);
        samples.push(sample(id, unit(name), values(&value), window));
    }
    samples.extend(requests_per_target(view, window));
    samples
}

/// CloudWatch adds nothing up: each metric is told for every set of dimensions that is asked for.
fn dimension_sets(series: &MetricSeries) -> Vec<Dimensions<'_>> {
    let load_balancer = ("LoadBalancer", &*series.load_balancer);
    let mut all = vec![load_balancer];
    if let Some(group) = &series.target_group {
        // What the load balancer answered itself is no target group's.
        if series.name.starts_with("HTTPCode_ELB") {
            return Vec::new();
        }
        all.push(("TargetGroup", group));
    }
    let mut sets = vec![all.clone()];
    if let Some(zone) = series.availability_zone.as_deref().filter(|zone| *zone != EVERY_ZONE) {
        all.push(("AvailabilityZone", zone));
        sets.push(all);
    }
    sets
}

/// `RequestCountPerTarget`, of which the sum is what counts: also none, for every group that has targets.
fn requests_per_target(view: &View, window: &CountedWindow) -> Vec<Sample> {
    let mut requests: HashMap<&str, u64> = HashMap::new();
    for series in window.series.iter().filter(|series| series.name == "RequestCount") {
        if let (Some(group), MetricValue::Counter(count)) = (&series.target_group, &series.value) {
            *requests.entry(group).or_default() += count;
        }
    }
    let mut samples = Vec::new();
    for (key, group) in view.elb_target_groups.iter() {
        let used_by = elb_usage::load_balancer_of_target_group(view, &group.arn());
        let Some(load_balancer) = used_by.and_then(|key| view.elb_load_balancers.get(&key)) else { continue };
        if load_balancer.kind != LoadBalancerKind::Application {
            continue;
        }
        let (mut registered, mut healthy) = (0_u32, 0_u32);
        for target in elb_usage::targets_of_group(view, key).filter(|target| !target.is_draining()) {
            let health = view.elb_target_health.get(&target.key());
            registered += 1;
            healthy += u32::from(health.is_some_and(|health| health.state == HealthState::Healthy));
        }
        // Without any healthy one, all of them are used.
        let targets = if healthy == 0 { registered } else { healthy };
        if targets == 0 {
            continue;
        }
        let (path, balancer_path) = (format!("targetgroup/{}", group.path()), load_balancer.path());
        let value = requests.get(&*path).copied().unwrap_or(0) as f64 / f64::from(targets);
        let sets =
            [vec![("TargetGroup", &*path)], vec![("TargetGroup", &*path), ("LoadBalancer", &*balancer_path)]];
        for set in sets {
            let id = id(&group.scope, load_balancer.kind, "RequestCountPerTarget", set);
            samples.push(sample(id, Unit::Count, Values::One(value), window));
        }
    }
    samples
}

fn id(scope: &Scope, kind: LoadBalancerKind, name: &str, dimensions: Dimensions<'_>) -> MetricId {
    let namespace = match kind {
        LoadBalancerKind::Application => "AWS/ApplicationELB",
        LoadBalancerKind::Network => "AWS/NetworkELB",
    };
    MetricId::new(scope.to_string(), namespace, name, dimensions)
}

fn sample(id: MetricId, unit: Unit, values: Values, window: &CountedWindow) -> Sample {
    Sample { id, at: window.at, unit, resolution: Resolution::Second, values }
}

fn unit(name: &str) -> Unit {
    match name {
        "ProcessedBytes" => Unit::Bytes,
        "TargetResponseTime" => Unit::Seconds,
        _ => Unit::Count,
    }
}

fn values(value: &MetricValue) -> Values {
    match value {
        MetricValue::Counter(count) => Values::One(*count as f64),
        MetricValue::Gauge(value) => Values::One(*value),
        MetricValue::Distribution { sum, buckets, .. } => {
            let middle = |bound: f64| bound / BUCKET_GROWTH.sqrt();
            let guessed: f64 = buckets.iter().map(|(bound, count)| middle(*bound) * *count as f64).sum();
            // The sum is known: what is told of the buckets is moved within them so that the average is right.
            let shift = (sum / guessed).clamp(1.0 / BUCKET_GROWTH, BUCKET_GROWTH);
            Values::Counted(
                buckets.iter().map(|(bound, count)| (middle(*bound) * shift, *count as f64)).collect(),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_of_a_distribution_is_exact() {
        let buckets = vec![(0.110, 3), (0.121, 1)];
        let value = MetricValue::Distribution { sum: 0.43, count: 4, buckets };
        let Values::Counted(values) = values(&value) else { panic!("not counted") };
        let sum: f64 = values.iter().map(|(value, count)| value * count).sum();
        assert!((sum - 0.43).abs() < 1e-9, "{values:?}");
    }

    #[test]
    fn each_metric_has_its_sets_of_dimensions() {
        let series = |name: &str, group: Option<&str>, zone: Option<&str>| MetricSeries {
            name: name.into(),
            load_balancer: "app/web/1".into(),
            target_group: group.map(str::to_owned),
            availability_zone: zone.map(str::to_owned),
            value: MetricValue::Counter(1),
        };
        for (name, group, zone, expect) in [
            ("RequestCount", None, Some("a"), "LoadBalancer | LoadBalancer AvailabilityZone"),
            (
                "RequestCount",
                Some("targetgroup/web/1"),
                Some("a"),
                "LoadBalancer TargetGroup | LoadBalancer TargetGroup AvailabilityZone",
            ),
            ("HealthyHostCount", Some("targetgroup/web/1"), Some("all"), "LoadBalancer TargetGroup"),
            ("HTTPCode_ELB_5XX_Count", Some("targetgroup/web/1"), Some("a"), ""),
        ] {
            let series = series(name, group, zone);
            let names =
                |set: &Dimensions<'_>| set.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" ");
            let found: Vec<String> = dimension_sets(&series).iter().map(names).collect();
            assert_eq!(found.join(" | "), expect);
        }
    }
}
