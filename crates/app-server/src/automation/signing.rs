//! The key that SNS's messages are signed with, and its certificate, which subscribers fetch.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use rsa::RsaPrivateKey;
use rsa::pkcs1v15::Pkcs1v15Sign;
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey, LineEnding};
use rsa::rand_core::{CryptoRng, RngCore};
use rsa::sha2::{Digest, Sha256};
use sha1::Sha1;
use state_model::sns::SignatureVersion;
use state_model::sns::notification::Signer;
use stdx::clock::{SharedClock, Timestamp};
use stdx::random::SharedRandom;
use stdx_net::tls::authority::Authority;

use crate::data_dir::write_private;

const KEY_BITS: usize = 2_048;
/// Before its end: certificates of the authority live for 397 days.
const CERTIFICATE_RENEWAL: Duration = Duration::from_secs(300 * 86_400);
const PATH_PREFIX: &str = "/SimpleNotificationService-";

/// Signs with a key that is made when the first message is signed, and kept.
pub struct MessageSigner {
    pub key_file: PathBuf,
    pub authority: Arc<Authority>,
    /// Where subscribers reach the installation, without a trailing slash.
    pub endpoint: String,
    pub clock: SharedClock,
    pub random: SharedRandom,
    pub key: OnceLock<Key>,
    pub certificate: Mutex<Option<(String, Timestamp)>>,
}

pub struct Key {
    private: RsaPrivateKey,
    pem: String,
    /// Names the key, and stays the same when its certificate is renewed.
    id: String,
}

impl fmt::Debug for MessageSigner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("MessageSigner").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
enum KeyError {
    #[error("a key can't be made or written as text")]
    Rsa(#[from] rsa::Error),
    #[error("the key can't be written as text")]
    Private(#[from] rsa::pkcs8::Error),
    #[error("the public key can't be written")]
    Public(#[from] rsa::pkcs8::spki::Error),
}

impl MessageSigner {
    fn key(&self) -> &Key {
        self.key.get_or_init(|| {
            // Without a key nothing can be told to anybody; looking for primes fails only without randomness.
            self.load().unwrap_or_else(|| self.make().expect("a key of 2,048 bits can be made"))
        })
    }

    fn load(&self) -> Option<Key> {
        let pem = std::fs::read_to_string(&self.key_file).ok()?;
        match RsaPrivateKey::from_pkcs8_pem(&pem) {
            Ok(private) => Key::new(private, pem).ok(),
            Err(error) => {
                tracing::warn!(%error, "the key of SNS's signatures is damaged; another one is made");
                None
            }
        }
    }

    fn make(&self) -> Result<Key, KeyError> {
        let private = RsaPrivateKey::new(&mut Kernel(Arc::clone(&self.random)), KEY_BITS)?;
        let pem = private.to_pkcs8_pem(LineEnding::LF)?.to_string();
        if let Err(error) = write_private(&self.key_file, pem.as_bytes()) {
            tracing::warn!(%error, "the key of SNS's signatures can't be kept; the next start makes another one");
        }
        Key::new(private, pem)
    }

    /// The certificate, where `path` is its own.
    pub fn certificate_at(&self, path: &str) -> Option<String> {
        let id = path.strip_prefix(PATH_PREFIX)?.strip_suffix(".pem")?;
        // Made by the first message: before, nobody has its address.
        let is_made = self.key.get().is_some() || self.key_file.exists();
        if !is_made || id != self.key().id {
            return None;
        }
        let now = self.clock.now();
        let mut kept = self.certificate.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((pem, issued_at)) = &*kept
            && now.since(*issued_at) < CERTIFICATE_RENEWAL
        {
            return Some(pem.clone());
        }
        let names = ["sns.amazonaws.com".to_owned()];
        match self.authority.certify(&names, &self.key().pem, now, &*self.random) {
            Ok(pem) => {
                *kept = Some((pem.clone(), now));
                Some(pem)
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "no certificate for SNS's signatures"
                );
                None
            }
        }
    }
}

impl Key {
    fn new(private: RsaPrivateKey, pem: String) -> Result<Self, KeyError> {
        let public = private.to_public_key().to_public_key_der()?;
        let digest = Sha256::digest(public.as_bytes());
        let id = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { private, pem, id })
    }
}

impl Signer for MessageSigner {
    fn sign(&self, version: SignatureVersion, text: &str) -> String {
        use base64::Engine;
        let private = &self.key().private;
        // Blinded, so that its time tells nothing.
        let mut random = Kernel(Arc::clone(&self.random));
        let signature = match version {
            SignatureVersion::One => {
                private.sign_with_rng(&mut random, Pkcs1v15Sign::new::<Sha1>(), &Sha1::digest(text))
            }
            SignatureVersion::Two => {
                private.sign_with_rng(&mut random, Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(text))
            }
        };
        let signature = signature.expect("a key of 2,048 bits signs every digest");
        base64::engine::general_purpose::STANDARD.encode(signature)
    }

    fn certificate_url(&self) -> String {
        format!("{}{PATH_PREFIX}{}.pem", self.endpoint, self.key().id)
    }

    fn endpoint(&self) -> String {
        self.endpoint.clone()
    }
}

/// The kernel's generator as the cryptography library asks for it.
struct Kernel(SharedRandom);

impl RngCore for Kernel {
    fn next_u32(&mut self) -> u32 {
        rsa::rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rsa::rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rsa::rand_core::Error> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl CryptoRng for Kernel {}
