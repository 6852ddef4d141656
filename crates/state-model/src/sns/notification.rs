//! What an endpoint is sent: notifications and requests for confirmation, as documents, signed, and in raw form.
//!
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html>

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde_json::{Map, Value};
use stdx::clock::Timestamp;
use stdx::random::Random;

use super::delivery_policy::{self, Effective};
use super::{PendingMessage, Protocol, SignatureVersion, Subscription, Topic};
use crate::delivery::{Action, Delivery, Email, HttpCall};

/// How long an endpoint gets for its answer, as on AWS.
const TIMEOUT_SECS: u32 = 15;
/// Not a header of the mail: what its sender is called.
pub const FROM_NAME: &str = "From-Name";
const USER_AGENT: &str = "Amazon Simple Notification Service Agent";
const SUBJECT_DEFAULT: &str = "AWS Notification Message";

/// Who signs, and where the installation is reached.
pub trait Signer: Send + Sync + Debug {
    /// The signature in base 64.
    fn sign(&self, version: SignatureVersion, text: &str) -> String;
    fn certificate_url(&self) -> String;
    /// Without a trailing slash.
    fn endpoint(&self) -> String;
}

/// What all deliveries of one occasion share.
#[derive(Clone, Copy)]
pub struct Occasion<'a> {
    pub topic: &'a Topic,
    pub signer: &'a dyn Signer,
    pub now: Timestamp,
    pub random: &'a dyn Random,
}

/// A message on its way, with the signature of each text that went to somebody: it is the same for all of them.
pub struct Notification<'a> {
    occasion: Occasion<'a>,
    message: &'a PendingMessage,
    texts: Option<Map<String, Value>>,
    signatures: BTreeMap<String, String>,
}

impl<'a> Notification<'a> {
    pub fn new(occasion: Occasion<'a>, message: &'a PendingMessage) -> Self {
        let texts = message.is_structured.then(|| serde_json::from_str(&message.message).ok()).flatten();
        Self { occasion, message, texts, signatures: BTreeMap::new() }
    }

    /// The text for this protocol.
    fn text(&self, protocol: Protocol) -> String {
        let Some(texts) = &self.texts else { return self.message.message.clone() };
        let text = |name: &str| texts.get(name).and_then(Value::as_str).map(str::to_owned);
        text(protocol.as_str()).or_else(|| text("default")).unwrap_or_default()
    }

    pub fn delivery(&mut self, subscription: &Subscription) -> Delivery {
        let text = self.text(subscription.protocol);
        let occasion = self.occasion;
        let kind = MessageType::Notification;
        if subscription.raw && subscription.protocol.is_http() {
            return http(occasion, subscription, kind, &self.message.id, text, true);
        }
        if subscription.protocol == Protocol::Email {
            let subject = self.message.subject.as_deref().unwrap_or(SUBJECT_DEFAULT);
            let body = format!(
                "{text}\n\n--\nTo stop receiving notifications from this topic, visit:\n{}\n",
                unsubscribe_url(occasion.signer, subscription)
            );
            return email(occasion, subscription, kind, subject, body);
        }
        let document = self.document(subscription, &text);
        match subscription.protocol {
            Protocol::EmailJson => {
                let subject = self.message.subject.as_deref().unwrap_or(SUBJECT_DEFAULT);
                email(occasion, subscription, kind, subject, document)
            }
            _ => http(occasion, subscription, kind, &self.message.id, document, false),
        }
    }

