//! What a listener or a rule does with a request: exactly one of forward, redirect and fixed-response.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-action-types.html>

use state_model::elbv2::action::{Action, FixedResponse, Redirect};
use wire_schema::ServiceError;
use wire_shapes_network::elbv2 as wire;
use wire_shapes_network::elbv2::ActionTypeEnum;

use super::errors::{constraint, invalid_action, missing, not_among, out_of_range, unavailable, validation};
use super::forward;

const CONTENT_TYPES: [&str; 5] =
    ["text/plain", "text/css", "text/html", "application/javascript", "application/json"];

/// `member` names the list in messages; `listener_protocol` and `listener_port` are what the request comes in by.
pub fn parse(
    given: Option<Vec<wire::Action>>,
    member: &str,
    listener_protocol: &str,
    listener_port: u16,
) -> Result<Action, ServiceError> {
    let given = given.filter(|given| !given.is_empty()).ok_or_else(|| missing(member))?;
    let mut routing = Vec::new();
    for (at, action) in given.iter().enumerate() {
        check_order(action)?;
        match &action.r#type {
            None => return Err(missing(&format!("{member}.{}.member.type", at + 1))),
            Some(
                kind @ (ActionTypeEnum::AuthenticateOidc
                | ActionTypeEnum::AuthenticateCognito
                | ActionTypeEnum::JwtValidation),
            ) => return Err(unavailable(format!("Actions of type '{kind}' are"))),
            Some(ActionTypeEnum::Other(other)) => {
                let member = format!("{member}.{}.member.type", at + 1);
                return Err(not_among(other, &member, ActionTypeEnum::VALUES));
            }
            Some(kind) => routing.push((kind, action)),
        }
    }
    let [(kind, action)] = routing.as_slice() else {
        return Err(ServiceError::caller(
            "TooManyActions",
            "You can specify only one action of type 'forward', 'redirect' or 'fixed-response'",
        ));
    };
    check_configs(kind, action)?;
    match kind {
        ActionTypeEnum::Redirect => redirect(action, listener_protocol, listener_port).map(Action::Redirect),
        ActionTypeEnum::FixedResponse => fixed_response(action).map(Action::FixedResponse),
        _ => forward::parse(action).map(Action::Forward),
    }
}

fn check_order(action: &wire::Action) -> Result<(), ServiceError> {
    const ORDER_MAX: i32 = 50_000;
    match action.order {
        Some(order) if !(1..=ORDER_MAX).contains(&order) => {
            Err(out_of_range(order, "actions.member.order", 1, ORDER_MAX))
        }
        _ => Ok(()),
    }
}

/// A configuration that belongs to another type would be accepted and ignored.
fn check_configs(kind: &ActionTypeEnum, action: &wire::Action) -> Result<(), ServiceError> {
    let forward = action.forward_config.is_some() || action.target_group_arn.is_some();
    let foreign = match kind {
        ActionTypeEnum::Redirect => forward || action.fixed_response_config.is_some(),
        ActionTypeEnum::FixedResponse => forward || action.redirect_config.is_some(),
        _ => action.redirect_config.is_some() || action.fixed_response_config.is_some(),
    };
    let authentication = action.authenticate_cognito_config.is_some()
        || action.authenticate_oidc_config.is_some()
        || action.jwt_validation_config.is_some();
    if foreign || authentication {
        return Err(validation(format!(
            "The configuration of an action of type '{kind}' must be the one of its type alone"
        )));
    }
    Ok(())
}

