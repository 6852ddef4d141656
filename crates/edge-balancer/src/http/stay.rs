//! Where a client was sent before, and the cookies that say so.

use std::sync::Arc;
use std::time::Duration;

use http::header;

use super::answer::Answer;
use super::choose;
use super::forward::Context;
use super::message::RequestHead;
use super::rules::action::{Forward, WeightedGroup};
use super::sticky;
use crate::metrics::Counter;
use crate::runtime::eligible::Choice;
use crate::runtime::options::Stickiness;
use crate::runtime::{Target, TargetGroup};

/// What is to be told to the client with the answer.
#[derive(Debug, Default)]
pub struct Stay {
    /// For how long it keeps its group, and which one that is.
    group: Option<(Duration, String)>,
    target: Option<Arc<Target>>,
}

/// The group that a request goes to: the one of the client's cookie while the action still has it, or by weight.
pub fn group<'a>(
    context: &Context<'_>,
    forward: &'a Forward,
    head: &RequestHead,
    stay: &mut Stay,
) -> Option<&'a WeightedGroup> {
    let local = &context.client.worker.http;
    let Some(duration) = forward.stickiness else {
        return match forward.groups.as_slice() {
            [only] if only.weight > 0 => Some(only),
            _ => forward.pick(local.dice.roll()),
        };
    };
    let now = local.epoch_secs(context.record.started);
    let cookie = sticky::cookie(&head.headers, sticky::GROUP)
        .or_else(|| sticky::cookie(&head.headers, sticky::GROUP_CORS));
    let known = cookie.and_then(|cookie| local.sealer.open(&purpose(context), cookie, now));
    let before =
        known.and_then(|arn| forward.groups.iter().find(|group| group.slot.arn == arn && group.weight > 0));
    let chosen = before.or_else(|| forward.pick(local.dice.roll()))?;
    stay.group = Some((duration, chosen.slot.arn.clone()));
    Some(chosen)
}

fn purpose(context: &Context<'_>) -> String {
    format!("group of {}", context.client.listener.arn)
}

impl Stay {
    /// The target of the client's cookie, while it may be used.
    pub fn target(
        &self,
        context: &Context<'_>,
        group: &TargetGroup,
        choice: &Choice,
        head: &RequestHead,
    ) -> Option<Arc<Target>> {
        let names: &[&str] = match group.options.stickiness.as_ref()? {
            Stickiness::LoadBalancerCookie { .. } => &[sticky::TARGET, sticky::TARGET_CORS],
            Stickiness::ApplicationCookie { .. } => &[sticky::APPLICATION],
            Stickiness::SourceAddress => return None,
        };
        let local = &context.client.worker.http;
        let now = local.epoch_secs(context.record.started);
        let cookie = names.iter().find_map(|name| sticky::cookie(&head.headers, name));
        let known = cookie.and_then(|cookie| local.sealer.open(&group.config.arn, cookie, now));
        let target = known.and_then(|content| {
            let (id, port) = content.rsplit_once(' ')?;
            let target = group.target(id, port.parse().ok()?)?;
            choose::is_usable(target, choice).then(|| target.clone())
        });
        if target.is_none() {
            context.client.zone.metrics.count(Counter::NonStickyRequestCount);
        }
        target
    }

    pub fn chose(&mut self, target: &Arc<Target>) {
        self.target = Some(target.clone());
    }

    /// Renewed with each answer, so that a client stays as long as it comes back in time.
    pub fn set_cookies(&self, context: &Context<'_>, group: &TargetGroup, answer: &mut Answer) {
        let local = &context.client.worker.http;
        let now = local.epoch_secs(context.record.started);
        let is_tls = context.client.is_tls();
        let mut add = |cookies: [http::HeaderValue; 2]| {
            answer.added.extend(cookies.map(|cookie| (header::SET_COOKIE, cookie)));
        };
        if let Some((duration, arn)) = &self.group {
            let value = local.sealer.seal(&purpose(context), arn, now + duration.as_secs());
            add(sticky::set_cookies(sticky::GROUP, sticky::GROUP_CORS, &value, now, is_tls));
        }
        let Some(target) = &self.target else { return };
        let seal = |duration: &Duration| {
            let content = format!("{} {}", target.id, target.port());
            local.sealer.seal(&group.config.arn, &content, now + duration.as_secs())
        };
        match &group.options.stickiness {
            Some(Stickiness::LoadBalancerCookie { duration }) => {
                let value = seal(duration);
                add(sticky::set_cookies(sticky::TARGET, sticky::TARGET_CORS, &value, now, is_tls));
            }
            Some(Stickiness::ApplicationCookie { name, duration })
                if sticky::sets_cookie(&answer.headers, name) =>
            {
                let expires = sticky::http_date(now + duration.as_secs());
                let text = format!("{}={}; Expires={expires}; Path=/", sticky::APPLICATION, seal(duration));
                answer.added.push((header::SET_COOKIE, sticky::set_cookie(&text)));
            }
            _ => {}
        }
    }
}
