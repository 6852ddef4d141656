//! The live objects that traffic is served with, compiled from what control tells.
//!
//! A change of one object costs what that object is large; a request costs nothing that grows with how many there are:
//! actions hold the slots of their target groups directly. What isn't changed by a message stays the same object, so that
//! health, connections and counters survive.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use link_protocol::edge::{LoadBalancerConfig, TargetGroupConfig};
use stdx::clock::{SharedClock, Timestamp};

use crate::dialer::Dialers;
use crate::metrics::Registry;

pub mod eligible;
pub mod listener;
pub mod load_balancer;
pub mod options;
pub mod signal;
pub mod target;
pub mod target_group;

pub use eligible::Eligible;
pub use listener::{Listener, ListenerState};
pub use load_balancer::{LoadBalancer, LoadBalancerState, Zone};
pub use target::Target;
pub use target_group::{TargetGroup, TargetGroupSlot};

/// Everything that is configured. Changed by one thread, read by all.
#[derive(Debug)]
pub struct Runtime {
    clock: SharedClock,
    metrics: Arc<Registry>,
    dialers: Dialers,
    objects: Mutex<Objects>,
}

#[derive(Debug, Default)]
struct Objects {
    groups: HashMap<String, Arc<TargetGroupSlot>>,
    load_balancers: HashMap<String, Arc<LoadBalancer>>,
}

impl Runtime {
    pub fn new(clock: SharedClock) -> Arc<Runtime> {
        let metrics = Arc::new(Registry::new(clock.now()));
        Arc::new(Runtime { clock, metrics, dialers: Dialers::default(), objects: Mutex::default() })
    }

    pub fn metrics(&self) -> &Arc<Registry> {
        &self.metrics
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The slot of a target group: empty until the group itself is told, so that the order of messages is free.
    pub fn slot(&self, arn: &str) -> Arc<TargetGroupSlot> {
        slot(&mut self.lock(), arn)
    }

    /// Also gives the targets whose health isn't what it was: new ones, and those that begin to drain.
    pub fn set_target_group(&self, config: TargetGroupConfig) -> (Arc<TargetGroup>, Vec<Arc<Target>>) {
        let slot = self.slot(&config.arn);
        slot.replace(Arc::new(config), &self.metrics, self.clock.now())
    }

    pub fn remove_target_group(&self, arn: &str) {
        let slot = self.lock().groups.get(arn).cloned();
        if let Some(slot) = slot {
            slot.clear();
        }
        self.sweep();
    }

    /// Its listeners that stayed are the same objects, with their new state.
    pub fn set_load_balancer(&self, config: LoadBalancerConfig) -> Arc<LoadBalancer> {
        let mut objects = self.lock();
        let before = objects.load_balancers.get(&config.arn).cloned();
        let arn = config.arn.clone();
        let after = LoadBalancer::update(
            before,
            config,
            &mut |arn| slot(&mut objects, arn),
            &self.metrics,
            &self.dialers,
        );
        objects.load_balancers.insert(arn, after.clone());
        after
    }

    pub fn remove_load_balancer(&self, arn: &str) -> Option<Arc<LoadBalancer>> {
        let removed = self.lock().load_balancers.remove(arn);
        if let Some(load_balancer) = &removed {
            load_balancer.close();
            load_balancer.gone.fire();
            self.metrics.forget(&load_balancer.path);
        }
        self.sweep();
        removed
    }

    pub fn load_balancers(&self) -> Vec<Arc<LoadBalancer>> {
        self.lock().load_balancers.values().cloned().collect()
    }

    pub fn load_balancer(&self, arn: &str) -> Option<Arc<LoadBalancer>> {
        self.lock().load_balancers.get(arn).cloned()
    }

    pub fn target_groups(&self) -> Vec<Arc<TargetGroup>> {
        self.lock().groups.values().filter_map(|slot| slot.load()).collect()
    }

    /// ARNs of what is configured and not in `told`: load balancers, then target groups.
    pub fn missing_from(&self, told: &HashSet<String>) -> (Vec<String>, Vec<String>) {
        let objects = self.lock();
        let absent = |arn: &&String| !told.contains(*arn);
        let groups = objects.groups.iter().filter(|(_, slot)| slot.load().is_some());
        (
            objects.load_balancers.keys().filter(absent).cloned().collect(),
            groups.map(|(arn, _)| arn).filter(absent).cloned().collect(),
        )
    }

    /// Drops slots that hold nothing and that no action refers to.
    fn sweep(&self) {
        self.lock().groups.retain(|_, slot| slot.load().is_some() || Arc::strong_count(slot) > 1);
    }

    fn lock(&self) -> MutexGuard<'_, Objects> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn slot(objects: &mut Objects, arn: &str) -> Arc<TargetGroupSlot> {
    if let Some(slot) = objects.groups.get(arn) {
        return slot.clone();
    }
    let slot = Arc::new(TargetGroupSlot::empty(arn));
    objects.groups.insert(arn.to_owned(), slot.clone());
    slot
}
