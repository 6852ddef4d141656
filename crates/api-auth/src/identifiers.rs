//! Unique identifiers and key ids, in the form that AWS gives them.
//!
//! Source: "IAM identifiers" in the IAM User Guide.

use stdx::random::{Random, from_alphabet};

const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const SECRET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// `AIDA…`
pub fn user_id(random: &dyn Random) -> String {
    unique("AIDA", 17, random)
}

/// `AROA…`
pub fn role_id(random: &dyn Random) -> String {
    unique("AROA", 17, random)
}

/// `ANPA…`
pub fn policy_id(random: &dyn Random) -> String {
    unique("ANPA", 17, random)
}

/// `AKIA…`: a long-term access key.
pub fn access_key_id(random: &dyn Random) -> String {
    unique("AKIA", 16, random)
}

/// `ASIA…`: the access key of a session.
pub fn session_key_id(random: &dyn Random) -> String {
    unique("ASIA", 16, random)
}

/// Forty characters, 240 bits.
pub fn secret_access_key(random: &dyn Random) -> String {
    from_alphabet(random, SECRET, 40)
}

fn unique(prefix: &str, length: usize, random: &dyn Random) -> String {
    format!("{prefix}{}", from_alphabet(random, BASE32, length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use stdx::random::SystemRandom;

    #[test]
    fn identifiers_have_their_lengths() {
        assert_eq!(user_id(&SystemRandom).len(), 21);
        assert_eq!(access_key_id(&SystemRandom).len(), 20);
        assert_eq!(session_key_id(&SystemRandom).len(), 20);
        assert_eq!(secret_access_key(&SystemRandom).len(), 40);
    }
}
