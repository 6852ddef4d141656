//! Which targets of a group may get new work now: worked out when it changes, so that a request only reads.

use std::sync::Arc;

use super::options::TargetGroupOptions;
use super::target::Target;

/// The choice for all zones together, and for each zone alone.
#[derive(Debug, Default)]
pub struct Eligible {
    pub all: Choice,
    zones: Vec<(String, Choice)>,
    /// Of targets that belong to no zone: what a zone without targets of its own has.
    anywhere: Choice,
}

#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Healthy ones; when those are fewer than the group asks for, everything registered.
    pub targets: Vec<Arc<Target>>,
    /// Too few are healthy.
    pub fail_open: bool,
}

impl Eligible {
    pub(super) fn new(targets: &[Arc<Target>], options: &TargetGroupOptions) -> Eligible {
        let mut names: Vec<&str> =
            targets.iter().filter_map(|target| target.availability_zone.as_deref()).collect();
        names.sort_unstable();
        names.dedup();
        let in_zone = |zone: Option<&str>| {
            let mine = targets.iter().filter(|target| {
                target.availability_zone.is_none() || target.availability_zone.as_deref() == zone
            });
            choose(mine, options)
        };
        Eligible {
            all: choose(targets.iter(), options),
            zones: names.iter().map(|name| ((*name).to_owned(), in_zone(Some(name)))).collect(),
            anywhere: in_zone(None),
        }
    }

    /// For a load balancer's node in this zone.
    pub fn of(&self, availability_zone: &str, cross_zone: bool) -> &Choice {
        if cross_zone {
            return &self.all;
        }
        let zone = self.zones.iter().find(|(name, _)| name == availability_zone);
        zone.map_or(&self.anywhere, |(_, choice)| choice)
    }
}

fn choose<'a>(targets: impl Iterator<Item = &'a Arc<Target>>, options: &TargetGroupOptions) -> Choice {
    let registered: Vec<&Arc<Target>> = targets.filter(|target| !target.is_draining()).collect();
    let healthy = registered.iter().filter(|target| target.is_healthy()).count();
    let wanted = options.healthy_targets_min(registered.len());
    let fail_open = healthy < wanted;
    let targets = registered.into_iter().filter(|target| fail_open || target.is_healthy());
    Choice { targets: targets.cloned().collect(), fail_open }
}
