//! What interfaces have sent and received.

use std::collections::BTreeMap;

use super::VpcThread;
use crate::error::NetworkError;
use crate::netlink::link;
use crate::vpc::counters::InterfaceCounters;

impl VpcThread {
    pub(super) fn counters(&mut self, eni_id: &str) -> Result<InterfaceCounters, NetworkError> {
        self.flush();
        let unknown = || NetworkError::UnknownInterface(eni_id.to_owned());
        let index = self.parts.model.interfaces.get(eni_id).ok_or_else(unknown)?.index;
        let found = link::by_index(&mut self.parts.links, index)?;
        // The index may belong to another link by now, when the task's namespace ended before its detachment.
        if found.alias.as_deref() == Some(eni_id) { Ok(found.counters.into()) } else { Err(unknown()) }
    }

    /// One question to the kernel, however many interfaces there are.
    pub(super) fn all_counters(&mut self) -> Result<BTreeMap<String, InterfaceCounters>, NetworkError> {
        self.flush();
        let interfaces = &self.parts.model.interfaces;
        let links = link::list(&mut self.parts.links)?.into_iter();
        let own = links.filter_map(|link| {
            let eni_id = link.alias?;
            interfaces.contains_key(&eni_id).then(|| (eni_id, link.counters.into()))
        });
        Ok(own.collect())
    }
}
