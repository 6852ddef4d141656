//! The parameters of a connection, taken apart into what may be shown and what is sealed.

use state_model::events::connection::{
    Addition, Authorization, AuthorizationKind, ConnectionSecrets, HttpAdditions,
};
use wire_schema::ServiceError;
use wire_shapes_messaging::events;

use super::super::errors::{invalid, not_served};

/// What a request says; an update may leave parts out.
#[derive(Default)]
pub struct Given {
    basic: Option<(Option<String>, Option<String>)>,
    api_key: Option<(Option<String>, Option<String>)>,
    oauth: Option<OAuth>,
    invocation: Option<HttpAdditions>,
}

#[derive(Default)]
struct OAuth {
    client_id: Option<String>,
    client_secret: Option<String>,
    endpoint: Option<String>,
    method: Option<String>,
    additions: Option<HttpAdditions>,
}

type Whole = (Authorization, ConnectionSecrets);

/// The parameters of a creation and of an update have the same members, in shapes of their own.
macro_rules! given {
    ($input:expr) => {{
        let input = $input;
        if input.connectivity_parameters.is_some() {
            return Err(not_served("ConnectivityParameters (private APIs)"));
        }
        Ok(Given {
            basic: input.basic_auth_parameters.map(|one| (one.username, one.password)),
            api_key: input.api_key_auth_parameters.map(|one| (one.api_key_name, one.api_key_value)),
            oauth: input.o_auth_parameters.map(|one| {
                let client = one.client_parameters.unwrap_or_default();
                OAuth {
                    client_id: client.client_id,
                    client_secret: client.client_secret,
                    endpoint: one.authorization_endpoint,
                    method: one.http_method.map(|method| method.to_string()),
                    additions: one.o_auth_http_parameters.map(additions),
                }
            }),
            invocation: input.invocation_http_parameters.map(additions),
        })
    }};
}

impl Given {
    pub fn of_create(input: events::CreateConnectionAuthRequestParameters) -> Result<Self, ServiceError> {
        given!(input)
    }

    pub fn of_update(input: events::UpdateConnectionAuthRequestParameters) -> Result<Self, ServiceError> {
        given!(input)
    }

    /// All parameters of the kind must be there.
    pub fn whole(self, kind: &str) -> Result<Whole, ServiceError> {
        let invocation = self.invocation.unwrap_or_default();
        let missing = |what: &str| {
            invalid(format!("Parameter AuthParameters is not valid. Reason: {kind} needs {what}."))
        };
        let (shown, secret, token_request) = match (kind, self.basic, self.api_key, self.oauth) {
            ("BASIC", Some((Some(username), Some(password))), None, None) => {
                (AuthorizationKind::Basic { username }, password, HttpAdditions::default())
            }
            ("API_KEY", None, Some((Some(name), Some(value))), None) => {
                (AuthorizationKind::ApiKey { name }, value, HttpAdditions::default())
            }
            ("OAUTH_CLIENT_CREDENTIALS", None, None, Some(oauth)) => {
                let token_request = oauth.additions.unwrap_or_default();
                let client_id =
                    oauth.client_id.ok_or_else(|| missing("OAuthParameters.ClientParameters.ClientID"))?;
                let endpoint =
                    oauth.endpoint.ok_or_else(|| missing("OAuthParameters.AuthorizationEndpoint"))?;
                check_endpoint(&endpoint)?;
                let method = oauth.method.ok_or_else(|| missing("OAuthParameters.HttpMethod"))?;
                if !matches!(method.as_str(), "GET" | "POST" | "PUT") {
                    return Err(missing("an HttpMethod of GET, POST or PUT"));
                }
                let secret = oauth
                    .client_secret
                    .ok_or_else(|| missing("OAuthParameters.ClientParameters.ClientSecret"))?;
                let additions = token_request.without_secrets();
                (AuthorizationKind::OAuth { client_id, endpoint, method, additions }, secret, token_request)
            }
            _ => return Err(missing("its own parameters, all of them, and no others")),
        };
        Ok((
            Authorization { kind: shown, invocation: invocation.without_secrets() },
            ConnectionSecrets { secret, invocation, token_request },
        ))
    }

