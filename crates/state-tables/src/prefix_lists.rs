//! Prefix lists by their ids: the customer's, and AWS's own for S3, which has no record.

use state_model::Scope;
use state_model::ec2::prefix_list::{s3_block, s3_prefix_list_id};

use crate::View;

/// The address blocks of the list; None when there is no such list.
pub fn cidr_blocks(view: &View, scope: &Scope, id: &str) -> Option<Vec<String>> {
    if id == s3_prefix_list_id(&scope.region) {
        return Some(vec![s3_block()]);
    }
    let list = view.prefix_lists.get(&scope.key(id))?;
    Some(list.entries.iter().map(|entry| entry.cidr_block.clone()).collect())
}

/// What the list counts for where it is named: the entries it may have. None when there is no such list.
pub fn weight(view: &View, scope: &Scope, id: &str) -> Option<usize> {
    if id == s3_prefix_list_id(&scope.region) {
        return Some(1);
    }
    let list = view.prefix_lists.get(&scope.key(id))?;
    Some(usize::try_from(list.max_entries).unwrap_or(0))
}
