//! Facts about EC2's common instance types. None can be started here; tools ask before they plan.
//!
//! <https://docs.aws.amazon.com/ec2/latest/instancetypes/gp.html>

#[derive(Debug)]
pub struct Facts {
    pub name: &'static str,
    pub vcpus: i32,
    pub memory_mib: i64,
    pub network: &'static str,
    pub interfaces_max: i32,
    /// IPv4 addresses; as many of IPv6.
    pub addresses_per_interface: i32,
}

impl Facts {
    /// Of Graviton processors, every virtual processor is a core.
    fn is_arm(&self) -> bool {
        self.name.starts_with("t4g.")
    }

    pub fn architecture(&self) -> &'static str {
        if self.is_arm() { "arm64" } else { "x86_64" }
    }

    pub fn threads_per_core(&self) -> i32 {
        if self.is_arm() { 1 } else { 2 }
    }

    pub fn cores(&self) -> i32 {
        self.vcpus / self.threads_per_core()
    }

    pub fn is_burstable(&self) -> bool {
        self.name.starts_with('t')
    }
}

pub fn find(name: &str) -> Option<&'static Facts> {
    ALL.iter().find(|facts| facts.name == name)
}

const fn facts(
    name: &'static str,
    vcpus: i32,
    memory_mib: i64,
    network: &'static str,
    interfaces_max: i32,
    addresses_per_interface: i32,
) -> Facts {
    Facts { name, vcpus, memory_mib, network, interfaces_max, addresses_per_interface }
}

