//! Filter expressions, as Cost Explorer and Budgets have them in common.

use state_model::billing::filter::{Filter, Match, MatchKind};
use state_model::billing::line::Dimension;
use wire_shapes_observe::{budgets, ce};

/// How deep an expression may nest.
const DEPTH_MAX: usize = 10;

/// Values of one dimension or tag, and parts of an AND or OR.
const VALUES_MAX: usize = 500;

/// An expression of either service.
#[derive(Debug, Default)]
pub struct Given {
    and: Option<Vec<Given>>,
    or: Option<Vec<Given>>,
    not: Option<Box<Given>>,
    dimensions: Option<Values>,
    tags: Option<Values>,
    has_cost_categories: bool,
    has_product_attributes: bool,
}

#[derive(Debug, Default)]
struct Values {
    key: String,
    values: Vec<String>,
    options: Vec<String>,
}

macro_rules! given {
    ($service:ident) => {
        impl From<$service::Expression> for Given {
            fn from(given: $service::Expression) -> Self {
                let all = |parts: Vec<$service::Expression>| parts.into_iter().map(Given::from).collect();
                let texts = |options: Option<Vec<$service::MatchOption>>| {
                    options.unwrap_or_default().iter().map(|option| option.as_str().to_owned()).collect()
                };
                Self {
                    and: given.and.map(all),
                    or: given.or.map(all),
                    not: given.not.map(|part| Box::new(Given::from(*part))),
                    dimensions: given.dimensions.map(|values| Values {
                        key: values.key.map(|key| key.as_str().to_owned()).unwrap_or_default(),
                        values: values.values.unwrap_or_default(),
                        options: texts(values.match_options),
                    }),
                    tags: given.tags.map(|values| Values {
                        key: values.key.unwrap_or_default(),
                        values: values.values.unwrap_or_default(),
                        options: texts(values.match_options),
                    }),
                    has_cost_categories: given.cost_categories.is_some(),
                    has_product_attributes: given.product_attributes.is_some(),
                }
            }
        }
    };
}

given!(ce);
given!(budgets);

/// The checked expression, or why it is refused.
pub fn check(given: Given) -> Result<Filter, String> {
    check_at(given, 0)
}

fn check_at(given: Given, depth: usize) -> Result<Filter, String> {
    if given.has_cost_categories {
        return Err(String::from("Cost categories are not supported here."));
    }
    if given.has_product_attributes {
        return Err(String::from("Product attributes are not supported here."));
    }
    if depth > DEPTH_MAX {
        return Err(format!("An expression can't nest deeper than {DEPTH_MAX}."));
    }
    let parts = |parts: Vec<Given>, name: &str| {
        if parts.is_empty() || parts.len() > VALUES_MAX {
            return Err(format!("{name} must have between 1 and {VALUES_MAX} expressions."));
        }
        parts.into_iter().map(|part| check_at(part, depth + 1)).collect::<Result<Vec<_>, _>>()
    };
    match given {
        Given { and: Some(all), or: None, not: None, dimensions: None, tags: None, .. } => {
            Ok(Filter::And(parts(all, "And")?))
        }
        Given { and: None, or: Some(any), not: None, dimensions: None, tags: None, .. } => {
            Ok(Filter::Or(parts(any, "Or")?))
        }
        Given { and: None, or: None, not: Some(part), dimensions: None, tags: None, .. } => {
            Ok(Filter::Not(Box::new(check_at(*part, depth + 1)?)))
        }
        Given { and: None, or: None, not: None, dimensions: Some(values), tags: None, .. } => {
            dimension(values)
        }
        Given { and: None, or: None, not: None, dimensions: None, tags: Some(values), .. } => tag(values),
        _ => Err(String::from(
            "Expression must have exactly one of Or, And, Not, Dimensions, Tags, CostCategories.",
        )),
    }
}

fn dimension(values: Values) -> Result<Filter, String> {
    let dimension = Dimension::parse(&values.key).ok_or_else(|| unknown_dimension(&values.key))?;
    let how = how(&values)?;
    if how.kind == MatchKind::Absent {
        return Err(String::from("ABSENT is not a match option of dimensions."));
    }
    Ok(Filter::Dimension { dimension, values: values.values, how })
}

fn tag(values: Values) -> Result<Filter, String> {
    if values.key.is_empty() {
        return Err(String::from("Tags must have a Key."));
    }
    let how = how(&values)?;
    Ok(Filter::Tag { key: values.key, values: values.values, how })
}

/// For dimensions whose values nothing here differs in, and those that there aren't.
pub fn unknown_dimension(name: &str) -> String {
    let known: Vec<&str> = Dimension::ALL.iter().map(|dimension| dimension.as_str()).collect();
    format!("Dimension {name} is not supported here. Supported dimensions: {}.", known.join(", "))
}

fn how(values: &Values) -> Result<Match, String> {
    let mut how = Match::default();
    for option in &values.options {
        match option.as_str() {
            "EQUALS" => how.kind = MatchKind::Equals,
            "STARTS_WITH" => how.kind = MatchKind::StartsWith,
            "ENDS_WITH" => how.kind = MatchKind::EndsWith,
            "CONTAINS" => how.kind = MatchKind::Contains,
            "ABSENT" => how.kind = MatchKind::Absent,
            "CASE_SENSITIVE" => how.ignores_case = false,
            "CASE_INSENSITIVE" => how.ignores_case = true,
            other => return Err(format!("Match option {other} is not supported here.")),
        }
    }
    let count = values.values.len();
    if how.kind == MatchKind::Absent && count > 0 {
        return Err(String::from("ABSENT takes no values."));
    }
    if how.kind != MatchKind::Absent && (count == 0 || count > VALUES_MAX) {
        return Err(format!("{} must have between 1 and {VALUES_MAX} values.", values.key));
    }
    Ok(how)
}
