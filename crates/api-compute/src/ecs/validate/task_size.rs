//! CPU and memory of a task: how they are written, and which pairs Fargate has.
//!
//! Source: "Task CPU and memory" in the Amazon ECS Developer Guide.

use wire_schema::ServiceError;

use crate::ecs::errors::client;

const EC2_CPU_UNITS: std::ops::RangeInclusive<u32> = 128..=196_608;

/// `1024`, `1 vCPU`, `.25 vcpu`: CPU units.
pub fn cpu(text: &str) -> Result<u32, ServiceError> {
    quantity(text, "vcpu", 1024).ok_or_else(|| client("Invalid 'cpu' setting for task."))
}

/// `2048`, `2GB`, `0.5 GB`: MiB.
pub fn memory(text: &str) -> Result<u32, ServiceError> {
    quantity(text, "gb", 1024)
        .filter(|memory_mib| *memory_mib >= crate::ecs::limits::MEMORY_MIB_MIN)
        .ok_or_else(|| client("Invalid 'memory' setting for task."))
}

/// The size of a task that doesn't ask for Fargate.
pub fn instance_cpu(units: u32) -> Result<(), ServiceError> {
    if EC2_CPU_UNITS.contains(&units) { Ok(()) } else { Err(client("Invalid 'cpu' setting for task.")) }
}

/// Whether Fargate has this pair.
pub fn is_fargate_pair(cpu: u32, memory_mib: u32, windows: bool) -> bool {
    let steps = |first: u32, last: u32, step: u32| {
        (first..=last).contains(&memory_mib) && (memory_mib - first).is_multiple_of(step)
    };
    match cpu {
        256 => !windows && matches!(memory_mib, 512 | 1024 | 2048),
        512 => !windows && steps(1024, 4096, 1024),
        1024 => steps(2048, 8192, 1024),
        2048 => steps(4096, 16_384, 1024),
        4096 => steps(8192, 30_720, 1024),
        8192 => !windows && steps(16_384, 61_440, 4096),
        16_384 => !windows && steps(32_768, 122_880, 8192),
        32_768 => !windows && matches!(memory_mib, 61_440 | 122_880 | 249_856),
        _ => false,
    }
}

/// A plain whole number, or a decimal number followed by `unit`, which stands for `scale` of the plain ones.
fn quantity(text: &str, unit: &str, scale: u32) -> Option<u32> {
    let text = text.trim().to_ascii_lowercase();
    let Some(number) = text.strip_suffix(unit) else { return text.parse().ok() };
    let number = number.trim_end();
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    let scaled = number.parse::<f64>().ok()? * f64::from(scale);
    // Whole units only: `.25 vCPU` is 256, `.3 vCPU` is nothing.
    (scaled.fract() == 0.0 && scaled <= f64::from(u32::MAX)).then_some(scaled as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_every_form() {
        for (text, expect) in [
            ("1024", Some(1024)),
            ("1 vCPU", Some(1024)),
            ("1vcpu", Some(1024)),
            (".25 vCPU", Some(256)),
            ("0.5 VCPU", Some(512)),
            ("32 vCPU", Some(32_768)),
            (".3 vCPU", None),
            ("vCPU", None),
            ("-1", None),
            ("one", None),
            ("", None),
        ] {
            assert_eq!(cpu(text).ok(), expect, "{text:?}");
        }
        for (text, expect) in [
            ("2048", Some(2048)),
            ("2GB", Some(2048)),
            ("2 GB", Some(2048)),
            ("0.5GB", Some(512)),
            ("2 TB", None),
        ] {
            assert_eq!(memory(text).ok(), expect, "{text:?}");
        }
    }

    #[test]
    fn fargate_has_77_pairs() {
        let mut count = 0;
        for cpu in [256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768] {
            count += (0..=250_880).step_by(512).filter(|memory| is_fargate_pair(cpu, *memory, false)).count();
        }
        // 74 without the three of 32 vCPU.
        assert_eq!(count, 77);
        assert!(!is_fargate_pair(256, 512, true));
        assert!(is_fargate_pair(1024, 2048, true));
    }
}