    /// What isn't given stays, as long as the kind does.
    pub fn merged(
        &self,
        kind: Option<&str>,
        shown: &Authorization,
        before: Option<ConnectionSecrets>,
    ) -> Result<Whole, ServiceError> {
        let known = kind_of(shown);
        let kind = kind.unwrap_or(known);
        let secret = before.as_ref().map(|before| before.secret.clone()).filter(|_| kind == known);
        let invocation =
            self.invocation.clone().or_else(|| before.as_ref().map(|one| one.invocation.clone()));
        let mut whole = Given { invocation, ..Given::default() };
        match (kind, &shown.kind) {
            ("BASIC", known) => {
                let given = self.basic.clone().unwrap_or_default();
                let username = match known {
                    AuthorizationKind::Basic { username } => Some(username.clone()),
                    _ => None,
                };
                whole.basic = Some((given.0.or(username), given.1.or(secret)));
            }
            ("API_KEY", known) => {
                let given = self.api_key.clone().unwrap_or_default();
                let name = match known {
                    AuthorizationKind::ApiKey { name } => Some(name.clone()),
                    _ => None,
                };
                whole.api_key = Some((given.0.or(name), given.1.or(secret)));
            }
            (_, known) => {
                let given = self.oauth.as_ref();
                let mut oauth = OAuth {
                    additions: before.map(|before| before.token_request),
                    client_secret: secret,
                    ..OAuth::default()
                };
                if let AuthorizationKind::OAuth { client_id, endpoint, method, .. } = known {
                    oauth.client_id = Some(client_id.clone());
                    oauth.endpoint = Some(endpoint.clone());
                    oauth.method = Some(method.clone());
                }
                if let Some(given) = given {
                    oauth.client_id = given.client_id.clone().or(oauth.client_id);
                    oauth.client_secret = given.client_secret.clone().or(oauth.client_secret);
                    oauth.endpoint = given.endpoint.clone().or(oauth.endpoint);
                    oauth.method = given.method.clone().or(oauth.method);
                    oauth.additions = given.additions.clone().or(oauth.additions);
                }
                whole.oauth = Some(oauth);
            }
        }
        whole.whole(kind)
    }
}

pub fn kind_of(shown: &Authorization) -> &'static str {
    match shown.kind {
        AuthorizationKind::Basic { .. } => "BASIC",
        AuthorizationKind::ApiKey { .. } => "API_KEY",
        AuthorizationKind::OAuth { .. } => "OAUTH_CLIENT_CREDENTIALS",
    }
}

/// AWS wants HTTPS; an installation's own services may be reached by HTTP within it.
pub fn check_endpoint(url: &str) -> Result<(), ServiceError> {
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let is_plain = url.bytes().all(|byte| byte.is_ascii_graphic());
    match host {
        Some(host) if is_plain && !host.is_empty() && !host.starts_with('/') && url.len() <= 2_048 => Ok(()),
        _ => Err(invalid(format!("{url} is no valid endpoint: it must be an https or http URL."))),
    }
}

fn additions(input: events::ConnectionHttpParameters) -> HttpAdditions {
    let addition = |key: Option<String>, value: Option<String>, is_secret: Option<bool>| Addition {
        key: key.unwrap_or_default(),
        value: value.unwrap_or_default(),
        is_secret: is_secret.unwrap_or(false),
    };
    let headers = input.header_parameters.unwrap_or_default().into_iter();
    let query = input.query_string_parameters.unwrap_or_default().into_iter();
    let body = input.body_parameters.unwrap_or_default().into_iter();
    HttpAdditions {
        headers: headers.map(|one| addition(one.key, one.value, one.is_value_secret)).collect(),
        query: query.map(|one| addition(one.key, one.value, one.is_value_secret)).collect(),
        body: body.map(|one| addition(one.key, one.value, one.is_value_secret)).collect(),
    }
}

pub fn shown(authorization: &Authorization) -> events::ConnectionAuthResponseParameters {
    let mut shown = events::ConnectionAuthResponseParameters {
        invocation_http_parameters: additions_shown(&authorization.invocation),
        ..Default::default()
    };
    match authorization.kind.clone() {
        AuthorizationKind::Basic { username } => {
            shown.basic_auth_parameters =
                Some(events::ConnectionBasicAuthResponseParameters { username: Some(username) });
        }
        AuthorizationKind::ApiKey { name } => {
            shown.api_key_auth_parameters =
                Some(events::ConnectionApiKeyAuthResponseParameters { api_key_name: Some(name) });
        }
        AuthorizationKind::OAuth { client_id, endpoint, method, additions } => {
            let client = events::ConnectionOAuthClientResponseParameters { client_id: Some(client_id) };
            shown.o_auth_parameters = Some(events::ConnectionOAuthResponseParameters {
                client_parameters: Some(client),
                authorization_endpoint: Some(endpoint),
                http_method: Some(method.into()),
                o_auth_http_parameters: additions_shown(&additions),
            });
        }
    }
    shown
}

fn additions_shown(additions: &HttpAdditions) -> Option<events::ConnectionHttpParameters> {
    if *additions == HttpAdditions::default() {
        return None;
    }
    let value = |one: &Addition| (!one.is_secret).then(|| one.value.clone());
    let headers = additions.headers.iter().map(|one| events::ConnectionHeaderParameter {
        key: Some(one.key.clone()),
        value: value(one),
        is_value_secret: Some(one.is_secret),
    });
    let query = additions.query.iter().map(|one| events::ConnectionQueryStringParameter {
        key: Some(one.key.clone()),
        value: value(one),
        is_value_secret: Some(one.is_secret),
    });
    let body = additions.body.iter().map(|one| events::ConnectionBodyParameter {
        key: Some(one.key.clone()),
        value: value(one),
        is_value_secret: Some(one.is_secret),
    });
    Some(events::ConnectionHttpParameters {
        header_parameters: Some(headers.collect()),
        query_string_parameters: Some(query.collect()),
        body_parameters: Some(body.collect()),
    })
}
