//! Which capacity provider a new task takes, and which zone: Fargate and Fargate Spot are spread independently.

use state_model::ecs::cluster::StrategyItem;

use super::snapshot::{Place, Revision, Task};

/// Where a service's tasks are.
#[derive(Debug, Default)]
pub struct Spread<'a> {
    tasks: Vec<Spot<'a>>,
}

#[derive(Clone, Copy, Debug)]
struct Spot<'a> {
    revision: &'a str,
    provider: Option<&'a str>,
    place: Place<'a>,
}

impl<'a> Spread<'a> {
    pub fn of<'t>(tasks: impl Iterator<Item = &'t Task<'a>>) -> Self
    where
        'a: 't,
    {
        let spots = tasks.map(|task| Spot {
            revision: task.revision,
            provider: task.capacity_provider,
            place: task.place,
        });
        Self { tasks: spots.collect() }
    }

    fn count(&self, matches: impl Fn(&Spot<'a>) -> bool) -> usize {
        self.tasks.iter().filter(|spot| matches(spot)).count()
    }

    /// Takes a place for one more task of the revision; none when the revision has no place at all.
    pub fn take(&mut self, revision: &Revision<'a>) -> Option<(Place<'a>, Option<&'a str>)> {
        let id = revision.id;
        let running =
            |provider: &str| self.count(|spot| spot.revision == id && spot.provider == Some(provider));
        let provider = next_provider(revision.strategy, running);
        let places = revision.places.iter().enumerate();
        let (_, place) = places.min_by_key(|(index, place)| {
            let in_zone = |spot: &Spot<'a>| spot.place.zone == place.zone && spot.provider == provider;
            let own = self.count(|spot| spot.revision == id && in_zone(spot));
            let all = self.count(in_zone);
            let in_subnet = self.count(|spot| spot.place.subnet == place.subnet);
            (own, all, in_subnet, *index)
        })?;
        self.add(id, *place, provider);
        Some((*place, provider))
    }

    pub fn add(&mut self, revision: &'a str, place: Place<'a>, provider: Option<&'a str>) {
        self.tasks.push(Spot { revision, provider, place });
    }
}

/// The base comes first; what is beyond it is shared by weight: the provider furthest below its share is next.
pub fn next_provider<'a>(strategy: &'a [StrategyItem], running: impl Fn(&str) -> usize) -> Option<&'a str> {
    let name = |item: &'a StrategyItem| item.capacity_provider.as_str();
    let below_base = |item: &&StrategyItem| running(&item.capacity_provider) < item.base as usize;
    if let Some(item) = strategy.iter().find(below_base) {
        return Some(name(item));
    }
    let weighted = strategy.iter().filter(|item| item.weight > 0);
    let share = |item: &&StrategyItem| {
        let beyond_base = running(&item.capacity_provider).saturating_sub(item.base as usize);
        // What its share would be with one more, scaled so that shares of different weights compare as integers.
        (beyond_base as u64 + 1) * 1_000_000 / u64::from(item.weight)
    };
    weighted.min_by_key(share).map(name)
}

/// The zones of the places, each once, in their order.
pub fn zones<'a>(places: &[Place<'a>]) -> Vec<&'a str> {
    let mut zones: Vec<&str> = Vec::with_capacity(places.len());
    for place in places {
        if !zones.contains(&place.zone) {
            zones.push(place.zone);
        }
    }
    zones
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(name: &str, base: u32, weight: u32) -> StrategyItem {
        StrategyItem { capacity_provider: name.into(), base, weight }
    }

    /// `expected` is the order in which providers are chosen, by their first letters.
    fn check(strategy: &[StrategyItem], expected: &str) {
        let mut chosen = String::new();
        for _ in 0..expected.len() {
            let running = |name: &str| chosen.chars().filter(|letter| name.starts_with(*letter)).count();
            let next = next_provider(strategy, running).expect("a provider");
            chosen.push_str(&next[..1]);
        }
        assert_eq!(chosen, expected, "{strategy:?}");
    }

    #[test]
    fn base_first_then_weights() {
        check(&[item("a", 0, 1)], "aaa");
        check(&[item("a", 2, 1), item("b", 0, 1)], "aaabab");
        check(&[item("a", 0, 1), item("b", 0, 3)], "bbabbbab");
        check(&[item("a", 1, 0), item("b", 0, 1)], "abbb");
        assert_eq!(next_provider(&[], |_| 0), None);
    }
}
