//! DescribeInstanceTypes: facts about common types, for tools that plan with them.

use std::collections::BTreeMap;

use wire_schema::ServiceError;
use wire_shapes_network::ec2 as wire;
use wire_shapes_network::ec2::{DescribeInstanceTypesRequest, DescribeInstanceTypesResult};

use super::Context;
use super::errors::{check_dry_run, invalid_parameter_combination};
use super::filters::Filters;
use super::instance_types::{self, Facts};
use super::page::Page;

/// Of AWS's, those whose answers are known here.
const FILTERS: &[&str] = &[
    "bare-metal",
    "burstable-performance-supported",
    "current-generation",
    "hypervisor",
    "instance-storage-supported",
    "instance-type",
    "memory-info.size-in-mib",
    "network-info.ipv4-addresses-per-interface",
    "network-info.maximum-network-interfaces",
    "network-info.network-performance",
    "processor-info.supported-architecture",
    "supported-root-device-type",
    "supported-usage-class",
    "supported-virtualization-type",
    "vcpu-info.default-cores",
    "vcpu-info.default-threads-per-core",
    "vcpu-info.default-vcpus",
];

pub async fn describe_instance_types(
    context: Context,
    input: DescribeInstanceTypesRequest,
) -> Result<DescribeInstanceTypesResult, ServiceError> {
    context.authorise("ec2:DescribeInstanceTypes", "*")?;
    let wanted: Vec<String> =
        input.instance_types.unwrap_or_default().iter().map(ToString::to_string).collect();
    if !wanted.is_empty() && input.max_results.is_some() {
        return Err(invalid_parameter_combination(
            "The parameter instanceTypes cannot be used with the parameter maxResults",
        ));
    }
    let filters = Filters::new(input.filters, FILTERS)?;
    let page = Page::new(&filters, &wanted, input.next_token.as_deref(), input.max_results)?;
    let unknown: Vec<&str> =
        wanted.iter().map(String::as_str).filter(|name| instance_types::find(name).is_none()).collect();
    if !unknown.is_empty() {
        let message = format!("The following supplied instance types do not exist: [{}]", unknown.join(", "));
        return Err(ServiceError::caller("InvalidInstanceType", message));
    }
    check_dry_run(input.dry_run)?;
    let mut found: BTreeMap<String, wire::InstanceTypeInfo> = instance_types::ALL
        .iter()
        .filter(|facts| wanted.is_empty() || wanted.iter().any(|name| name == facts.name))
        .filter(|facts| filters.match_resource(&BTreeMap::new(), |name| values(facts, name)))
        .map(|facts| (facts.name.to_owned(), shown(facts)))
        .collect();
    found.retain(|name, _| page.after.as_ref().is_none_or(|after| name > after));
    let (instance_types, next_token) = page.take(found.into_iter());
    Ok(DescribeInstanceTypesResult { instance_types: Some(instance_types), next_token })
}

fn values(facts: &Facts, filter: &str) -> Vec<String> {
    let value = match filter {
        "bare-metal" | "instance-storage-supported" => false.to_string(),
        "burstable-performance-supported" => facts.is_burstable().to_string(),
        "current-generation" => true.to_string(),
        "hypervisor" => String::from("nitro"),
        "instance-type" => facts.name.to_owned(),
        "memory-info.size-in-mib" => facts.memory_mib.to_string(),
        "network-info.ipv4-addresses-per-interface" => facts.addresses_per_interface.to_string(),
        "network-info.maximum-network-interfaces" => facts.interfaces_max.to_string(),
        "network-info.network-performance" => facts.network.to_owned(),
        "processor-info.supported-architecture" => facts.architecture().to_owned(),
        "supported-root-device-type" => String::from("ebs"),
        "supported-usage-class" => return vec![String::from("on-demand"), String::from("spot")],
        "supported-virtualization-type" => String::from("hvm"),
        "vcpu-info.default-cores" => facts.cores().to_string(),
        "vcpu-info.default-threads-per-core" => facts.threads_per_core().to_string(),
        "vcpu-info.default-vcpus" => facts.vcpus.to_string(),
        _ => return Vec::new(),
    };
    vec![value]
}

fn shown(facts: &Facts) -> wire::InstanceTypeInfo {
    wire::InstanceTypeInfo {
        bare_metal: Some(false),
        burstable_performance_supported: Some(facts.is_burstable()),
        current_generation: Some(true),
        hypervisor: Some(wire::InstanceTypeHypervisor::Nitro),
        instance_storage_supported: Some(false),
        instance_type: Some(wire::InstanceType::from(facts.name)),
        memory_info: Some(wire::MemoryInfo { size_in_mib: Some(facts.memory_mib) }),
        network_info: Some(wire::NetworkInfo {
            default_network_card_index: Some(0),
            ena_support: Some(wire::EnaSupport::Required),
            ipv4_addresses_per_interface: Some(facts.addresses_per_interface),
            ipv6_addresses_per_interface: Some(facts.addresses_per_interface),
            ipv6_supported: Some(true),
            maximum_network_cards: Some(1),
            maximum_network_interfaces: Some(facts.interfaces_max),
            network_cards: Some(vec![wire::NetworkCardInfo {
                maximum_network_interfaces: Some(facts.interfaces_max),
                network_card_index: Some(0),
                network_performance: Some(facts.network.to_owned()),
                ..Default::default()
            }]),
            network_performance: Some(facts.network.to_owned()),
            ..Default::default()
        }),
        processor_info: Some(wire::ProcessorInfo {
            supported_architectures: Some(vec![wire::ArchitectureType::from(facts.architecture())]),
            ..Default::default()
        }),
        supported_root_device_types: Some(vec![wire::RootDeviceType::Ebs]),
        supported_usage_classes: Some(vec![wire::UsageClassType::OnDemand, wire::UsageClassType::Spot]),
        supported_virtualization_types: Some(vec![wire::VirtualizationType::Hvm]),
        v_cpu_info: Some(wire::VCpuInfo {
            default_cores: Some(facts.cores()),
            default_threads_per_core: Some(facts.threads_per_core()),
            default_v_cpus: Some(facts.vcpus),
            ..Default::default()
        }),
        ..Default::default()
    }
}
