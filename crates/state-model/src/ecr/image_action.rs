//! What ECR tells of images on the default event bus. Source: "Amazon ECR events and EventBridge" in the ECR User Guide.

use serde_json::json;
use stdx::clock::Timestamp;
use stdx::random::Random;

use crate::Scope;
use crate::events::PendingEvent;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionKind {
    Push,
    Delete,
}

/// An image that was pushed or deleted. Written in the transaction that does it.
#[derive(Clone, Copy, Debug)]
pub struct ImageAction<'a> {
    pub kind: ActionKind,
    pub repository: &'a str,
    pub digest: &'a str,
    /// One of its tags, where it has any.
    pub tag: Option<&'a str>,
    pub media_type: &'a str,
}

impl ImageAction<'_> {
    pub fn event(&self, scope: &Scope, now: Timestamp, random: &dyn Random) -> PendingEvent {
        let kind = match self.kind {
            ActionKind::Push => "PUSH",
            ActionKind::Delete => "DELETE",
        };
        let detail = json!({
            "result": "SUCCESS",
            "repository-name": self.repository,
            "image-digest": self.digest,
            "action-type": kind,
            "image-tag": self.tag.unwrap_or_default(),
            "manifest-media-type": self.media_type,
        });
        let arn = scope.arn("ecr", &format!("repository/{}", self.repository));
        PendingEvent::of_service(scope, "aws.ecr", "ECR Image Action", vec![arn], &detail, now, random)
    }
}
