//! Operators.

use super::parse::Operator;
use super::value::{Fault, TimeSeries, Value, times};

pub(super) fn negate(value: &Value) -> Result<Value, Fault> {
    each(value, |series| series.map(|value| -value), |scalar| -scalar)
        .ok_or_else(|| format!("Unsupported operand type(s) for -: '{}'", value.kind()).into())
}

/// Changes a scalar, a series, or each series of an array; none for texts.
pub(super) fn each(
    value: &Value,
    change: impl Fn(&TimeSeries) -> TimeSeries,
    scalar: impl Fn(f64) -> f64,
) -> Option<Value> {
    Some(match value {
        Value::Scalar(number) => Value::Scalar(scalar(*number)),
        Value::Series(series) => Value::Series(change(series)),
        Value::Array(all) => Value::Array(all.iter().map(change).collect()),
        Value::Text(_) => return None,
    })
}

pub(super) fn binary(operator: Operator, left: &Value, right: &Value) -> Result<Value, Fault> {
    use Value::{Array, Scalar, Series};
    let apply = |left: f64, right: f64| number(operator, left, right);
    let is_arithmetic = matches!(
        operator,
        Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide | Operator::Power
    );
    Ok(match (left, right) {
        (Scalar(left), Scalar(right)) => Scalar(apply(*left, *right)),
        (Series(left), Scalar(right)) => Series(left.map(|left| apply(left, *right))),
        (Scalar(left), Series(right)) => Series(right.map(|right| apply(*left, right))),
        (Series(left), Series(right)) => Series(join(left, right, is_arithmetic, apply)),
        (Array(all), Scalar(right)) if is_arithmetic => {
            Array(all.iter().map(|left| left.map(|left| apply(left, *right))).collect())
        }
        (Scalar(left), Array(all)) if is_arithmetic => {
            Array(all.iter().map(|right| right.map(|right| apply(*left, right))).collect())
        }
        (Array(all), Series(right)) if is_arithmetic => {
            Array(all.iter().map(|left| join(left, right, true, apply)).collect())
        }
        (Series(left), Array(all)) if is_arithmetic => {
            let labelled = |right: &TimeSeries| TimeSeries {
                label: right.label.clone(),
                origin: right.origin.clone(),
                ..join(left, right, true, apply)
            };
            Array(all.iter().map(labelled).collect())
        }
        _ => {
            let (sign, left, right) = (operator.sign(), left.kind(), right.kind());
            return Err(format!("Unsupported operand type(s) for {sign}: '{left}' and '{right}'").into());
        }
    })
}

/// Arithmetic takes the times that both have; a comparison takes those of either, and 0 where one has no value.
fn join(
    left: &TimeSeries,
    right: &TimeSeries,
    is_arithmetic: bool,
    apply: impl Fn(f64, f64) -> f64,
) -> TimeSeries {
    let joined = if is_arithmetic {
        let both = left.points.iter().filter_map(|(at, value)| Some((*at, apply(*value, right.at(*at)?))));
        left.with_points(both)
    } else {
        let value = |series: &TimeSeries, at| series.at(at).unwrap_or(0.0);
        left.with_points(
            times([left, right]).into_iter().map(|at| (at, apply(value(left, at), value(right, at)))),
        )
    };
    TimeSeries { period: left.period.max(right.period), ..joined }
}

fn number(operator: Operator, left: f64, right: f64) -> f64 {
    if left.is_nan() || right.is_nan() {
        return f64::NAN;
    }
    let truth = |is_true: bool| f64::from(u8::from(is_true));
    match operator {
        Operator::Or => truth(left != 0.0 || right != 0.0),
        Operator::And => truth(left != 0.0 && right != 0.0),
        Operator::Equal => truth(left == right),
        Operator::Unequal => truth(left != right),
        Operator::Less => truth(left < right),
        Operator::LessOrEqual => truth(left <= right),
        Operator::Greater => truth(left > right),
        Operator::GreaterOrEqual => truth(left >= right),
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        Operator::Divide if right == 0.0 => f64::NAN,
        Operator::Divide => left / right,
        Operator::Power => left.powf(right),
    }
}
