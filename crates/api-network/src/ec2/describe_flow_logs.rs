//! DescribeFlowLogs.

use state_model::ec2::FlowLog;
use state_tables::View;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{DescribeFlowLogsRequest, DescribeFlowLogsResult};

use super::errors::check_dry_run;
use super::filters::Filters;
use super::page::Page;
use super::{Context, ids, render};

const FILTERS: &[&str] = &[
    "deliver-log-status",
    "flow-log-id",
    "log-destination-type",
    "log-group-name",
    "resource-id",
    "traffic-type",
];

pub async fn describe_flow_logs(
    context: Context,
    input: DescribeFlowLogsRequest,
) -> Result<DescribeFlowLogsResult, ServiceError> {
    context.authorise("ec2:DescribeFlowLogs", "*")?;
    let given = input.flow_log_ids.unwrap_or_default();
    let filters = Filters::new(input.filter, FILTERS)?;
    let page = Page::new(&filters, &given, input.next_token.as_deref(), input.max_results)?;
    let view = context.view();
    let rows = ids::FLOW_LOG.rows(&view.flow_logs, &context.scope, &given, &page)?;
    check_dry_run(input.dry_run)?;
    let matching = rows
        .into_iter()
        .filter(|(_, row)| filters.match_resource(&row.tags, |name| values(&view, row, name)));
    let (found, next_token) =
        page.take(matching.map(|(key, row)| (key, render::flow_log::flow_log(&view, row))));
    Ok(DescribeFlowLogsResult { flow_logs: Some(found), next_token })
}

fn values(view: &View, flow_log: &FlowLog, filter: &str) -> Vec<String> {
    let value = match filter {
        "deliver-log-status" => {
            return render::flow_log::delivery(view, flow_log).map(str::to_owned).into_iter().collect();
        }
        "flow-log-id" => flow_log.id.clone(),
        "log-destination-type" => String::from("cloud-watch-logs"),
        "log-group-name" => flow_log.log_group_name.clone(),
        "resource-id" => flow_log.resource_id.clone(),
        "traffic-type" => render::flow_log::traffic(flow_log.traffic).to_string(),
        _ => return Vec::new(),
    };
    vec![value]
}
