//! Requests without a signature that SNS takes: the links in its messages, which people open.

use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{Method, Uri};
use percent_encoding::percent_decode_str;
use state_model::Scope;
use state_model::sns::{Subscription, TopicName};

/// Where the topic is that such a request names; none for every other request.
pub fn scope(parts: &Parts) -> Option<Scope> {
    let is_signed =
        parts.headers.contains_key(AUTHORIZATION) || parameter(&parts.uri, "X-Amz-Signature").is_some();
    if parts.method != Method::GET || parts.uri.path() != "/" || is_signed {
        return None;
    }
    let topic = match parameter(&parts.uri, "Action")?.as_str() {
        "ConfirmSubscription" => parameter(&parts.uri, "TopicArn")?,
        "Unsubscribe" => {
            let subscription = parameter(&parts.uri, "SubscriptionArn")?;
            Subscription::key_of_arn(&subscription)?;
            subscription.rsplit_once(':')?.0.to_owned()
        }
        _ => return None,
    };
    TopicName::parse(&topic).map(|name| name.scope)
}

fn parameter(uri: &Uri, name: &str) -> Option<String> {
    let mut pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(key, _)| *key == name)?;
    Some(percent_decode_str(value).decode_utf8().ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn only_links_of_messages_need_no_signature() {
        let topic = "arn:aws:sns:eu-west-1:000000000000:alerts";
        let id = "6b0e71bd-7e97-4d97-80ce-4a0994e55286";
        for (method, query, allowed) in [
            ("GET", format!("Action=ConfirmSubscription&TopicArn={topic}&Token=1"), true),
            ("GET", format!("Action=ConfirmSubscription&TopicArn={}", topic.replace(':', "%3A")), true),
            ("GET", format!("Action=Unsubscribe&SubscriptionArn={topic}:{id}"), true),
            ("GET", format!("Action=Unsubscribe&SubscriptionArn={topic}"), false),
            ("GET", format!("Action=Publish&TopicArn={topic}"), false),
            ("GET", format!("Action=ConfirmSubscription&TopicArn={topic}&X-Amz-Signature=1"), false),
            ("POST", format!("Action=ConfirmSubscription&TopicArn={topic}"), false),
        ] {
            let request =
                Request::builder().method(method).uri(format!("/?{query}")).body(()).expect("a request");
            let found = scope(&request.into_parts().0);
            assert_eq!(found, allowed.then(|| Scope::new("000000000000", "eu-west-1")), "{query}");
        }
    }
}
