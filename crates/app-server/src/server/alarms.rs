//! The loop that evaluates alarms.

use stdx_async::shutdown::Shutdown;

use super::Base;
use super::stores::Stores;

pub(super) fn start(_base: &Base, _stores: &Stores, _shutdown: &Shutdown) {}
