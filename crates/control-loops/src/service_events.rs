//! Writing what a service tells, and dropping what it told long ago.

use state_model::ecs::service::Service;
use state_model::ecs::service_event::{SERVICE_EVENTS_KEPT, ServiceEvent};
use state_tables::{Transaction, View};
use stdx::clock::Timestamp;
use stdx::random::{self, Random};

/// Adds the messages, oldest first, behind everything that the view knows.
pub fn tell(
    view: &View,
    transaction: &mut Transaction,
    service: &Service,
    messages: Vec<String>,
    now: Timestamp,
    random: &dyn Random,
) {
    if messages.is_empty() {
        return;
    }
    let prefix = ServiceEvent::prefix(&service.uid);
    let newest = view.service_events.before(&prefix, None).next().map(|(_, event)| event);
    // Events are in the order of their keys also when the clock was set back, or stands still.
    let created_at = newest.map_or(now, |newest| newest.created_at.max(now));
    let first =
        newest.filter(|newest| newest.created_at == created_at).map_or(0, |newest| newest.sequence + 1);
    let count = messages.len();
    for (sequence, message) in (first..).zip(messages) {
        let id = random::uuid(random);
        let (scope, service_uid) = (service.scope.clone(), service.uid.clone());
        transaction.insert(&ServiceEvent { scope, service_uid, id, created_at, sequence, message });
    }
    let kept = view.service_events.prefix(&prefix).count();
    let excess = (kept + count).saturating_sub(SERVICE_EVENTS_KEPT).min(count.max(EXCESS_MIN));
    for (_, event) in view.service_events.prefix(&prefix).take(excess) {
        transaction.delete(event);
    }
}

/// Two loops write: what both added at once is dropped by the next.
const EXCESS_MIN: usize = 4;
