//! DeleteRule: of any but the default one.

use wire_schema::ServiceError;
use wire_shapes_network::elbv2::{DeleteRuleInput, DeleteRuleOutput};

use super::arns::FoundRule;
use super::errors::not_permitted;
use super::{Context, arns};

pub async fn delete_rule(context: Context, input: DeleteRuleInput) -> Result<DeleteRuleOutput, ServiceError> {
    let arn = arns::required(input.rule_arn, "ruleArn")?;
    context.authorise("elasticloadbalancing:DeleteRule", &arn)?;
    context
        .transact(|view, transaction| match arns::rule(view, &context.scope, &arn)? {
            FoundRule::Rule(row) => {
                transaction.delete(row);
                Ok(())
            }
            FoundRule::Default(_) => Err(not_permitted(format!("Default rule '{arn}' cannot be deleted"))),
        })
        .await?;
    Ok(DeleteRuleOutput {})
}
