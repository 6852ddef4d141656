//! Which deliveries are tried now.
//!
//! Deliveries of one lane go to one receiver. Lanes take turns, a lane has its own bound, and lanes that fail share a part of
//! the slots: however many receivers are down or slow, the others are served.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use state_model::delivery::{Action, Backoff, Delivery, Retry};
use stdx::backoff;
use stdx::clock::Timestamp;
use stdx::random::Random;

use crate::limits::{DELIVERIES_AT_ONCE_MAX, DELIVERIES_OF_FAILING_LANES_MAX, DELIVERIES_PER_LANE_MAX};

/// What waits, in the order in which it is to be tried. Holds no decision that the records don't follow from, apart from whose
/// turn it is and how lanes fared: forgetting it costs nothing.
#[derive(Debug, Default)]
pub struct Schedule {
    lanes: BTreeMap<Arc<str>, Lane>,
    /// The lane and time of every delivery, by its key.
    places: HashMap<Arc<str>, Place>,
    /// Lanes whose first delivery is due and that have a slot left, by whose turn is longest ago; the failing ones apart.
    ready: BTreeSet<(u64, Arc<str>)>,
    ready_failing: BTreeSet<(u64, Arc<str>)>,
    /// Lanes whose first delivery isn't due yet.
    waiting: BTreeSet<(Timestamp, Arc<str>)>,
    turn: u64,
    in_flight: usize,
    in_flight_of_failing: usize,
}

#[derive(Debug)]
struct Place {
    lane: Arc<str>,
    at: Timestamp,
    state: PlaceState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PlaceState {
    Waiting,
    /// Being tried, and whether its lane was failing when that began.
    InFlight {
        failing: bool,
    },
}

#[derive(Debug, Default)]
struct Lane {
    queue: BTreeSet<(Timestamp, Arc<str>)>,
    in_flight: usize,
    last_turn: u64,
    is_failing: bool,
    /// Attempts per second at most, and when the next may begin.
    rate_max: Option<u32>,
    paced_until: Timestamp,
    filed: Filed,
}

/// Where a lane is to be found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Filed {
    /// It has nothing, or no slot left.
    #[default]
    Nowhere,
    Ready {
        turn: u64,
        failing: bool,
    },
    Waiting(Timestamp),
}

impl Lane {
    fn at_once_max(&self) -> usize {
        // One attempt finds out whether the receiver is back.
        if self.is_failing { 1 } else { DELIVERIES_PER_LANE_MAX }
    }
}

impl Schedule {
    /// A delivery that is new, or whose next attempt has another time.
    pub fn put(&mut self, key: &str, delivery: &Delivery) {
        self.put_at(key, &delivery.lane, delivery.next_at, rate_max(&delivery.action));
    }

    fn put_at(&mut self, key: &str, lane: &str, at: Timestamp, rate_max: Option<u32>) {
        match self.places.get(key) {
            Some(place) if place.state != PlaceState::Waiting => {
                // Its attempt says when it ends; the time is that of the record by then.
                if let Some(place) = self.places.get_mut(key) {
                    place.at = at;
                }
                return;
            }
            Some(_) => self.remove(key),
            None => {}
        }
        let (key, name): (Arc<str>, Arc<str>) = (key.into(), lane.into());
        let lane = self.lanes.entry(Arc::clone(&name)).or_default();
        lane.queue.insert((at, Arc::clone(&key)));
        if rate_max.is_some() {
            lane.rate_max = rate_max;
        }
        self.places.insert(key, Place { lane: Arc::clone(&name), at, state: PlaceState::Waiting });
        self.file(&name);
    }

    /// A delivery that is gone. One that is being tried stays until its attempt ends.
    pub fn remove(&mut self, key: &str) {
        let Some(place) = self.places.get(key).filter(|place| place.state == PlaceState::Waiting) else {
            return;
        };
        let (name, at) = (Arc::clone(&place.lane), place.at);
        let Some((key, _)) = self.places.remove_entry(key) else { return };
        if let Some(lane) = self.lanes.get_mut(&name) {
            lane.queue.remove(&(at, key));
        }
        self.file(&name);
    }

    /// The next delivery to try, which counts as being tried from here on.
    pub fn begin(&mut self, now: Timestamp) -> Option<Arc<str>> {
        if self.in_flight >= DELIVERIES_AT_ONCE_MAX {
            return None;
        }
        self.wake(now);
        let failing_full = self.in_flight_of_failing >= DELIVERIES_OF_FAILING_LANES_MAX;
        let failing = self.ready_failing.first().filter(|_| !failing_full);
        let (_, name) = self.ready.first().into_iter().chain(failing).min().cloned()?;
        self.turn += 1;
        let turn = self.turn;
        let lane = self.lanes.get_mut(&name)?;
        let (_, key) = lane.queue.pop_first()?;
        lane.last_turn = turn;
        lane.in_flight += 1;
        if let Some(rate) = lane.rate_max {
            lane.paced_until = now.plus(Duration::from_millis((1_000 / u64::from(rate.max(1))).max(1)));
        }
        let failing = lane.is_failing;
        self.in_flight += 1;
        self.in_flight_of_failing += usize::from(failing);
        if let Some(place) = self.places.get_mut(&key) {
            place.state = PlaceState::InFlight { failing };
        }
        self.file(&name);
        Some(key)
    }