    fn document(&mut self, subscription: &Subscription, text: &str) -> String {
        let Occasion { topic, signer, .. } = self.occasion;
        let message = self.message;
        let (arn, timestamp) = (topic.arn(), message.accepted_at.to_rfc3339_millis());
        let version = topic.signature_version;
        if !self.signatures.contains_key(text) {
            let mut signed = vec![("Message", text), ("MessageId", &message.id)];
            signed.extend(message.subject.as_deref().map(|subject| ("Subject", subject)));
            signed.extend([("Timestamp", timestamp.as_str()), ("TopicArn", &arn), ("Type", "Notification")]);
            self.signatures.insert(text.to_owned(), signer.sign(version, &to_sign(&signed)));
        }
        let signature = self.signatures.get(text).cloned().unwrap_or_default();
        let mut fields = vec![("Type", "Notification".to_owned()), ("MessageId", message.id.clone())];
        fields.push(("TopicArn", arn));
        fields.extend(message.subject.clone().map(|subject| ("Subject", subject)));
        fields.extend([
            ("Message", text.to_owned()),
            ("Timestamp", timestamp),
            ("SignatureVersion", version.as_str().to_owned()),
            ("Signature", signature),
            ("SigningCertURL", signer.certificate_url()),
            ("UnsubscribeURL", unsubscribe_url(signer, subscription)),
        ]);
        let mut document =
            fields.into_iter().map(|(name, value)| (name, Value::String(value))).collect::<Vec<_>>();
        if !message.attributes.is_empty() {
            let attributes = message.attributes.iter().map(|(name, attribute)| {
                let value = serde_json::json!({ "Type": attribute.data_type, "Value": attribute.value });
                (name.clone(), value)
            });
            document.push(("MessageAttributes", Value::Object(attributes.collect())));
        }
        render(&document)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageType {
    Notification,
    SubscriptionConfirmation,
    UnsubscribeConfirmation,
}

impl MessageType {
    fn as_str(self) -> &'static str {
        match self {
            Self::Notification => "Notification",
            Self::SubscriptionConfirmation => "SubscriptionConfirmation",
            Self::UnsubscribeConfirmation => "UnsubscribeConfirmation",
        }
    }
}

/// Asks the endpoint's owner whether it wants to be subscribed, or tells that it no longer is.
pub fn confirmation(occasion: Occasion<'_>, subscription: &Subscription, kind: MessageType) -> Delivery {
    let Occasion { topic, signer, now, random } = occasion;
    let token = subscription.confirmation.as_ref().map(|found| found.token.as_str()).unwrap_or_default();
    let (arn, id, timestamp) = (topic.arn(), stdx::random::uuid(random), now.to_rfc3339_millis());
    let url = format!("{}/?Action=ConfirmSubscription&TopicArn={arn}&Token={token}", signer.endpoint());
    let text = match kind {
        MessageType::UnsubscribeConfirmation => format!(
            "You have chosen to deactivate subscription {}.\nTo cancel this operation and restore the subscription, \
             visit the SubscribeURL included in this message.",
            subscription.arn()
        ),
        _ => format!(
            "You have chosen to subscribe to the topic {arn}.\nTo confirm the subscription, visit the SubscribeURL \
             included in this message."
        ),
    };
    if subscription.protocol == Protocol::Email {
        let (subject, body) = match kind {
            MessageType::UnsubscribeConfirmation => {
                let body = format!(
                    "Your subscription to the topic below has been removed:\n{arn}\n\nTo restore it, visit:\n{url}\n"
                );
                ("AWS Notification - Unsubscribe Confirmation", body)
            }
            _ => {
                let body = format!(
                    "You have chosen to subscribe to the topic:\n{arn}\n\nTo confirm this subscription, visit:\n{url}\n"
                );
                ("AWS Notification - Subscription Confirmation", body)
            }
        };
        return email(occasion, subscription, kind, subject, body);
    }
    let signed = [
        ("Message", text.as_str()),
        ("MessageId", &id),
        ("SubscribeURL", &url),
        ("Timestamp", &timestamp),
        ("Token", token),
        ("TopicArn", &arn),
        ("Type", kind.as_str()),
    ];
    let signature = signer.sign(topic.signature_version, &to_sign(&signed));
    let fields = [
        ("Type", kind.as_str().to_owned()),
        ("MessageId", id.clone()),
        ("Token", token.to_owned()),
        ("TopicArn", arn.clone()),
        ("Message", text.clone()),
        ("SubscribeURL", url.clone()),
        ("Timestamp", timestamp.clone()),
        ("SignatureVersion", topic.signature_version.as_str().to_owned()),
        ("Signature", signature),
        ("SigningCertURL", signer.certificate_url()),
    ];
    let document = render(&fields.map(|(name, value)| (name, Value::String(value))));
    match subscription.protocol {
        Protocol::EmailJson => {
            email(occasion, subscription, kind, "AWS Notification - Confirmation", document)
        }
        _ => http(occasion, subscription, kind, &id, document, false),
    }
}

/// Names and values, each on a line of its own.
fn to_sign(fields: &[(&str, &str)]) -> String {
    fields.iter().map(|(name, value)| format!("{name}\n{value}\n")).collect()
}

/// One member on a line, as AWS writes it.
fn render(fields: &[(&str, Value)]) -> String {
    let lines: Vec<String> = fields.iter().map(|(name, value)| format!("  \"{name}\" : {value}")).collect();
    format!("{{\n{}\n}}", lines.join(",\n"))
}

fn unsubscribe_url(signer: &dyn Signer, subscription: &Subscription) -> String {
    format!("{}/?Action=Unsubscribe&SubscriptionArn={}", signer.endpoint(), subscription.arn())
}

fn http(
    occasion: Occasion<'_>,
    subscription: &Subscription,
    kind: MessageType,
    id: &str,
    body: String,
    raw: bool,
) -> Delivery {
    let Occasion { topic, now, random, .. } = occasion;
    let own = subscription.delivery_policy.as_deref();
    let policy: Effective = delivery_policy::effective(topic.delivery_policy.as_deref(), own);
    let mut headers = vec![
        ("x-amz-sns-message-type", kind.as_str().to_owned()),
        ("x-amz-sns-message-id", id.to_owned()),
        ("x-amz-sns-topic-arn", topic.arn()),
    ];
    if kind != MessageType::SubscriptionConfirmation {
        headers.push(("x-amz-sns-subscription-arn", subscription.arn()));
    }
    if raw {
        headers.push(("x-amz-sns-rawdelivery", "true".to_owned()));
    }
    headers.push(("Content-Type", policy.content_type.clone()));
    headers.push(("User-Agent", USER_AGENT.to_owned()));
    let call = HttpCall {
        method: "POST".to_owned(),
        url: subscription.endpoint.clone(),
        headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        body,
        connection: None,
        timeout_secs: TIMEOUT_SECS,
        rate_max: policy.receives_per_second_max,
    };
    Delivery::new(&topic.scope, &subscription.arn(), Action::Http(call), policy.retry(), now, random)
}

fn email(
    occasion: Occasion<'_>,
    subscription: &Subscription,
    kind: MessageType,
    subject: &str,
    body: String,
) -> Delivery {
    let Occasion { topic, now, random, .. } = occasion;
    let mut headers = BTreeMap::from([
        ("x-amz-sns-message-type".to_owned(), kind.as_str().to_owned()),
        ("x-amz-sns-topic-arn".to_owned(), topic.arn()),
    ]);
    let sender =
        if topic.display_name.is_empty() { "AWS Notifications" } else { topic.display_name.as_str() };
    headers.insert(FROM_NAME.to_owned(), sender.to_owned());
    let email = Email { to: subscription.endpoint.clone(), subject: subject.to_owned(), body, headers };
    // A relay that is down comes back within hours.
    let retry = crate::delivery::Retry::of_events(Some(50), Some(6 * 3_600));
    Delivery::new(&topic.scope, &subscription.arn(), Action::Email(email), retry, now, random)
}

#[cfg(test)]
mod tests {
    use stdx::random::SeededRandom;

