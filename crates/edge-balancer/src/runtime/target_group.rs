//! A target group, and the slot that actions find it in.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption};
use link_protocol::edge::{LastHealth, TargetGroupConfig};
use stdx::clock::Timestamp;

use super::eligible::Eligible;
use super::options::TargetGroupOptions;
use super::target::Target;
use crate::metrics::{Dimensions, MetricSet, Registry};

/// Where actions find a target group; empty while it isn't told.
#[derive(Debug)]
pub struct TargetGroupSlot {
    pub arn: String,
    current: ArcSwapOption<TargetGroup>,
    /// Held while the group or the health of its targets changes.
    changing: Mutex<()>,
}

/// One state of its configuration. Targets that stay are shared with the state before.
#[derive(Debug)]
pub struct TargetGroup {
    pub config: Arc<TargetGroupConfig>,
    pub options: TargetGroupOptions,
    /// All that are registered, draining ones too.
    pub targets: Vec<Arc<Target>>,
    eligible: ArcSwap<Eligible>,
    kept: Arc<Kept>,
}

/// A load balancer's path, and a zone.
type ZoneKey = (String, String);

/// What outlives a change of configuration.
#[derive(Debug)]
struct Kept {
    turn: AtomicUsize,
    registry: Arc<Registry>,
    metrics: ArcSwap<Vec<(ZoneKey, Arc<MetricSet>)>>,
}

impl TargetGroupSlot {
    pub fn empty(arn: &str) -> TargetGroupSlot {
        TargetGroupSlot { arn: arn.to_owned(), current: ArcSwapOption::empty(), changing: Mutex::new(()) }
    }

    pub fn load(&self) -> Option<Arc<TargetGroup>> {
        self.current.load_full()
    }

    /// As [`TargetGroupSlot::load`], without touching the reference count: for the hot path.
    pub fn peek(&self) -> arc_swap::Guard<Option<Arc<TargetGroup>>> {
        self.current.load()
    }

    /// Also gives the targets whose health isn't what it was: new ones, and those that begin to drain.
    pub fn replace(
        &self,
        config: Arc<TargetGroupConfig>,
        registry: &Arc<Registry>,
        now: Timestamp,
    ) -> (Arc<TargetGroup>, Vec<Arc<Target>>) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.load();
        let Carried { targets, changed, gone } = carry_over(before.as_deref(), &config, now);
        let kept = match &before {
            Some(group) => group.kept.clone(),
            None => Arc::new(Kept {
                turn: AtomicUsize::new(0),
                registry: registry.clone(),
                metrics: ArcSwap::default(),
            }),
        };
        let options = TargetGroupOptions::parse(&config.attributes);
        let eligible = ArcSwap::from_pointee(Eligible::new(&targets, &options));
        let group = Arc::new(TargetGroup { config, options, targets, eligible, kept });
        self.current.store(Some(group.clone()));
        gone.iter().for_each(|target| target.expired.fire());
        (group, changed)
    }

    /// Takes the group away: what still uses its targets ends.
    pub fn clear(&self) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(group) = self.current.swap(None) {
            group.targets.iter().for_each(|target| target.expired.fire());
        }
    }

    /// Enters a verdict, in effect for the next request. False when the target isn't registered any more or drains.
    pub fn set_health(&self, target: &Arc<Target>, verdict: LastHealth) -> bool {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(group) = self.load() else { return false };
        if target.is_draining() || !group.targets.iter().any(|known| known.serial == target.serial) {
            return false;
        }
        target.set_health(verdict);
        group.eligible.store(Arc::new(Eligible::new(&group.targets, &group.options)));
        true
    }
}

impl TargetGroup {
    pub fn eligible(&self) -> arc_swap::Guard<Arc<Eligible>> {
        self.eligible.load()
    }

    /// Whether targets of every zone are used, from a load balancer with this setting.
    pub fn is_cross_zone(&self, load_balancer: bool) -> bool {
        self.options.cross_zone.unwrap_or(load_balancer)
    }

    /// Numbers that follow each other: the round robin.
    pub fn next_turn(&self) -> usize {
        self.kept.turn.fetch_add(1, Ordering::Relaxed)
    }

    /// A target by its id and port, as a cookie remembers it.
    pub fn target(&self, id: &str, port: u16) -> Option<&Arc<Target>> {
        self.targets.iter().find(|target| target.port() == port && target.id == id)
    }

    /// The zones of a load balancer in which anything of this group was counted.
    pub fn counted_zones(&self, load_balancer_path: &str) -> Vec<String> {
        let sets = self.kept.metrics.load();
        let own = sets.iter().filter(|((path, _), _)| path == load_balancer_path);
        own.map(|((_, zone), _)| zone.clone()).collect()
    }

    /// The counters of this group behind one zone of a load balancer.
    pub fn metrics(&self, load_balancer_path: &str, availability_zone: &str) -> Arc<MetricSet> {
        let is_it = |key: &(String, String)| key.0 == load_balancer_path && key.1 == availability_zone;
        if let Some((_, set)) = self.kept.metrics.load().iter().find(|(key, _)| is_it(key)) {
            return set.clone();
        }
        let set = self.kept.registry.set(Dimensions {
            load_balancer: load_balancer_path.to_owned(),
            target_group: Some(self.config.path.clone()),
            availability_zone: Some(availability_zone.to_owned()),
        });
        self.kept.metrics.rcu(|sets| {
            let mut sets = sets.as_ref().clone();
            sets.push(((load_balancer_path.to_owned(), availability_zone.to_owned()), set.clone()));
            sets
        });
        set
    }
}

struct Carried {
    targets: Vec<Arc<Target>>,
    changed: Vec<Arc<Target>>,
    gone: Vec<Arc<Target>>,
}

fn carry_over(before: Option<&TargetGroup>, config: &TargetGroupConfig, now: Timestamp) -> Carried {
    let old = before.map_or(&[][..], |group| group.targets.as_slice());
    let mut known: HashMap<(&str, u16), &Arc<Target>> =
        old.iter().map(|target| ((target.id.as_str(), target.port()), target)).collect();
    let mut targets = Vec::with_capacity(config.targets.len());
    let mut changed = Vec::new();
    for told in &config.targets {
        // A registration that was renewed is a new target; what runs over the old one goes on.
        let same = known.remove(&(told.id.as_str(), told.port)).filter(|target| target.is(told));
        let (target, is_new) = match same {
            // A target doesn't come back from draining without being registered anew.
            Some(target) if !target.is_draining() || told.draining_since.is_some() => (target.clone(), false),
            _ => (Arc::new(Target::new(told, now)), true),
        };
        let begins_to_drain = told.draining_since.filter(|_| !target.is_draining());
        if let Some(since) = begins_to_drain {
            target.drain(since);
        }
        if is_new || begins_to_drain.is_some() {
            changed.push(target.clone());
        }
        targets.push(target);
    }
    Carried { targets, changed, gone: known.into_values().cloned().collect() }
}