pub const ALL: &[Facts] = &[
    facts("t3.nano", 2, 512, "Up to 5 Gigabit", 2, 2),
    facts("t3.micro", 2, 1_024, "Up to 5 Gigabit", 2, 2),
    facts("t3.small", 2, 2_048, "Up to 5 Gigabit", 3, 4),
    facts("t3.medium", 2, 4_096, "Up to 5 Gigabit", 3, 6),
    facts("t3.large", 2, 8_192, "Up to 5 Gigabit", 3, 12),
    facts("t3.xlarge", 4, 16_384, "Up to 5 Gigabit", 4, 15),
    facts("t3.2xlarge", 8, 32_768, "Up to 5 Gigabit", 4, 15),
    facts("t4g.nano", 2, 512, "Up to 5 Gigabit", 2, 2),
    facts("t4g.micro", 2, 1_024, "Up to 5 Gigabit", 2, 2),
    facts("t4g.small", 2, 2_048, "Up to 5 Gigabit", 3, 4),
    facts("t4g.medium", 2, 4_096, "Up to 5 Gigabit", 3, 6),
    facts("t4g.large", 2, 8_192, "Up to 5 Gigabit", 3, 12),
    facts("t4g.xlarge", 4, 16_384, "Up to 5 Gigabit", 4, 15),
    facts("t4g.2xlarge", 8, 32_768, "Up to 5 Gigabit", 4, 15),
    facts("m5.large", 2, 8_192, "Up to 10 Gigabit", 3, 10),
    facts("m5.xlarge", 4, 16_384, "Up to 10 Gigabit", 4, 15),
    facts("m5.2xlarge", 8, 32_768, "Up to 10 Gigabit", 4, 15),
    facts("m5.4xlarge", 16, 65_536, "Up to 10 Gigabit", 8, 30),
    facts("m5.8xlarge", 32, 131_072, "10 Gigabit", 8, 30),
    facts("m5.12xlarge", 48, 196_608, "12 Gigabit", 8, 30),
    facts("m5.16xlarge", 64, 262_144, "20 Gigabit", 15, 50),
    facts("m5.24xlarge", 96, 393_216, "25 Gigabit", 15, 50),
    facts("m6i.large", 2, 8_192, "Up to 12.5 Gigabit", 3, 10),
    facts("m6i.xlarge", 4, 16_384, "Up to 12.5 Gigabit", 4, 15),
    facts("m6i.2xlarge", 8, 32_768, "Up to 12.5 Gigabit", 4, 15),
    facts("m6i.4xlarge", 16, 65_536, "Up to 12.5 Gigabit", 8, 30),
    facts("m6i.8xlarge", 32, 131_072, "12.5 Gigabit", 8, 30),
    facts("m6i.12xlarge", 48, 196_608, "18.75 Gigabit", 8, 30),
    facts("m6i.16xlarge", 64, 262_144, "25 Gigabit", 15, 50),
    facts("m6i.24xlarge", 96, 393_216, "37.5 Gigabit", 15, 50),
    facts("m6i.32xlarge", 128, 524_288, "50 Gigabit", 15, 50),
    facts("c5.large", 2, 4_096, "Up to 10 Gigabit", 3, 10),
    facts("c5.xlarge", 4, 8_192, "Up to 10 Gigabit", 4, 15),
    facts("c5.2xlarge", 8, 16_384, "Up to 10 Gigabit", 4, 15),
    facts("c5.4xlarge", 16, 32_768, "Up to 10 Gigabit", 8, 30),
    facts("c5.9xlarge", 36, 73_728, "12 Gigabit", 8, 30),
    facts("c5.12xlarge", 48, 98_304, "12 Gigabit", 8, 30),
    facts("c5.18xlarge", 72, 147_456, "25 Gigabit", 15, 50),
    facts("c5.24xlarge", 96, 196_608, "25 Gigabit", 15, 50),
    facts("c6i.large", 2, 4_096, "Up to 12.5 Gigabit", 3, 10),
    facts("c6i.xlarge", 4, 8_192, "Up to 12.5 Gigabit", 4, 15),
    facts("c6i.2xlarge", 8, 16_384, "Up to 12.5 Gigabit", 4, 15),
    facts("c6i.4xlarge", 16, 32_768, "Up to 12.5 Gigabit", 8, 30),
    facts("c6i.8xlarge", 32, 65_536, "12.5 Gigabit", 8, 30),
    facts("c6i.12xlarge", 48, 98_304, "18.75 Gigabit", 8, 30),
    facts("c6i.16xlarge", 64, 131_072, "25 Gigabit", 15, 50),
    facts("c6i.24xlarge", 96, 196_608, "37.5 Gigabit", 15, 50),
    facts("c6i.32xlarge", 128, 262_144, "50 Gigabit", 15, 50),
    facts("r5.large", 2, 16_384, "Up to 10 Gigabit", 3, 10),
    facts("r5.xlarge", 4, 32_768, "Up to 10 Gigabit", 4, 15),
    facts("r5.2xlarge", 8, 65_536, "Up to 10 Gigabit", 4, 15),
    facts("r5.4xlarge", 16, 131_072, "Up to 10 Gigabit", 8, 30),
    facts("r5.8xlarge", 32, 262_144, "10 Gigabit", 8, 30),
    facts("r5.12xlarge", 48, 393_216, "12 Gigabit", 8, 30),
    facts("r5.16xlarge", 64, 524_288, "20 Gigabit", 15, 50),
    facts("r5.24xlarge", 96, 786_432, "25 Gigabit", 15, 50),
    facts("r6i.large", 2, 16_384, "Up to 12.5 Gigabit", 3, 10),
    facts("r6i.xlarge", 4, 32_768, "Up to 12.5 Gigabit", 4, 15),
    facts("r6i.2xlarge", 8, 65_536, "Up to 12.5 Gigabit", 4, 15),
    facts("r6i.4xlarge", 16, 131_072, "Up to 12.5 Gigabit", 8, 30),
    facts("r6i.8xlarge", 32, 262_144, "12.5 Gigabit", 8, 30),
    facts("r6i.12xlarge", 48, 393_216, "18.75 Gigabit", 8, 30),
    facts("r6i.16xlarge", 64, 524_288, "25 Gigabit", 15, 50),
    facts("r6i.24xlarge", 96, 786_432, "37.5 Gigabit", 15, 50),
    facts("r6i.32xlarge", 128, 1_048_576, "50 Gigabit", 15, 50),
];