fn redirect(
    action: &wire::Action,
    listener_protocol: &str,
    listener_port: u16,
) -> Result<Redirect, ServiceError> {
    let config = action.redirect_config.clone().ok_or_else(|| missing("redirectConfig"))?;
    let status = match config.status_code.ok_or_else(|| missing("redirectConfig.statusCode"))? {
        wire::RedirectActionStatusCodeEnum::Http301 => 301,
        wire::RedirectActionStatusCodeEnum::Http302 => 302,
        wire::RedirectActionStatusCodeEnum::Other(other) => {
            return Err(not_among(
                other,
                "redirectConfig.statusCode",
                wire::RedirectActionStatusCodeEnum::VALUES,
            ));
        }
    };
    let redirect = Redirect {
        protocol: config.protocol.unwrap_or_else(|| String::from("#{protocol}")),
        port: config.port.unwrap_or_else(|| String::from("#{port}")),
        host: config.host.unwrap_or_else(|| String::from("#{host}")),
        path: config.path.unwrap_or_else(|| String::from("/#{path}")),
        query: config.query.unwrap_or_else(|| String::from("#{query}")),
        status,
    };
    check_redirect(&redirect, listener_protocol, listener_port)?;
    Ok(redirect)
}

fn check_redirect(
    redirect: &Redirect,
    listener_protocol: &str,
    listener_port: u16,
) -> Result<(), ServiceError> {
    const PART_MAX: usize = 128;
    for (text, member, min) in [
        (&redirect.host, "redirectConfig.host", 1),
        (&redirect.path, "redirectConfig.path", 1),
        (&redirect.query, "redirectConfig.query", 0),
    ] {
        if !(min..=PART_MAX).contains(&text.len()) {
            return Err(constraint(text, member, &format!("have length between {min} and {PART_MAX}")));
        }
        if text.chars().any(|letter| letter.is_control() || letter == ' ') || !text.is_ascii() {
            return Err(validation(format!("'{text}' is not a valid value of '{member}'")));
        }
        check_placeholders(text, member)?;
    }
    if !matches!(redirect.protocol.as_str(), "HTTP" | "HTTPS" | "#{protocol}") {
        return Err(constraint(
            &redirect.protocol,
            "redirectConfig.protocol",
            r"satisfy regular expression pattern: ^(HTTPS?|#\{protocol\})$",
        ));
    }
    let port = redirect.port.parse::<u16>().ok().filter(|port| *port > 0);
    if port.is_none() && redirect.port != "#{port}" {
        return Err(validation(format!(
            "Redirect port '{}' must be a number between 1 and 65535 or '#{{port}}'",
            redirect.port
        )));
    }
    if !redirect.path.starts_with('/') {
        return Err(validation(format!("Redirect path '{}' must begin with '/'", redirect.path)));
    }
    if listener_protocol == "HTTPS" && redirect.protocol == "HTTP" {
        return Err(invalid_action("You cannot redirect HTTPS to HTTP"));
    }
    let same_protocol = redirect.protocol == "#{protocol}" || redirect.protocol == listener_protocol;
    let same_port = port.is_none_or(|port| port == listener_port);
    if same_protocol && same_port && redirect.host == "#{host}" && redirect.path == "/#{path}" {
        return Err(invalid_action("The redirect configuration is not valid because it creates a loop."));
    }
    Ok(())
}

fn check_placeholders(text: &str, member: &str) -> Result<(), ServiceError> {
    const NAMES: [&str; 5] = ["protocol", "host", "port", "path", "query"];
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("#{") {
        let name = after.split_once('}');
        match name {
            Some((name, after)) if NAMES.contains(&name) => rest = after,
            _ => return Err(validation(format!("'{text}' has an unknown placeholder in '{member}'"))),
        }
    }
    Ok(())
}

