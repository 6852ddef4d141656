//! The format of flow log records: fields as `${name}`, of versions 2 to 5.
//!
//! <https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html>

use wire_schema::ServiceError;

use super::errors::invalid_parameter;

/// What records hold when nothing else is asked for: version 2.
pub const DEFAULT: &str = "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} \
                           ${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}";

/// What can be told of traffic here.
const FIELDS: &[&str] = &[
    "version",
    "account-id",
    "interface-id",
    "srcaddr",
    "dstaddr",
    "srcport",
    "dstport",
    "protocol",
    "packets",
    "bytes",
    "start",
    "end",
    "action",
    "log-status",
    "vpc-id",
    "subnet-id",
    "instance-id",
    "type",
    "pkt-srcaddr",
    "pkt-dstaddr",
    "region",
    "az-id",
    "flow-direction",
];

/// Fields that AWS has and that nothing here can fill.
const UNSUPPORTED: &[&str] = &[
    "tcp-flags",
    "sublocation-type",
    "sublocation-id",
    "pkt-src-aws-service",
    "pkt-dst-aws-service",
    "traffic-path",
    "ecs-cluster-arn",
    "ecs-cluster-name",
    "ecs-container-instance-arn",
    "ecs-container-instance-id",
    "ecs-container-id",
    "ecs-second-container-id",
    "ecs-service-name",
    "ecs-task-definition-arn",
    "ecs-task-arn",
    "ecs-task-id",
    "reject-reason",
    "resource-id",
    "encryption-status",
];

/// Checks that a format consists of known fields, each once, with single spaces between them.
pub fn check(format: &str) -> Result<(), ServiceError> {
    let mut seen: Vec<&str> = Vec::new();
    for word in format.split(' ') {
        let name = word.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
        let Some(name) = name else {
            return Err(invalid_parameter(format!(
                "Error. LogFormat is not valid: {word:?} is not a field."
            )));
        };
        if UNSUPPORTED.contains(&name) {
            return Err(invalid_parameter(format!(
                "Error. The field {name} of LogFormat is not supported: it can't be observed here."
            )));
        }
        if !FIELDS.contains(&name) {
            return Err(invalid_parameter(format!("Error. Unknown fields provided in LogFormat: {name}")));
        }
        if seen.contains(&name) {
            return Err(invalid_parameter(format!("Error. Duplicate fields provided in LogFormat: {name}")));
        }
        seen.push(name);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_checked() {
        let check = |format: &str, good: bool| assert_eq!(super::check(format).is_ok(), good, "{format:?}");
        check(DEFAULT, true);
        check("${version} ${vpc-id} ${flow-direction}", true);
        check("${tcp-flags}", false);
        check("${colour}", false);
        check("${version} ${version}", false);
        check("${version}  ${start}", false);
        check("version", false);
        check("", false);
    }
}
