//! What a rule makes of a request before it goes on.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-transforms.html>

use state_model::elbv2::condition::{Transform, TransformKind};
use wire_schema::ServiceError;
use wire_shapes_network::elbv2 as wire;

use super::conditions::check_regex;
use super::errors::{missing, not_among, validation};
use super::limits::REWRITE_LENGTH_MAX;

pub fn parse(given: Option<Vec<wire::RuleTransform>>) -> Result<Vec<Transform>, ServiceError> {
    let mut transforms: Vec<Transform> = Vec::new();
    for given in given.unwrap_or_default() {
        let transform = transform(given)?;
        if transforms.iter().any(|known| known.kind == transform.kind) {
            return Err(validation("A rule can only have one transform of each type"));
        }
        transforms.push(transform);
    }
    Ok(transforms)
}

fn transform(given: wire::RuleTransform) -> Result<Transform, ServiceError> {
    let host = given.host_header_rewrite_config.map(|config| config.rewrites.unwrap_or_default());
    let url = given.url_rewrite_config.map(|config| config.rewrites.unwrap_or_default());
    let (kind, own, foreign) = match given.r#type.ok_or_else(|| missing("transforms.member.type"))? {
        wire::TransformTypeEnum::HostHeaderRewrite => (TransformKind::HostHeaderRewrite, host, url),
        wire::TransformTypeEnum::UrlRewrite => (TransformKind::UrlRewrite, url, host),
        wire::TransformTypeEnum::Other(other) => {
            return Err(not_among(other, "transforms.member.type", wire::TransformTypeEnum::VALUES));
        }
    };
    let mut rewrites = own.unwrap_or_default();
    let (Some(rewrite), true, true) = (rewrites.pop(), rewrites.is_empty(), foreign.is_none()) else {
        return Err(validation(
            "A transform must have exactly one rewrite, in the configuration of its type",
        ));
    };
    let regex =
        rewrite.regex.filter(|regex| !regex.is_empty()).ok_or_else(|| missing("rewrites.member.regex"))?;
    let replace = rewrite.replace.unwrap_or_default();
    for (text, member) in [(&regex, "regex"), (&replace, "replace")] {
        if text.chars().count() > REWRITE_LENGTH_MAX || text.chars().any(char::is_control) {
            return Err(validation(format!(
                "The {member} of a rewrite must have at most {REWRITE_LENGTH_MAX} printable characters"
            )));
        }
    }
    check_regex(&regex)?;
    Ok(Transform { kind, regex, replace })
}

pub fn render(transform: &Transform) -> wire::RuleTransform {
    let rewrites = Some(vec![wire::RewriteConfig {
        regex: Some(transform.regex.clone()),
        replace: Some(transform.replace.clone()),
    }]);
    match transform.kind {
        TransformKind::HostHeaderRewrite => wire::RuleTransform {
            host_header_rewrite_config: Some(wire::HostHeaderRewriteConfig { rewrites }),
            r#type: Some(wire::TransformTypeEnum::HostHeaderRewrite),
            url_rewrite_config: None,
        },
        TransformKind::UrlRewrite => wire::RuleTransform {
            host_header_rewrite_config: None,
            r#type: Some(wire::TransformTypeEnum::UrlRewrite),
            url_rewrite_config: Some(wire::UrlRewriteConfig { rewrites }),
        },
    }
}
