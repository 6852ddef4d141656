//! Security groups and the prefix lists that their rules name, brought to what control says.

use std::collections::{BTreeSet, HashMap};

use link_protocol::network::VpcSnapshot;
use node_network::{Network, NetworkError};

use super::{AppliedVpc, NodeNetworks, translate};

impl AppliedVpc {
    /// Lists come before the rules that name them.
    pub(super) async fn apply_rules(
        &mut self,
        network: &Network,
        vpc: &VpcSnapshot,
    ) -> Result<(), NetworkError> {
        for list in &vpc.prefix_lists {
            if self.prefix_lists.get(&list.id) != Some(list) {
                network.set_prefix_list(&vpc.id, translate::prefix_list(list)).await?;
                self.prefix_lists.insert(list.id.clone(), list.clone());
            }
        }
        for group in &vpc.groups {
            if self.groups.get(&group.id) != Some(group) {
                network.set_group(&vpc.id, translate::group_rules(group)).await?;
                self.groups.insert(group.id.clone(), group.clone());
            }
        }
        Ok(())
    }
}

impl NodeNetworks {
    /// Forgets groups and lists that nothing names any more. An interface of a task that is just ending may still be in a group:
    /// then a later snapshot removes it.
    pub(super) async fn forget_rules(&mut self, vpcs: &[&VpcSnapshot]) {
        for vpc in vpcs {
            let Some(applied) = self.applied.get_mut(&vpc.id) else { continue };
            let groups = vpc.groups.iter().map(|group| group.id.as_str()).collect();
            for group in others(&applied.groups, &groups) {
                if self.network.remove_group(&vpc.id, &group).await.is_ok() {
                    applied.groups.remove(&group);
                }
            }
            let lists = vpc.prefix_lists.iter().map(|list| list.id.as_str()).collect();
            for list in others(&applied.prefix_lists, &lists) {
                if self.network.remove_prefix_list(&vpc.id, &list).await.is_ok() {
                    applied.prefix_lists.remove(&list);
                }
            }
        }
    }
}

fn others<T>(known: &HashMap<String, T>, wanted: &BTreeSet<&str>) -> Vec<String> {
    known.keys().filter(|id| !wanted.contains(id.as_str())).cloned().collect()
}
