//! What detached interfaces leave behind, taken away a little at a time.

use std::mem;
use std::net::IpAddr;

use tracing::warn;

use crate::error::NetworkError;
use crate::limits;
use crate::netlink::{Batch, conntrack, link};
use crate::nft::base_rules;
use crate::vpc::DEAD_LINK_GROUP;
use crate::vpc::thread::VpcThread;

impl VpcThread {
    /// Work that nobody waits for, a little at a time.
    pub(super) fn maintain(&mut self) {
        self.flush();
        let mut outcome = Ok(());
        if self.dead_links > 0 {
            outcome = outcome.and(self.delete_dead_links());
        }
        for address in self.released.iter().take(limits::RELEASED_PER_ROUND).copied().collect::<Vec<_>>() {
            outcome = outcome.and(self.forget_connections(address));
        }
        for set in mem::take(&mut self.parts.model.orphaned_sets) {
            let command = format!("delete set {} {set}\n", base_rules::TABLE);
            if self.parts.nft.run(&command).is_err() {
                // Another group's rules still name it.
                self.parts.model.orphaned_sets.insert(set);
            }
        }
        if let Err(error) = outcome {
            warn!(vpc = self.config.id, %error, "leftovers of detached interfaces stay for now");
        }
    }

    pub(super) fn delete_dead_links(&mut self) -> Result<(), NetworkError> {
        let mut batch = Batch::default();
        link::delete_group(&mut batch, DEAD_LINK_GROUP);
        self.parts.links.execute(batch)?;
        self.dead_links = 0;
        Ok(())
    }

    pub(super) fn forget_connections(&mut self, address: IpAddr) -> Result<(), NetworkError> {
        let mut batch = Batch::default();
        conntrack::forget(&mut batch, address);
        self.parts.conntrack.execute(batch)?;
        self.released.remove(&address);
        Ok(())
    }
}
