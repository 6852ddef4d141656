//! Statistics by their names.

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stat {
    SampleCount,
    Average,
    Sum,
    Minimum,
    Maximum,
    /// `p99.9`: from 0 to 100.
    Percentile(f64),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no statistic")]
pub struct StatError {
    pub text: String,
}

impl Stat {
    pub fn parse(text: &str) -> Result<Self, StatError> {
        let percentile = || text.strip_prefix('p')?.parse().ok().filter(|part| (0.0..=100.0).contains(part));
        Ok(match text {
            "SampleCount" => Stat::SampleCount,
            "Average" => Stat::Average,
            "Sum" => Stat::Sum,
            "Minimum" => Stat::Minimum,
            "Maximum" => Stat::Maximum,
            _ => Stat::Percentile(percentile().ok_or_else(|| StatError { text: text.to_owned() })?),
        })
    }
}
