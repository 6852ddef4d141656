//! Mails: through a relay, or into a directory where none is configured.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::AsyncSmtpTransport;
use lettre::{AsyncTransport, Tokio1Executor};
use stdx::clock::Timestamp;
use stdx_async::supervisor;

use crate::failure::Failure;
use crate::limits::{MAIL_TIME_MAX, OUTBOX_AGE_MAX, OUTBOX_FILES_MAX};

#[derive(Clone, Debug)]
pub struct Email<'a> {
    /// Names the mail: the same one has the same id however often it is tried.
    pub id: &'a str,
    pub from_name: &'a str,
    pub to: &'a str,
    pub subject: &'a str,
    pub body: &'a str,
    pub now: Timestamp,
}

#[derive(Debug, thiserror::Error)]
pub enum MailerError {
    #[error("{0:?} is not the address of a relay: smtp://HOST:PORT or smtps://HOST:PORT")]
    Relay(String),
    #[error("{0:?} is not a mail address")]
    From(String),
}

/// Where mails go.
pub struct Mailer {
    from: Mailbox,
    way: Way,
}

enum Way {
    Relay(Box<AsyncSmtpTransport<Tokio1Executor>>),
    Outbox(PathBuf),
}

impl std::fmt::Debug for Mailer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Mailer").field("from", &self.from).finish_non_exhaustive()
    }
}

impl Mailer {
    /// `relay` as `smtp://[USER:PASSWORD@]HOST:PORT` (TLS where the relay offers it) or `smtps://…`; `outbox` is where mails
    /// are kept without one.
    pub fn new(relay: Option<&str>, from: &str, outbox: PathBuf) -> Result<Self, MailerError> {
        let from = from.parse().map_err(|_| MailerError::From(from.to_owned()))?;
        let Some(relay) = relay else { return Ok(Self { from, way: Way::Outbox(outbox) }) };
        let invalid = || MailerError::Relay(relay.to_owned());
        if !(relay.starts_with("smtp://") || relay.starts_with("smtps://")) {
            return Err(invalid());
        }
        let url = match relay.strip_prefix("smtp://") {
            Some(_) if !relay.contains('?') => format!("{}?tls=opportunistic", relay.trim_end_matches('/')),
            _ => relay.to_owned(),
        };
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(&url).map_err(|_| invalid())?;
        let transport = transport.timeout(Some(MAIL_TIME_MAX)).build();
        Ok(Self { from, way: Way::Relay(Box::new(transport)) })
    }

    pub async fn send(&self, email: Email<'_>) -> Result<(), Failure> {
        let message = self.message(&email)?;
        match &self.way {
            Way::Relay(transport) => {
                let sent = tokio::time::timeout(MAIL_TIME_MAX, transport.send(message)).await;
                match sent.map_err(|_| Failure::passing("the relay doesn't answer"))? {
                    Ok(_) => Ok(()),
                    Err(error) if error.is_permanent() => {
                        Err(Failure::lasting(format!("the relay refuses: {error}")))
                    }
                    Err(error) => Err(Failure::passing_error(&error)),
                }
            }
            Way::Outbox(directory) => {
                let (directory, now) = (directory.clone(), email.now);
                let name = format!("{:015}-{}.eml", now.as_millis(), email.id);
                let kept =
                    supervisor::blocking(move || keep(&directory, &name, &message.formatted(), now)).await;
                kept.map_err(|error| Failure::passing(format!("the outbox can't be written: {error}")))
            }
        }
    }

    fn message(&self, email: &Email<'_>) -> Result<Message, Failure> {
        let unusable =
            |what: &str, error: &dyn std::fmt::Display| Failure::lasting(format!("{what}: {error}"));
        let to: Mailbox = email.to.parse().map_err(|error| unusable(email.to, &error))?;
        let from = Mailbox::new(Some(email.from_name.to_owned()), self.from.email.clone());
        let millis = u64::try_from(email.now.as_millis()).unwrap_or(0);
        Message::builder()
            .from(from)
            .to(to)
            .subject(email.subject)
            .date(UNIX_EPOCH + Duration::from_millis(millis))
            .message_id(Some(format!("<{}@{}>", email.id, self.from.email.domain())))
            .header(ContentType::TEXT_PLAIN)
            .body(email.body.to_owned())
            .map_err(|error| unusable("the mail can't be made", &error))
    }
}

/// Writes the mail whole or not at all, and removes what is too old or too much.
fn keep(directory: &Path, name: &str, bytes: &[u8], now: Timestamp) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let temporary = directory.join(format!("{name}.new"));
    let mut file = fs::File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, directory.join(name))?;
    prune(directory, now)
}

/// Names begin with the time, so that they sort by it.
fn prune(directory: &Path, now: Timestamp) -> io::Result<()> {
    let names = fs::read_dir(directory)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".eml")).collect();
    names.sort_unstable();
    let excess = names.len().saturating_sub(OUTBOX_FILES_MAX);
    let oldest = format!("{:015}", now.minus(OUTBOX_AGE_MAX).as_millis());
    for (index, name) in names.iter().enumerate() {
        if index < excess || name.as_str() < oldest.as_str() {
            fs::remove_file(directory.join(name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(now: Timestamp) -> Email<'static> {
        Email {
            id: "m-1",
            from_name: "Ops, \"Team\"",
            to: "a@example.com",
            subject: "Größe",
            body: "Hot\n",
            now,
        }
    }

    #[tokio::test]
    async fn the_outbox_keeps_mails_for_their_time() {
        let directory = tempfile::tempdir().expect("a directory");
        let outbox = directory.path().join("outbox");
        let mailer = Mailer::new(None, "no-reply@neargate.internal", outbox.clone()).expect("a mailer");
        let start = Timestamp::from_secs(1_767_225_600);
        mailer.send(email(start)).await.expect("a mail");
        let names = || fs::read_dir(&outbox).expect("the outbox").count();
        let file = fs::read_dir(&outbox).expect("the outbox").next().expect("a mail").expect("a mail").path();
        let text = fs::read_to_string(file).expect("a text");
        assert!(text.contains("To: a@example.com") && text.contains("Hot"), "{text}");
        mailer.send(email(start.plus(OUTBOX_AGE_MAX).plus(Duration::from_secs(1)))).await.expect("a mail");
        assert_eq!(names(), 1);
    }

    #[tokio::test]
    async fn addresses_are_checked() {
        assert!(Mailer::new(Some("http://relay"), "a@b.example", PathBuf::new()).is_err());
        assert!(Mailer::new(Some("smtp://127.0.0.1:25"), "nobody", PathBuf::new()).is_err());
        assert!(Mailer::new(Some("smtp://127.0.0.1:25"), "a@b.example", PathBuf::new()).is_ok());
        assert!(Mailer::new(Some("smtps://u:p@relay.example"), "a@b.example", PathBuf::new()).is_ok());
        let mailer = Mailer::new(None, "a@b.example", PathBuf::from("/nonexistent")).expect("a mailer");
        let bad = Email { to: "nobody", ..email(Timestamp(0)) };
        assert_eq!(mailer.send(bad).await.map_err(|failure| failure.may_pass), Err(false));
    }
}
