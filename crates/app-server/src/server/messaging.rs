//! The services that tell, and what their handlers need.

use std::sync::Arc;

use api_auth::SessionKeys;
use api_messaging::{events, scheduler, sns};

use super::stores::Stores;
use crate::automation::signing::MessageSigner;
use crate::edge::Services;

pub(super) fn services(
    services: Services,
    stores: &Stores,
    keys: &Arc<SessionKeys>,
    signer: &Arc<MessageSigner>,
) -> Services {
    let events = events::Events { keys: Arc::clone(keys), archives: stores.logs.clone() };
    services
        .with(events::table(), events)
        .with(scheduler::table(), scheduler::Scheduler)
        .with(sns::table(), sns::Sns { signer: Arc::clone(signer) as _ })
}