fn fixed_response(action: &wire::Action) -> Result<FixedResponse, ServiceError> {
    const BODY_MAX: usize = 1024;
    let config = action.fixed_response_config.clone().ok_or_else(|| missing("fixedResponseConfig"))?;
    let status = config.status_code.ok_or_else(|| missing("fixedResponseConfig.statusCode"))?;
    let is_status = status.len() == 3
        && status.bytes().all(|byte| byte.is_ascii_digit())
        && matches!(status.as_bytes()[0], b'2' | b'4' | b'5');
    let number = status.parse().ok().filter(|_| is_status).ok_or_else(|| {
        constraint(
            &status,
            "fixedResponseConfig.statusCode",
            r"satisfy regular expression pattern: ^(2|4|5)\d\d$",
        )
    })?;
    if let Some(kind) = &config.content_type
        && !CONTENT_TYPES.contains(&kind.as_str())
    {
        return Err(not_among(kind, "fixedResponseConfig.contentType", &CONTENT_TYPES));
    }
    if let Some(body) = &config.message_body
        && body.len() > BODY_MAX
    {
        let rule = format!("have length less than or equal to {BODY_MAX}");
        return Err(constraint(body, "fixedResponseConfig.messageBody", &rule));
    }
    Ok(FixedResponse { status: number, content_type: config.content_type, body: config.message_body })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redirected(change: impl FnOnce(&mut wire::RedirectActionConfig)) -> Result<Action, ServiceError> {
        let mut config =
            wire::RedirectActionConfig { status_code: Some("HTTP_301".into()), ..Default::default() };
        change(&mut config);
        let action = wire::Action {
            r#type: Some(ActionTypeEnum::Redirect),
            redirect_config: Some(config),
            ..Default::default()
        };
        parse(Some(vec![action]), "actions", "HTTPS", 443)
    }

    #[test]
    fn redirects_lead_somewhere_else() {
        let loops = "The redirect configuration is not valid because it creates a loop.";
        let cases = [
            ("#{protocol}", "#{port}", "#{host}", "/#{path}", Err(loops)),
            ("HTTPS", "443", "#{host}", "/#{path}", Err(loops)),
            ("HTTP", "80", "#{host}", "/#{path}", Err("You cannot redirect HTTPS to HTTP")),
            ("#{protocol}", "8443", "#{host}", "/#{path}", Ok(())),
            ("#{protocol}", "#{port}", "www.#{host}", "/#{path}", Ok(())),
            ("#{protocol}", "#{port}", "#{host}", "/new/#{path}", Ok(())),
            ("#{protocol}", "#{port}", "#{host}", "new", Err("Redirect path 'new' must begin with '/'")),
        ];
        for (protocol, port, host, path, expected) in cases {
            let made = redirected(|config| {
                config.protocol = Some(protocol.into());
                config.port = Some(port.into());
                config.host = Some(host.into());
                config.path = Some(path.into());
            });
            let seen = made.map(drop).map_err(|error| error.message);
            assert_eq!(
                seen.as_ref().map_err(String::as_str),
                expected.as_ref().map_err(|text| *text),
                "{path}"
            );
        }
        let unknown = redirected(|config| config.host = Some("#{name}.test".into()));
        assert!(unknown.is_err());
    }

    #[test]
    fn responses_keep_their_form() {
        let fixed = |status: &str, kind: Option<&str>, body: Option<String>| {
            let action = wire::Action {
                r#type: Some(ActionTypeEnum::FixedResponse),
                fixed_response_config: Some(wire::FixedResponseActionConfig {
                    content_type: kind.map(str::to_owned),
                    message_body: body,
                    status_code: Some(status.into()),
                }),
                ..Default::default()
            };
            parse(Some(vec![action]), "actions", "HTTP", 80)
        };
        assert!(fixed("404", Some("text/plain"), Some("gone".into())).is_ok());
        assert!(fixed("200", None, None).is_ok());
        for (status, kind, body) in [
            ("302", None, 0),
            ("99", None, 0),
            ("600", None, 0),
            ("200", Some("image/png"), 0),
            ("200", None, 1025),
        ] {
            let refused = fixed(status, kind, Some("x".repeat(body))).expect_err(status);
            assert_eq!(refused.code, "ValidationError");
        }
    }

    #[test]
    fn authentication_is_refused() {
        for kind in ["authenticate-oidc", "authenticate-cognito", "jwt-validation"] {
            let action = wire::Action { r#type: Some(kind.into()), ..Default::default() };
            let refused = parse(Some(vec![action]), "actions", "HTTPS", 443).expect_err(kind);
            assert_eq!(refused.code, "OperationNotPermitted");
            assert_eq!(
                refused.message,
                format!("Actions of type '{kind}' are not available in this installation.")
            );
        }
    }
}
