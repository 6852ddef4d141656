use api_auth::Context;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use state_model::acm::Certificate;
use state_tables::View;
use wire_schema::ServiceError;
use wire_shapes_platform::acm::{
    self, CertificateExport, CertificateKeyPairOrigin, CertificateStatus, ExtendedKeyUsageName, Filters,
    SortOrder,
};

use super::certificate_usage::{self, Usage};
use super::errors::invalid_args;
use super::find::is_used;
use super::limits::PAGE_ITEMS_MAX;
use super::{Acm, shapes, validation};

/// Where a certificate stands in the list: by its time when that was asked for, and by its id.
type Place = (i64, String);

/// All kinds of keys are listed, unlike on AWS, which shows small RSA keys alone when nothing else is asked for: the keys
/// made here are elliptic, and a list that hides what was just requested would mislead.
pub async fn list_certificates(
    context: Context<Acm>,
    input: acm::ListCertificatesRequest,
) -> Result<acm::ListCertificatesResponse, ServiceError> {
    context.authorise("acm:ListCertificates", "*")?;
    let limit =
        validation::in_range(input.max_items.unwrap_or(PAGE_ITEMS_MAX), "maxItems", 1, PAGE_ITEMS_MAX)?;
    if input.sort_by.is_some() != input.sort_order.is_some() {
        return Err(invalid_args("SortBy and SortOrder must be given together."));
    }
    let by_time = input.sort_by.is_some();
    let descending = input.sort_order == Some(SortOrder::Descending);
    let after = input.next_token.as_deref().map(|token| decode(token, by_time, descending)).transpose()?;
    let view = context.view();
    let prefix = context.scope.key("");
    let rows = view.acm_certificates.prefix(&prefix);
    let filter = Filter {
        statuses: input.certificate_statuses,
        origins: input.certificate_key_pair_origins,
        includes: input.includes.unwrap_or_default(),
    };
    let mut listed: Vec<(Place, &Certificate, Usage)> = rows
        .filter_map(|(_, row)| {
            let certificate: &Certificate = row;
            let place =
                (if by_time { certificate.created_at.as_millis() } else { 0 }, certificate.id.clone());
            let usage = filter.matching(certificate, context.now)?;
            Some((place, certificate, usage))
        })
        .collect();
    listed.sort_by(|(one, ..), (other, ..)| if descending { other.cmp(one) } else { one.cmp(other) });
    if let Some(after) = after {
        listed.retain(|(place, ..)| if descending { *place < after } else { *place > after });
    }
    let limit = usize::try_from(limit).unwrap_or(1);
    let has_more = listed.len() > limit;
    listed.truncate(limit);
    let next_token = match listed.last() {
        Some((place, ..)) if has_more => Some(encode(place, by_time, descending)),
        _ => None,
    };
    let summaries = summaries(listed, &view, &context);
    Ok(acm::ListCertificatesResponse { certificate_summary_list: Some(summaries), next_token })
}

fn summaries(
    listed: Vec<(Place, &Certificate, Usage)>,
    view: &View,
    context: &Context<Acm>,
) -> Vec<acm::CertificateSummary> {
    let show = |(_, certificate, usage): (Place, &Certificate, Usage)| {
        shapes::summary(certificate, usage, is_used(view, &certificate.arn()), context.now)
    };
    listed.into_iter().map(show).collect()
}

struct Filter {
    statuses: Option<Vec<CertificateStatus>>,
    origins: Option<Vec<CertificateKeyPairOrigin>>,
    includes: Filters,
}

impl Filter {
    /// What the key of a certificate that is to be shown may be used for.
    fn matching(&self, certificate: &Certificate, now: stdx::clock::Timestamp) -> Option<Usage> {
        let includes = &self.includes;
        let shown = allows(self.statuses.as_deref(), |status| *status == shapes::status(certificate, now))
            && allows(self.origins.as_deref(), |origin| *origin == shapes::key_pair_origin(certificate))
            && allows(includes.key_types.as_deref(), |kind| kind.as_str() == certificate.key_algorithm)
            && includes.export_option.as_ref().is_none_or(|option| *option == CertificateExport::Disabled)
            && includes.managed_by.is_none();
        if !shown {
            return None;
        }
        let usage = certificate_usage::of(certificate);
        let has = |name: &ExtendedKeyUsageName| {
            usage.extended.iter().any(|known| known.name.as_ref() == Some(name))
        };
        let fits = allows(includes.key_usage.as_deref(), |name| usage.key.contains(name))
            && allows(includes.extended_key_usage.as_deref(), has);
        fits.then_some(usage)
    }
}

/// An absent or empty filter allows everything.
fn allows<T>(wanted: Option<&[T]>, fits: impl Fn(&T) -> bool) -> bool {
    wanted.is_none_or(|wanted| wanted.is_empty() || wanted.iter().any(fits))
}

fn encode(place: &Place, by_time: bool, descending: bool) -> String {
    URL_SAFE_NO_PAD.encode(format!("{by_time}.{descending}.{}.{}", place.0, place.1))
}

/// A token of another order would skip or repeat certificates.
fn decode(token: &str, by_time: bool, descending: bool) -> Result<Place, ServiceError> {
    let bad = || invalid_args("The specified NextToken is not valid.");
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| bad())?;
    let text = String::from_utf8(bytes).map_err(|_| bad())?;
    let place = text.strip_prefix(&format!("{by_time}.{descending}.")).ok_or_else(bad)?;
    let (time, id) = place.split_once('.').ok_or_else(bad)?;
    Ok((time.parse().map_err(|_| bad())?, id.to_owned()))
}
