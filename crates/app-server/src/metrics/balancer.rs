//! The balancer's counters for Prometheus, under the names that CloudWatch gives them.

use std::collections::BTreeMap;

use control_loops::edge::EdgeMetrics;
use link_protocol::edge::{MetricSeries, MetricValue};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder};
use prometheus_client::metrics::MetricType;

type Labels = Vec<(&'static str, String)>;

/// Tells the newest report at each scrape.
#[derive(Debug)]
pub struct BalancerCollector(pub EdgeMetrics);

impl Collector for BalancerCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let Some(report) = self.0.newest() else { return Ok(()) };
        let mut by_name: BTreeMap<&str, Vec<&MetricSeries>> = BTreeMap::new();
        for series in &report.series {
            by_name.entry(&series.name).or_default().push(series);
        }
        for (name, all) in by_name {
            let Some(first) = all.first() else { continue };
            let kind = match first.value {
                MetricValue::Counter(_) => MetricType::Counter,
                MetricValue::Gauge(_) => MetricType::Gauge,
                MetricValue::Distribution { .. } => MetricType::Histogram,
            };
            let own_name = metric_name(name);
            let help = format!("{name} of Elastic Load Balancing");
            let mut family = encoder.encode_descriptor(&own_name, &help, None, kind)?;
            for series in all {
                let labels = labels(series);
                encode(family.encode_family(&labels)?, &series.value)?;
            }
        }
        Ok(())
    }
}

fn encode(mut encoder: MetricEncoder<'_>, value: &MetricValue) -> Result<(), std::fmt::Error> {
    match value {
        MetricValue::Counter(count) => encoder.encode_counter::<Labels, u64, u64>(count, None),
        MetricValue::Gauge(value) => encoder.encode_gauge(value),
        MetricValue::Distribution { sum, count, buckets } => {
            let told: u64 = buckets.iter().map(|(_, count)| count).sum();
            // The format wants a last bucket without a bound.
            let rest = (f64::MAX, count.saturating_sub(told));
            let buckets: Vec<(f64, u64)> = buckets.iter().copied().chain([rest]).collect();
            encoder.encode_histogram::<Labels>(*sum, *count, &buckets, None)
        }
    }
}

fn labels(series: &MetricSeries) -> Labels {
    let mut labels = vec![("load_balancer", series.load_balancer.clone())];
    labels.extend(series.target_group.clone().map(|group| ("target_group", group)));
    labels.extend(series.availability_zone.clone().map(|zone| ("availability_zone", zone)));
    labels
}

/// `elb_request_count` of `RequestCount`, `elb_http_code_elb_5xx_count` of `HTTPCode_ELB_5XX_Count`.
fn metric_name(name: &str) -> String {
    let characters: Vec<char> = name.chars().collect();
    let mut text = String::from("elb_");
    for (index, character) in characters.iter().enumerate() {
        let before = index.checked_sub(1).map(|before| characters[before]);
        let after = characters.get(index + 1);
        let begins_word = character.is_ascii_uppercase()
            && before.is_some_and(|before| {
                before.is_ascii_lowercase()
                    || (before.is_ascii_uppercase() && after.is_some_and(char::is_ascii_lowercase))
            });
        if begins_word {
            text.push('_');
        }
        text.push(character.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_in_prometheus_form() {
        for (name, expect) in [
            ("RequestCount", "elb_request_count"),
            ("HTTPCode_ELB_5XX_Count", "elb_http_code_elb_5xx_count"),
            ("TargetTLSNegotiationErrorCount", "elb_target_tls_negotiation_error_count"),
            ("ActiveFlowCount_TCP", "elb_active_flow_count_tcp"),
        ] {
            assert_eq!(metric_name(name), expect);
        }
    }
}
