//! Lifecycle policies: reading what a caller wrote, and which images it lets expire.

pub mod evaluate;

use serde::Deserialize;

pub use evaluate::{Candidate, Expiry, expire};

pub const RULES_MAX: usize = 50;
pub const POLICY_BYTES_MAX: usize = 30_720;
const WILDCARDS_MAX: usize = 4;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LifecyclePolicy {
    /// By priority, the most important first.
    pub rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub priority: i32,
    pub tags: TagSelection,
    pub count: Count,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagSelection {
    Untagged,
    Any,
    /// Images that have for each prefix a tag that begins with it.
    Prefixes(Vec<String>),
    /// Images that have for each pattern a tag of that form.
    Patterns(Vec<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// All but the latest that many.
    ImagesMoreThan(u32),
    DaysSincePushed(u32),
    /// An image that was never pulled counts from its push.
    DaysSincePulled(u32),
}

/// Why a policy is refused, as AWS words it behind `Lifecycle policy validation failure: `.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    #[error("Could not map policyString into LifecyclePolicy. {0}")]
    Unreadable(String),
    #[error("{0}")]
    Invalid(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPolicy {
    rules: Vec<RawRule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawRule {
    rule_priority: i32,
    #[serde(default, rename = "description")]
    _description: Option<String>,
    selection: RawSelection,
    action: RawAction,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawSelection {
    tag_status: String,
    #[serde(default)]
    tag_prefix_list: Option<Vec<String>>,
    #[serde(default)]
    tag_pattern_list: Option<Vec<String>>,
    #[serde(default)]
    storage_class: Option<String>,
    count_type: String,
    #[serde(default)]
    count_unit: Option<String>,
    count_number: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawAction {
    r#type: String,
    #[serde(default)]
    target_storage_class: Option<String>,
}

impl LifecyclePolicy {
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        if text.len() > POLICY_BYTES_MAX {
            return invalid(format!("The policy is longer than {POLICY_BYTES_MAX} characters"));
        }
        let raw: RawPolicy =
            serde_json::from_str(text).map_err(|failure| PolicyError::Unreadable(failure.to_string()))?;
        if raw.rules.is_empty() || raw.rules.len() > RULES_MAX {
            return invalid(format!("A policy has between 1 and {RULES_MAX} rules"));
        }
        let mut rules = raw.rules.into_iter().map(read_rule).collect::<Result<Vec<_>, _>>()?;
        rules.sort_by_key(|rule| rule.priority);
        if rules.windows(2).any(|pair| pair[0].priority == pair[1].priority) {
            return invalid("Duplicate priority in multiple rules");
        }
        let before_last = &rules[..rules.len() - 1];
        if before_last.iter().any(|rule| rule.tags == TagSelection::Any) {
            return invalid("Rule for tagStatus=ANY must have the highest rulePriority");
        }
        Ok(Self { rules })
    }
}

fn invalid<T>(text: impl Into<String>) -> Result<T, PolicyError> {
    Err(PolicyError::Invalid(text.into()))
}

fn read_rule(raw: RawRule) -> Result<Rule, PolicyError> {
    if raw.rule_priority < 1 {
        return invalid("rulePriority must be at least 1");
    }
    match (raw.action.r#type.as_str(), &raw.action.target_storage_class) {
        ("expire", None) => {}
        ("expire", Some(_)) => return invalid("targetStorageClass belongs to action type transition"),
        ("transition", _) => {
            return invalid(
                "This registry has no archive storage class: action type transition is not available",
            );
        }
        (other, _) => return invalid(format!("Unknown action type {other:?}")),
    }
    if raw.selection.storage_class.as_deref().is_some_and(|class| class != "standard") {
        return invalid("This registry has no storage class but standard");
    }
    Ok(Rule {
        priority: raw.rule_priority,
        tags: read_tags(&raw.selection)?,
        count: read_count(&raw.selection)?,
    })
}

fn read_tags(raw: &RawSelection) -> Result<TagSelection, PolicyError> {
    let lists = (raw.tag_prefix_list.as_deref(), raw.tag_pattern_list.as_deref());
    match (raw.tag_status.as_str(), lists) {
        ("untagged", (None, None)) => Ok(TagSelection::Untagged),
        ("any", (None, None)) => Ok(TagSelection::Any),
        ("untagged" | "any", _) => {
            invalid("tagPrefixList and tagPatternList are only allowed with tagStatus tagged")
        }
        ("tagged", (Some(prefixes), None)) if is_list(prefixes) => {
            Ok(TagSelection::Prefixes(prefixes.to_vec()))
        }
        ("tagged", (None, Some(patterns))) if is_list(patterns) => {
            match patterns.iter().find(|pattern| pattern.matches('*').count() > WILDCARDS_MAX) {
                Some(pattern) => invalid(format!("{pattern:?} has more than {WILDCARDS_MAX} wildcards")),
                None => Ok(TagSelection::Patterns(patterns.to_vec())),
            }
        }
        ("tagged", (Some(_), Some(_))) => invalid("Only one of tagPrefixList and tagPatternList is allowed"),
        ("tagged", _) => invalid("Must specify tagPrefixList or tagPatternList"),
        (other, _) => invalid(format!("Unknown tagStatus {other:?}")),
    }
}

fn is_list(list: &[String]) -> bool {
    !list.is_empty() && list.iter().all(|entry| !entry.is_empty())
}

fn read_count(raw: &RawSelection) -> Result<Count, PolicyError> {
    let Some(number) = u32::try_from(raw.count_number).ok().filter(|number| *number > 0) else {
        return invalid("countNumber must be greater than 0");
    };
    let count = match raw.count_type.as_str() {
        "imageCountMoreThan" if raw.count_unit.is_some() => {
            return invalid("countUnit is not allowed with countType imageCountMoreThan");
        }
        "imageCountMoreThan" => return Ok(Count::ImagesMoreThan(number)),
        "sinceImagePushed" => Count::DaysSincePushed(number),
        "sinceImagePulled" => Count::DaysSincePulled(number),
        "sinceImageTransitioned" => {
            return invalid(
                "This registry has no archive storage class: countType sinceImageTransitioned is not \
                 available",
            );
        }
        other => return invalid(format!("Unknown countType {other:?}")),
    };
    if raw.count_unit.as_deref() != Some("days") {
        return invalid(format!("countUnit must be days with countType {}", raw.count_type));
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(priority: i32, selection: &str) -> String {
        format!(r#"{{"rulePriority":{priority},"selection":{{{selection}}},"action":{{"type":"expire"}}}}"#)
    }

    fn check(rules: &[String], expected: &str) {
        let text = format!(r#"{{"rules":[{}]}}"#, rules.join(","));
        let outcome = LifecyclePolicy::parse(&text).map_or_else(|error| error.to_string(), |_| "fine".into());
        assert!(outcome.starts_with(expected), "{text}: {outcome}");
    }

    #[test]
    fn policies_are_checked() {
        let untagged =
            r#""tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":1"#;
        let any = r#""tagStatus":"any","countType":"imageCountMoreThan","countNumber":5"#;
        check(&[rule(1, untagged), rule(2, any)], "fine");
        check(&[rule(2, any), rule(1, untagged)], "fine");
        check(
            &[rule(1, any), rule(2, untagged)],
            "Rule for tagStatus=ANY must have the highest rulePriority",
        );
        check(&[rule(1, untagged), rule(1, any)], "Duplicate priority in multiple rules");
        check(&[], "A policy has between 1 and 50 rules");
        check(&["{}".into()], "Could not map policyString into LifecyclePolicy");
        check(&[rule(0, any)], "rulePriority must be at least 1");
        let tagged = |list: &str| {
            format!(r#""tagStatus":"tagged",{list}"countType":"imageCountMoreThan","countNumber":1"#)
        };
        check(&[rule(1, &tagged(""))], "Must specify tagPrefixList or tagPatternList");
        check(&[rule(1, &tagged(r#""tagPrefixList":[],"#))], "Must specify tagPrefixList or tagPatternList");
        check(&[rule(1, &tagged(r#""tagPrefixList":["v"],"#))], "fine");
        check(&[rule(1, &tagged(r#""tagPatternList":["*a*b*c*d*"],"#))], "\"*a*b*c*d*\" has more than 4");
        check(&[rule(1, &any.replace('5', "0"))], "countNumber must be greater than 0");
        check(&[rule(1, &untagged.replace("days", "weeks"))], "countUnit must be days");
        check(&[rule(1, any).replace("expire", "transition")], "This registry has no archive");
    }
}
