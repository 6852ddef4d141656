//! What a rule does, made ready: slots of target groups, templates and answers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::HeaderValue;
use state_model::elbv2::action::Action;

use super::super::redirect::Template;
use crate::runtime::TargetGroupSlot;

#[derive(Debug)]
pub enum CompiledAction {
    Forward(Forward),
    Redirect(Template),
    FixedResponse(Fixed),
}

#[derive(Debug)]
pub struct Forward {
    pub groups: Vec<WeightedGroup>,
    /// The sum of all weights.
    pub weight: u64,
    /// How long a client stays with its target group.
    pub stickiness: Option<Duration>,
}

#[derive(Debug)]
pub struct WeightedGroup {
    pub slot: Arc<TargetGroupSlot>,
    pub weight: u32,
}

#[derive(Debug)]
pub struct Fixed {
    pub status: StatusCode,
    pub content_type: HeaderValue,
    pub body: Bytes,
}

impl CompiledAction {
    pub fn compile(action: &Action, resolve: &mut dyn FnMut(&str) -> Arc<TargetGroupSlot>) -> CompiledAction {
        match action {
            Action::Forward(forward) => {
                let group = |group: &state_model::elbv2::action::WeightedTargetGroup| WeightedGroup {
                    slot: resolve(&group.arn),
                    weight: group.weight,
                };
                let groups: Vec<WeightedGroup> = forward.target_groups.iter().map(group).collect();
                CompiledAction::Forward(Forward {
                    weight: groups.iter().map(|group| u64::from(group.weight)).sum(),
                    groups,
                    stickiness: forward.stickiness_secs.map(|secs| Duration::from_secs(secs.into())),
                })
            }
            Action::Redirect(redirect) => CompiledAction::Redirect(Template::new(redirect)),
            Action::FixedResponse(fixed) => {
                let content_type = fixed.content_type.as_deref().unwrap_or("text/plain");
                CompiledAction::FixedResponse(Fixed {
                    status: StatusCode::from_u16(fixed.status).unwrap_or(StatusCode::OK),
                    content_type: HeaderValue::from_str(content_type)
                        .unwrap_or(HeaderValue::from_static("text/plain")),
                    body: Bytes::from(fixed.body.clone().unwrap_or_default()),
                })
            }
        }
    }
}

impl Forward {
    /// The group that a number below the sum of all weights falls on; none when all weights are 0.
    pub fn pick(&self, number: u64) -> Option<&WeightedGroup> {
        let mut left = number.checked_rem(self.weight)?;
        self.groups.iter().find(|group| match left.checked_sub(u64::from(group.weight)) {
            Some(rest) => {
                left = rest;
                false
            }
            None => true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_picked_by_weight() {
        let group =
            |weight| WeightedGroup { slot: Arc::new(TargetGroupSlot::empty(&format!("{weight}"))), weight };
        let forward = Forward { groups: vec![group(1), group(0), group(3)], weight: 4, stickiness: None };
        let picked: Vec<u32> = (0..8).filter_map(|number| Some(forward.pick(number)?.weight)).collect();
        assert_eq!(picked, [1, 3, 3, 3, 1, 3, 3, 3]);
        let none = Forward { groups: vec![group(0)], weight: 0, stickiness: None };
        assert!(none.pick(5).is_none());
    }
}
