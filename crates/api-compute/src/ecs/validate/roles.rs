//! Roles of a task, by name or ARN.

use state_model::Scope;
use wire_schema::ServiceError;

use crate::ecs::errors::client;

const ROLE_NAME_LENGTH_MAX: usize = 64;

/// The role's whole ARN. A bare name means a role of the caller's account.
pub fn role_arn(scope: &Scope, given: Option<String>) -> Result<Option<String>, ServiceError> {
    let Some(role) = given.filter(|role| !role.is_empty()) else { return Ok(None) };
    let name = match role.strip_prefix("arn:") {
        None => {
            return if is_path_and_name(&role) {
                Ok(Some(from_name(scope, &role)))
            } else {
                Err(not_valid())
            };
        }
        Some(rest) => {
            let parts: Vec<&str> = rest.splitn(5, ':').collect();
            match parts[..] {
                [_, "iam", "", account, resource] if state_model::scope::is_account_id(account) => {
                    resource.strip_prefix("role/").ok_or_else(not_valid)?
                }
                _ => return Err(not_valid()),
            }
        }
    };
    if is_path_and_name(name) { Ok(Some(role)) } else { Err(not_valid()) }
}

fn from_name(scope: &Scope, name: &str) -> String {
    format!("arn:{}:iam::{}:role/{name}", state_model::scope::PARTITION, scope.account)
}

/// The name is what follows the last slash; the path before it only has to be printable.
fn is_path_and_name(text: &str) -> bool {
    let name = text.rsplit('/').next().unwrap_or_default();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@-_".contains(&byte);
    (1..=ROLE_NAME_LENGTH_MAX).contains(&name.len())
        && name.bytes().all(allowed)
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn not_valid() -> ServiceError {
    client("Role is not valid")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_become_arns() {
        let scope = Scope::new("000000000000", "us-east-1");
        let arn = "arn:aws:iam::000000000000:role/app";
        for (given, expect) in [
            (None, Ok(None)),
            (Some("app"), Ok(Some(arn))),
            (Some(arn), Ok(Some(arn))),
            (
                Some("arn:aws:iam::000000000000:role/team/app"),
                Ok(Some("arn:aws:iam::000000000000:role/team/app")),
            ),
            (Some("arn:aws:iam::000000000000:user/app"), Err("Role is not valid")),
            (Some("arn:aws:s3:::bucket"), Err("Role is not valid")),
            (Some("no such role"), Err("Role is not valid")),
        ] {
            let answer = role_arn(&scope, given.map(str::to_owned)).map_err(|error| error.message);
            let expect = expect.map(|text| text.map(str::to_owned)).map_err(str::to_owned);
            assert_eq!(answer, expect, "{given:?}");
        }
    }
}
