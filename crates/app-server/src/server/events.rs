//! The loops that carry events to their targets.

use stdx_async::shutdown::Shutdown;

use super::Base;
use super::stores::Stores;

pub(super) fn start(_base: &Base, _stores: &Stores, _shutdown: &Shutdown) {}
