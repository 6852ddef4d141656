//! Which images a policy lets expire: a function of images, policy and time.

use std::collections::BTreeSet;
use std::time::Duration;

use stdx::clock::Timestamp;

use super::{Count, LifecyclePolicy, Rule, TagSelection};
use crate::ecr::name::matches_wildcard;

/// An image as policies see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub digest: String,
    pub tags: Vec<String>,
    pub pushed_at: Timestamp,
    pub pulled_at: Option<Timestamp>,
    /// An index names it: it stays as long as the index does.
    pub is_referenced: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiry {
    pub digest: String,
    pub rule_priority: i32,
}

/// The images that expire, in the order of rules and, within one, of their push, the latest first.
///
/// Rules count images that others let expire as if they stayed; but an image that a rule selects by its tags
/// is never expired by a rule of lower priority.
/// See <https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html>.
pub fn expire(images: &[Candidate], policy: &LifecyclePolicy, now: Timestamp) -> Vec<Expiry> {
    let mut by_push: Vec<&Candidate> = images.iter().filter(|image| !image.is_referenced).collect();
    by_push.sort_by(|a, b| b.pushed_at.cmp(&a.pushed_at).then_with(|| a.digest.cmp(&b.digest)));
    let mut claimed: BTreeSet<&str> = BTreeSet::new();
    let mut expiries = Vec::new();
    for rule in &policy.rules {
        let selected: Vec<&Candidate> = by_push.iter().copied().filter(|image| rule.selects(image)).collect();
        for (position, image) in selected.iter().enumerate() {
            if rule.expires(position, image, now) && !claimed.contains(image.digest.as_str()) {
                expiries.push(Expiry { digest: image.digest.clone(), rule_priority: rule.priority });
            }
        }
        claimed.extend(selected.iter().map(|image| image.digest.as_str()));
    }
    expiries
}

impl Rule {
    fn selects(&self, image: &Candidate) -> bool {
        let has = |matches: &dyn Fn(&str) -> bool| image.tags.iter().any(|tag| matches(tag));
        match &self.tags {
            TagSelection::Any => true,
            TagSelection::Untagged => image.tags.is_empty(),
            TagSelection::Prefixes(prefixes) => {
                prefixes.iter().all(|prefix| has(&|tag| tag.starts_with(prefix.as_str())))
            }
            TagSelection::Patterns(patterns) => {
                patterns.iter().all(|pattern| has(&|tag| matches_wildcard(pattern, tag)))
            }
        }
    }

    /// `position` counts from the latest push.
    fn expires(&self, position: usize, image: &Candidate, now: Timestamp) -> bool {
        let older = |at: Timestamp, days: u32| now.since(at) > Duration::from_hours(24 * u64::from(days));
        match self.count {
            Count::ImagesMoreThan(kept) => position >= kept as usize,
            Count::DaysSincePushed(days) => older(image.pushed_at, days),
            Count::DaysSincePulled(days) => older(image.pulled_at.unwrap_or(image.pushed_at), days),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_S: i64 = 86_400;

    /// `digest:age in days:tag+tag`, with `!` behind the digest for an image that an index names.
    fn image(text: &str) -> Candidate {
        let parts: Vec<&str> = text.split(':').collect();
        let days: i64 = parts[1].parse().unwrap();
        Candidate {
            digest: parts[0].trim_end_matches('!').into(),
            is_referenced: parts[0].ends_with('!'),
            tags: parts[2].split('+').filter(|tag| !tag.is_empty()).map(str::to_owned).collect(),
            pushed_at: Timestamp::from_secs((1000 - days) * DAY_S),
            pulled_at: None,
        }
    }

    fn check(rules: &[(TagSelection, Count)], images: &str, expected: &str) {
        let numbered = rules.iter().zip(1..);
        let rules =
            numbered.map(|((tags, count), priority)| Rule { priority, tags: tags.clone(), count: *count });
        let policy = LifecyclePolicy { rules: rules.collect() };
        let images: Vec<_> = images.split_whitespace().map(image).collect();
        let expired = expire(&images, &policy, Timestamp::from_secs(1000 * DAY_S));
        let text: Vec<_> =
            expired.iter().map(|one| format!("{}/{}", one.digest, one.rule_priority)).collect();
        assert_eq!(text.join(" "), expected);
    }

    #[test]
    fn rules_expire_in_their_order() {
        let prefixes = |list: &[&str]| TagSelection::Prefixes(list.iter().map(ToString::to_string).collect());
        let newest = Count::ImagesMoreThan;
        check(&[(TagSelection::Any, newest(2))], "a:1: b:2:x c:3: d:4:y", "c/1 d/1");
        check(&[(TagSelection::Untagged, Count::DaysSincePushed(14))], "a:13: b:14: c:15: d:99:x", "c/1");
        // AWS's own example: what the first rule selects, the second can't expire, but counts.
        let both = [(prefixes(&["prod"]), newest(1)), (prefixes(&["beta"]), newest(1))];
        check(&both, "a:3:beta1+prod1 b:2:beta2+prod2 c:1:beta3", "a/1");
        // All prefixes must be there.
        check(&[(prefixes(&["a", "b"]), newest(0))], "x:1:a1 y:2:a1+b1", "y/1");
        let patterns = TagSelection::Patterns(vec!["*-rc".into()]);
        check(&[(patterns, newest(0))], "x:1:v1 y:2:v1-rc", "y/1");
        // Parts of an index don't expire and don't count.
        check(&[(TagSelection::Any, newest(1))], "a!:1: b:2:x c:3:", "c/1");
        check(&[(TagSelection::Any, newest(1))], "", "");
    }

    #[test]
    fn a_pull_keeps_an_image() {
        let policy = LifecyclePolicy {
            rules: vec![Rule { priority: 7, tags: TagSelection::Any, count: Count::DaysSincePulled(5) }],
        };
        let mut images = [image("a:10:"), image("b:10:")];
        images[0].pulled_at = Some(Timestamp::from_secs(999 * DAY_S));
        let expired = expire(&images, &policy, Timestamp::from_secs(1000 * DAY_S));
        assert_eq!(expired, [Expiry { digest: "b".into(), rule_priority: 7 }]);
    }
}
