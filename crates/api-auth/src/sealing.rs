//! The installation's master key, and what it seals.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, KeyInit, Nonce};
use stdx::random::Random;

pub const MASTER_KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;

/// Seals secrets, session tokens and registry tokens. Whoever holds the master key holds every credential.
#[derive(Clone)]
pub struct SessionKeys {
    cipher: ChaCha20Poly1305,
}

/// The sealed text is not one of ours, or not for this purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sealed text was not made with this key for this purpose")]
pub struct UnsealError;

impl SessionKeys {
    pub fn new(master_key: [u8; MASTER_KEY_BYTES]) -> Self {
        Self { cipher: ChaCha20Poly1305::new(&Key::from(master_key)) }
    }

    /// A master key for a first start. The caller keeps it in a file that only its own user can read.
    pub fn generate_master_key(random: &dyn Random) -> [u8; MASTER_KEY_BYTES] {
        let mut key = [0; MASTER_KEY_BYTES];
        random.fill(&mut key);
        key
    }

    /// Standard base64 of nonce and ciphertext. `purpose` must be given again to open it: what was sealed as one thing
    /// can't be passed off as another.
    pub(crate) fn seal(&self, purpose: &str, plain: &[u8], random: &dyn Random) -> String {
        STANDARD_NO_PAD.encode(self.seal_bytes(purpose, plain, random))
    }

    /// As [`SessionKeys::seal`], in the alphabet that needs no escaping in URLs and headers.
    pub(crate) fn seal_url_safe(&self, purpose: &str, plain: &[u8], random: &dyn Random) -> String {
        URL_SAFE_NO_PAD.encode(self.seal_bytes(purpose, plain, random))
    }

    pub(crate) fn open(&self, purpose: &str, sealed: &str) -> Result<Vec<u8>, UnsealError> {
        self.open_bytes(purpose, &STANDARD_NO_PAD.decode(sealed).map_err(|_| UnsealError)?)
    }

    pub(crate) fn open_url_safe(&self, purpose: &str, sealed: &str) -> Result<Vec<u8>, UnsealError> {
        self.open_bytes(purpose, &URL_SAFE_NO_PAD.decode(sealed).map_err(|_| UnsealError)?)
    }

    fn seal_bytes(&self, purpose: &str, plain: &[u8], random: &dyn Random) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        random.fill(&mut nonce);
        let payload = Payload { msg: plain, aad: purpose.as_bytes() };
        // Refused only for more than 256 GiB.
        let sealed = self.cipher.encrypt(&Nonce::from(nonce), payload).expect("a credential is short");
        [nonce.as_slice(), &sealed].concat()
    }

    fn open_bytes(&self, purpose: &str, bytes: &[u8]) -> Result<Vec<u8>, UnsealError> {
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(UnsealError)?;
        let payload = Payload { msg: sealed, aad: purpose.as_bytes() };
        self.cipher.decrypt(&Nonce::from(*nonce), payload).map_err(|_| UnsealError)
    }
}

impl fmt::Debug for SessionKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SessionKeys(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stdx::random::SystemRandom;

    #[test]
    fn what_is_sealed_opens_for_its_purpose_alone() {
        let keys = SessionKeys::new([7; 32]);
        let sealed = keys.seal("a", b"secret", &SystemRandom);
        assert_eq!(keys.open("a", &sealed).as_deref(), Ok(b"secret".as_slice()));
        assert_eq!(keys.open("b", &sealed), Err(UnsealError));
        assert_eq!(SessionKeys::new([8; 32]).open("a", &sealed), Err(UnsealError));
        let mut tampered = sealed.into_bytes();
        let last = tampered.len() - 2;
        tampered[last] = if tampered[last] == b'A' { b'B' } else { b'A' };
        assert_eq!(keys.open("a", &String::from_utf8(tampered).unwrap()), Err(UnsealError));
        assert_eq!(keys.open("a", ""), Err(UnsealError));
        assert_eq!(keys.open("a", "*"), Err(UnsealError));
    }
}
