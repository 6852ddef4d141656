//! CreateDhcpOptions.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use state_model::ec2::DhcpOptions;
use state_model::ec2::dhcp_options::AMAZON_PROVIDED_DNS;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{
    CreateDhcpOptionsRequest, CreateDhcpOptionsResult, NewDhcpConfiguration, ResourceType,
};

use super::errors::{check_dry_run, invalid_parameter_value, limit_exceeded, missing_parameter};
use super::limits::{DHCP_OPTIONS_MAX, DHCP_SERVERS_MAX};
use super::unsupported::unsupported;
use super::{Context, ids, render, tags};

type Configurations = BTreeMap<String, Vec<String>>;

pub async fn create_dhcp_options(
    context: Context,
    input: CreateDhcpOptionsRequest,
) -> Result<CreateDhcpOptionsResult, ServiceError> {
    context.authorise("ec2:CreateDhcpOptions", &context.scope.arn("ec2", "dhcp-options/*"))?;
    let options = DhcpOptions {
        scope: context.scope.clone(),
        id: ids::new_id("dopt", &*context.random),
        configurations: configurations(input.dhcp_configurations.unwrap_or_default())?,
        tags: tags::from_specifications(input.tag_specifications, &ResourceType::DhcpOptions)?,
    };
    context
        .transact(|view, transaction| {
            if view.dhcp_options.prefix(&context.scope.key("")).count() >= DHCP_OPTIONS_MAX {
                return Err(limit_exceeded("DhcpOptionsLimitExceeded", "sets of DHCP options"));
            }
            check_dry_run(input.dry_run)?;
            transaction.insert(&options);
            Ok(())
        })
        .await?;
    Ok(CreateDhcpOptionsResult { dhcp_options: Some(render::dhcp_options::dhcp_options(&options)) })
}

fn configurations(given: Vec<NewDhcpConfiguration>) -> Result<Configurations, ServiceError> {
    let mut configurations = Configurations::new();
    for configuration in given {
        let key = configuration.key.filter(|key| !key.is_empty());
        let key = key.ok_or_else(|| missing_parameter("Key"))?;
        // The console and older tools give a list as one value.
        let values = configuration.values.unwrap_or_default();
        let values = values.iter().flat_map(|value| split(&key, value)).collect::<Vec<_>>();
        check(&key, &values)?;
        if configurations.insert(key.clone(), values).is_some() {
            return Err(invalid_parameter_value(format!("Duplicate option {key} specified.")));
        }
    }
    if configurations.is_empty() {
        return Err(missing_parameter("dhcpConfiguration"));
    }
    Ok(configurations)
}

fn split(key: &str, value: &str) -> Vec<String> {
    match key {
        // Several domains, separated by spaces, are one value.
        "domain-name" => vec![value.to_owned()],
        _ => value.split(',').map(|part| part.trim().to_owned()).collect(),
    }
}

fn check(key: &str, values: &[String]) -> Result<(), ServiceError> {
    if values.is_empty() || values.iter().any(String::is_empty) {
        return Err(missing_parameter(&format!("Value of the option {key}")));
    }
    let is_server = |value: &String| value.parse::<Ipv4Addr>().is_ok();
    let (count_max, is_valid): (usize, &dyn Fn(&String) -> bool) = match key {
        "domain-name" => (1, &|value| value.split(' ').all(is_domain)),
        "domain-name-servers" => {
            (DHCP_SERVERS_MAX, &|value| value == AMAZON_PROVIDED_DNS || is_server(value))
        }
        "ntp-servers" | "netbios-name-servers" => (DHCP_SERVERS_MAX, &is_server),
        "netbios-node-type" => (1, &|value| matches!(value.as_str(), "1" | "2" | "4" | "8")),
        "ipv6-address-preferred-lease-time" => {
            return Err(unsupported("Leases of IPv6 addresses are"));
        }
        _ => {
            return Err(invalid_parameter_value(format!(
                "Value ({key}) for parameter name is invalid. Unknown DHCP option"
            )));
        }
    };
    if values.len() > count_max {
        let message = format!("The option {key} can have at most {count_max} values.");
        return Err(invalid_parameter_value(message));
    }
    match values.iter().find(|value| !is_valid(value)) {
        Some(wrong) if wrong.contains(':') => Err(unsupported("Servers with IPv6 addresses are")),
        Some(wrong) => {
            let message =
                format!("Value ({wrong}) for parameter value is invalid. Invalid DHCP option value.");
            Err(invalid_parameter_value(message))
        }
        None => Ok(()),
    }
}

/// Whether resolvers take the text for a domain to search in.
fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        !label.is_empty() && label.len() <= 63 && label.bytes().all(valid)
    };
    text.len() <= 253 && text.strip_suffix('.').unwrap_or(text).split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fit_their_options() {
        let read = |key: &str, values: &[&str]| {
            let values = values.iter().map(|value| (*value).to_owned()).collect();
            configurations(vec![NewDhcpConfiguration { key: Some(key.into()), values: Some(values) }])
        };
        for (key, values, expected) in [
            ("domain-name", &["example.com"][..], &["example.com"][..]),
            ("domain-name", &["example.com test.example.com"], &["example.com test.example.com"]),
            ("domain-name-servers", &["AmazonProvidedDNS"], &["AmazonProvidedDNS"]),
            ("domain-name-servers", &["10.0.0.2, 10.0.0.3"], &["10.0.0.2", "10.0.0.3"]),
            ("ntp-servers", &["169.254.169.123"], &["169.254.169.123"]),
            ("netbios-node-type", &["2"], &["2"]),
        ] {
            assert_eq!(read(key, values).unwrap()[key], expected, "{key} {values:?}");
        }
        for (key, values, code) in [
            ("colour", &["red"][..], "InvalidParameterValue"),
            ("domain-name", &["not/a/domain"], "InvalidParameterValue"),
            ("domain-name", &["a.com", "b.com"], "InvalidParameterValue"),
            ("domain-name", &[], "MissingParameter"),
            ("domain-name-servers", &["example.com"], "InvalidParameterValue"),
            ("domain-name-servers", &["fd00::1"], "UnsupportedOperation"),
            (
                "ntp-servers",
                &["1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.4", "1.1.1.5"],
                "InvalidParameterValue",
            ),
            ("netbios-node-type", &["3"], "InvalidParameterValue"),
            ("ipv6-address-preferred-lease-time", &["1000"], "UnsupportedOperation"),
        ] {
            assert_eq!(read(key, values).unwrap_err().code, code, "{key} {values:?}");
        }
        assert_eq!(configurations(Vec::new()).unwrap_err().code, "MissingParameter");
    }
}
