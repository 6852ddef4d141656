//! The services that tell, and what their handlers need.

use std::sync::Arc;

use api_messaging::{events, scheduler, sns};

use super::stores::Stores;
use crate::automation::signing::MessageSigner;
use crate::edge::Services;

pub(super) fn services(services: Services, _stores: &Stores, signer: &Arc<MessageSigner>) -> Services {
    services
        .with(events::table(), events::Events)
        .with(scheduler::table(), scheduler::Scheduler)
        .with(sns::table(), sns::Sns { signer: Arc::clone(signer) as _ })
}