    /// An attempt has ended, well or not. `again` is the delivery as it is now, unless it is gone.
    pub fn end(&mut self, key: &str, arrived: bool, again: Option<&Delivery>) {
        let Some(place) = self.places.remove(key) else { return };
        let PlaceState::InFlight { failing } = place.state else { return };
        self.in_flight -= 1;
        self.in_flight_of_failing -= usize::from(failing);
        if let Some(lane) = self.lanes.get_mut(&place.lane) {
            lane.in_flight -= 1;
            lane.is_failing = !arrived;
        }
        if let Some(delivery) = again {
            self.put(key, delivery);
        }
        self.file(&place.lane);
    }

    /// When something becomes due that isn't yet.
    pub fn next_at(&self) -> Option<Timestamp> {
        self.waiting.first().map(|(at, _)| *at)
    }

    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Lanes that have become due are ready.
    fn wake(&mut self, now: Timestamp) {
        while let Some((at, name)) = self.waiting.first().cloned() {
            if at > now {
                return;
            }
            self.waiting.pop_first();
            let Some(lane) = self.lanes.get_mut(&name) else { continue };
            lane.filed = Filed::Nowhere;
            if lane.queue.is_empty() {
                // It was kept for its pace alone.
                lane.rate_max = None;
                self.file(&name);
                continue;
            }
            let (turn, failing) = (lane.last_turn, lane.is_failing);
            lane.filed = Filed::Ready { turn, failing };
            if failing { &mut self.ready_failing } else { &mut self.ready }.insert((turn, name));
        }
    }

    /// Puts the lane where its state belongs, or drops it when nothing is left of it.
    fn file(&mut self, name: &Arc<str>) {
        let Some(lane) = self.lanes.get_mut(name) else { return };
        match lane.filed {
            Filed::Nowhere => {}
            Filed::Ready { turn, failing } => {
                let ready = if failing { &mut self.ready_failing } else { &mut self.ready };
                ready.remove(&(turn, Arc::clone(name)));
            }
            Filed::Waiting(at) => {
                self.waiting.remove(&(at, Arc::clone(name)));
            }
        }
        lane.filed = Filed::Nowhere;
        match lane.queue.first() {
            None if lane.in_flight == 0 && lane.rate_max.is_none() => {
                self.lanes.remove(name);
            }
            None if lane.in_flight == 0 => {
                lane.filed = Filed::Waiting(lane.paced_until);
                self.waiting.insert((lane.paced_until, Arc::clone(name)));
            }
            Some((at, _)) if lane.in_flight < lane.at_once_max() => {
                let at = (*at).max(lane.paced_until);
                lane.filed = Filed::Waiting(at);
                self.waiting.insert((at, Arc::clone(name)));
            }
            _ => {}
        }
    }
}

fn rate_max(action: &Action) -> Option<u32> {
    match action {
        Action::Http(call) => call.rate_max,
        Action::Call(_) | Action::Email(_) => None,
    }
}

/// What a failed attempt leads to.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    Again(Box<Delivery>),
    /// Its retries or its time are over.
    Drop,
}

/// After an attempt that failed in a way that may pass.
pub fn failed(delivery: &Delivery, error: &str, now: Timestamp, random: &dyn Random) -> Next {
    let attempts = delivery.attempts.saturating_add(1);
    let next_at = now.plus(wait(&delivery.retry, attempts - 1, random));
    let is_over = attempts > delivery.retry.retries_max
        || next_at.since(delivery.created_at) > Duration::from_secs(delivery.retry.age_max_secs);
    if is_over {
        return Next::Drop;
    }
    let last_error = Some(error.to_owned());
    Next::Again(Box::new(Delivery { attempts, next_at, last_error, ..delivery.clone() }))
}

/// Before the retry `index`, from 0.
fn wait(retry: &Retry, index: u32, random: &dyn Random) -> Duration {
    const EXPONENTIAL: backoff::Backoff =
        backoff::Backoff { first: Duration::from_secs(1), max: Duration::from_secs(600) };
    match &retry.backoff {
        Backoff::Exponential => EXPONENTIAL.wait(index, random),
        Backoff::Listed(secs) => {
            let own = secs.get(index as usize).or(secs.last());
            Duration::from_secs(own.copied().unwrap_or(1).into())
        }
    }
}

#[cfg(test)]
mod tests;
