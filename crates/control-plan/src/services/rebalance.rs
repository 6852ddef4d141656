//! Moving tasks to zones that have fewer, one at a time: started there first, stopped then where most are.

use super::snapshot::Place;
use super::spread::zones;
use super::{Condition, Event, Launch, Planner, events};

impl<'a> Planner<'_, 'a> {
    /// Starts one task where fewest are, when the zones of a settled service differ by two or more.
    pub(super) fn rebalance(&mut self) {
        let snapshot = self.snapshot;
        let has_room = u64::from(snapshot.desired) * u64::from(snapshot.maximum_percent) / 100
            > u64::from(snapshot.desired);
        let zones = zones(&snapshot.wanted.places);
        if !snapshot.is_rebalancing || !has_room || zones.len() < 2 {
            return;
        }
        let Some((provider, zone)) = self.unbalanced(&zones) else {
            if self.is_moving() {
                let balanced = events::balanced(snapshot.name, &self.per_zone(&zones, None));
                self.text(balanced);
            }
            return;
        };
        if self.is_protected() || !self.may_start() {
            return;
        }
        let Some(place) = self.place_in(zone) else { return };
        let told = events::not_balanced(snapshot.name, &self.per_zone(&zones, None));
        self.text(told);
        let launch = Launch { revision: snapshot.wanted.id, place, capacity_provider: provider };
        self.decisions.launches.push(launch);
        self.decisions.events.push(Event::StartedToRebalance { zone: zone.to_owned() });
    }

    /// Whether a task is on its way to another zone.
    pub(super) fn is_moving(&self) -> bool {
        let since = self.snapshot.told.iter().take_while(|event| !events::is_steady_state(event.message));
        since.into_iter().any(|event| events::is_rebalancing(event.message))
    }

    /// The zone that gives a task away now that the one elsewhere is healthy.
    pub(super) fn rebalanced_zone(&self, surplus: usize) -> Option<&'a str> {
        let is_complete = self.count(|_, condition| {
            matches!(condition, Condition::Pending | Condition::Starting | Condition::Unhealthy(_))
        }) == 0;
        if surplus != 1 || !is_complete || !self.is_moving() {
            return None;
        }
        let zones = zones(&self.snapshot.wanted.places);
        // Those of each provider are balanced for themselves.
        let of_providers = self.providers().into_iter().map(|provider| self.per_zone(&zones, Some(provider)));
        let fullest = of_providers.filter_map(|counts| {
            let most = counts.iter().max_by_key(|(_, count)| *count)?;
            let least = counts.iter().min_by_key(|(_, count)| *count)?;
            Some((most.1 - least.1, most.0))
        });
        fullest.max_by_key(|(difference, _)| *difference).map(|(_, zone)| zone)
    }

    fn providers(&self) -> Vec<Option<&'a str>> {
        let mut providers: Vec<Option<&str>> = Vec::new();
        for task in &self.snapshot.tasks {
            if !providers.contains(&task.capacity_provider) {
                providers.push(task.capacity_provider);
            }
        }
        providers
    }

    /// The provider whose tasks are spread unevenly, and the zone that has fewest of them.
    fn unbalanced(&self, zones: &[&'a str]) -> Option<(Option<&'a str>, &'a str)> {
        self.providers().into_iter().find_map(|provider| {
            let counts = self.per_zone(zones, Some(provider));
            let most = counts.iter().map(|(_, count)| *count).max()?;
            let (zone, least) = counts.iter().min_by_key(|(_, count)| *count)?;
            (most >= least + 2).then_some((provider, *zone))
        })
    }

    fn per_zone(&self, zones: &[&'a str], provider: Option<Option<&str>>) -> Vec<(&'a str, usize)> {
        let in_zone = |zone: &str| {
            self.count(|task, condition| {
                condition != Condition::Ending
                    && task.place.zone == zone
                    && provider.is_none_or(|provider| task.capacity_provider == provider)
            })
        };
        zones.iter().map(|zone| (*zone, in_zone(zone))).collect()
    }

    fn is_protected(&self) -> bool {
        self.snapshot.tasks.iter().any(|task| task.protected_until.is_some_and(|at| at > self.now))
    }

    /// The zone's subnet that has fewest tasks.
    fn place_in(&self, zone: &str) -> Option<Place<'a>> {
        let places = self.snapshot.wanted.places.iter().filter(|place| place.zone == zone);
        let tasks = |place: &&Place<'a>| {
            self.snapshot.tasks.iter().filter(|task| task.place.subnet == place.subnet).count()
        };
        places.min_by_key(tasks).copied()
    }
}
