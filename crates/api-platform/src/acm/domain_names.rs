//! The names that a certificate can be requested for.

use state_model::logs::fnv64;
use wire_schema::ServiceError;
use wire_shapes_platform::acm::{
    DomainStatus, DomainValidation, RecordType, ResourceRecord, ValidationMethod,
};

use super::errors::invalid;
use super::limits::DOMAIN_NAME_CHARS_MAX;
use super::validation;

const PATTERN: &str = r"(\*\.)?(((?!-)[A-Za-z0-9-]{0,62}[A-Za-z0-9])\.)+((?!-)[A-Za-z0-9-]{1,62}[A-Za-z0-9])";

/// Domains that no public authority issues for, since they exist within a network alone.
/// <https://www.iana.org/assignments/special-use-domain-names>
const INTERNAL: [&str; 5] = ["internal", "local", "test", "localhost", "home.arpa"];

/// The name in small letters, when a certificate for it can be issued here.
pub fn internal(name: &str, member: &str) -> Result<String, ServiceError> {
    validation::length_max(name, member, DOMAIN_NAME_CHARS_MAX)?;
    validation::pattern(is_domain_name(name), name, member, PATTERN)?;
    let name = name.to_ascii_lowercase();
    if !is_internal(&name) {
        return Err(invalid(format!(
            "A certificate for {name} can't be issued here: no public authority can validate names of this \
             installation. Request a name below internal, local, test, localhost or home.arpa, or import a certificate."
        )));
    }
    Ok(name)
}

/// One star at most, as the whole first label.
fn is_domain_name(name: &str) -> bool {
    let labels = name.strip_prefix("*.").unwrap_or(name);
    // AWS's pattern wants two labels; `localhost` alone is the one further name that is of use here.
    if !labels.contains('.') && !labels.eq_ignore_ascii_case("localhost") {
        return false;
    }
    labels.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    })
}

fn is_internal(name: &str) -> bool {
    INTERNAL.iter().any(|suffix| {
        let before = name.strip_suffix(suffix);
        before.is_some_and(|before| before.ends_with('.') || (before.is_empty() && *suffix == "localhost"))
    })
}

/// The record that would prove the name on AWS: the same at every request, so that clients that manage it see no change.
/// It needs not exist, since the name was already found to be internal.
pub fn validation(account: &str, name: &str) -> DomainValidation {
    let base = name.strip_prefix("*.").unwrap_or(name);
    let digits = |purpose: &str| {
        let half = |part: &str| fnv64(format!("{purpose}/{part}/{account}/{base}").as_bytes());
        format!("{:016x}{:016x}", half("first"), half("second"))
    };
    DomainValidation {
        domain_name: Some(name.to_owned()),
        validation_domain: Some(name.to_owned()),
        validation_method: Some(ValidationMethod::Dns),
        validation_status: Some(DomainStatus::Success),
        resource_record: Some(ResourceRecord {
            name: Some(format!("_{}.{base}.", digits("name"))),
            r#type: Some(RecordType::Cname),
            value: Some(format!("_{}.acm-validations.neargate.internal.", digits("value"))),
        }),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_exist_here_alone_are_taken() {
        let check = |name: &str, expected: Result<&str, &str>| {
            let found = internal(name, "domainName").map_err(|error| error.message);
            match expected {
                Ok(expected) => assert_eq!(found.as_deref(), Ok(expected)),
                Err(part) => assert!(found.is_err_and(|message| message.contains(part)), "{name}"),
            }
        };
        check("Web.neargate.internal", Ok("web.neargate.internal"));
        check("*.a.test", Ok("*.a.test"));
        check("localhost", Ok("localhost"));
        check("x.localhost", Ok("x.localhost"));
        check("nas.home.arpa", Ok("nas.home.arpa"));
        check("example.com", Err("no public authority"));
        check("notinternal.com", Err("no public authority"));
        check("a.notinternal", Err("no public authority"));
        check("internal", Err("regular expression pattern"));
        check("*.*.internal", Err("regular expression pattern"));
        check("a.*.internal", Err("regular expression pattern"));
        check("-a.internal", Err("regular expression pattern"));
        check("a..internal", Err("regular expression pattern"));
        check("", Err("regular expression pattern"));
        check(&format!("{}.internal", "a.".repeat(130)), Err("less than or equal to 253"));
    }

    #[test]
    fn a_star_is_validated_by_the_record_of_its_domain() {
        let record = |name: &str| validation("000000000000", name).resource_record;
        assert_eq!(record("*.a.internal"), record("a.internal"));
        assert_ne!(record("b.internal"), record("a.internal"));
    }
}
