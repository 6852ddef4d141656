//! What names a series.

use std::sync::Arc;

pub type Name = Arc<str>;

/// Name and value of each dimension, sorted by name.
pub type Dimensions = Arc<[(Name, Name)]>;

/// The name of a series. Statistics need all of its dimensions: nothing is added up over those that are left out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetricId {
    /// Who owns it: an opaque key.
    pub partition: Name,
    /// For example `AWS/ECS`.
    pub namespace: Name,
    pub name: Name,
    pub dimensions: Dimensions,
}

impl MetricId {
    pub fn new<N: Into<Name>, V: Into<Name>>(
        partition: impl Into<Name>,
        namespace: impl Into<Name>,
        name: impl Into<Name>,
        dimensions: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let mut dimensions: Vec<(Name, Name)> =
            dimensions.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        dimensions.sort_unstable();
        Self {
            partition: partition.into(),
            namespace: namespace.into(),
            name: name.into(),
            dimensions: dimensions.into(),
        }
    }
}
