//! A set of DHCP options.

use state_model::ec2::DhcpOptions;
use wire_shapes_network::ec2 as wire;

use crate::ec2::tags;

pub fn dhcp_options(options: &DhcpOptions) -> wire::DhcpOptions {
    let configurations = options.configurations.iter().map(|(key, values)| wire::DhcpConfiguration {
        key: Some(key.clone()),
        values: Some(
            values.iter().map(|value| wire::AttributeValue { value: Some(value.clone()) }).collect(),
        ),
    });
    wire::DhcpOptions {
        dhcp_configurations: Some(configurations.collect()),
        dhcp_options_id: Some(options.id.clone()),
        owner_id: Some(options.scope.account.clone()),
        tags: Some(tags::render(&options.tags)),
    }
}