    use super::*;
    use crate::Scope;
    use crate::sns::SubscriptionStatus;

    /// Signs by repeating.
    #[derive(Debug)]
    struct Echo;

    impl Signer for Echo {
        fn sign(&self, _: SignatureVersion, text: &str) -> String {
            text.to_owned()
        }
        fn certificate_url(&self) -> String {
            "http://here/key.pem".to_owned()
        }
        fn endpoint(&self) -> String {
            "http://here".to_owned()
        }
    }

    fn subscription(protocol: Protocol, raw: bool) -> Subscription {
        Subscription {
            scope: Scope::new("000000000000", "us-east-1"),
            topic: "alerts".into(),
            id: "6b0e71bd-7e97-4d97-80ce-4a0994e55286".into(),
            owner: "000000000000".into(),
            protocol,
            endpoint: "http://there/in".into(),
            status: SubscriptionStatus::Confirmed,
            confirmation: None,
            confirmed_with_signature: false,
            authenticate_on_unsubscribe: false,
            raw,
            filter: None,
            filters_body: false,
            delivery_policy: None,
            created_at: Timestamp(0),
        }
    }

    fn deliver(message: &PendingMessage, subscription: &Subscription) -> Delivery {
        let topic = Topic::new(&subscription.scope, "alerts", Timestamp(0));
        let random = SeededRandom::shared(1);
        let occasion = Occasion { topic: &topic, signer: &Echo, now: Timestamp(0), random: &*random };
        Notification::new(occasion, message).delivery(subscription)
    }

    #[test]
    fn a_notification_is_signed_over_its_fields_in_order() {
        let random = SeededRandom::shared(1);
        let arn = "arn:aws:sns:us-east-1:000000000000:alerts";
        let message = PendingMessage::of_service(arn, "Hot", "50 °C".into(), Timestamp(0), &*random);
        let Action::Http(call) = deliver(&message, &subscription(Protocol::Http, false)).action else {
            panic!("an HTTP call");
        };
        let body: Value = serde_json::from_str(&call.body).expect("JSON");
        let signed = format!(
            "Message\n50 °C\nMessageId\n{}\nSubject\nHot\nTimestamp\n1970-01-01T00:00:00.000Z\nTopicArn\n{arn}\n\
             Type\nNotification\n",
            message.id
        );
        assert_eq!(body["Signature"], signed);
        assert_eq!(body["Message"], "50 °C");
        assert!(call.headers.contains(&("Content-Type".into(), "text/plain; charset=UTF-8".into())));
    }

    #[test]
    fn structured_and_raw_messages_take_the_text_of_their_protocol() {
        let random = SeededRandom::shared(1);
        let text = r#"{"default": "d", "http": "h"}"#;
        let arn = "arn:aws:sns:us-east-1:000000000000:alerts";
        let mut message = PendingMessage::of_service(arn, "s", text.into(), Timestamp(0), &*random);
        message.is_structured = true;
        let body = |protocol| match deliver(&message, &subscription(protocol, true)).action {
            Action::Http(call) => call.body,
            Action::Email(email) => email.body,
            Action::Call(_) => String::new(),
        };
        assert_eq!(body(Protocol::Http), "h");
        assert_eq!(body(Protocol::Https), "d");
        assert!(body(Protocol::Email).starts_with("d\n"));
    }
}
