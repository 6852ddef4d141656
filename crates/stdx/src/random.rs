//! Randomness as an argument: identifiers and secrets come from a [`Random`], seeded in tests and simulations.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// A source of random bytes.
pub trait Random: Send + Sync + fmt::Debug + 'static {
    fn fill(&self, bytes: &mut [u8]);
}

pub type SharedRandom = Arc<dyn Random>;

/// The kernel's generator: fit for secrets.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemRandom;

impl SystemRandom {
    pub fn shared() -> SharedRandom {
        Arc::new(Self)
    }
}

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        // Without entropy no identifier and no secret can be made: going on would be worse than stopping.
        getrandom::fill(bytes).expect("the kernel's random source answers");
    }
}

/// A repeatable generator (SplitMix64) for tests and simulations; never for secrets.
#[derive(Debug)]
pub struct SeededRandom {
    state: Mutex<u64>,
}

impl SeededRandom {
    pub fn shared(seed: u64) -> SharedRandom {
        Arc::new(Self { state: Mutex::new(seed) })
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for chunk in bytes.chunks_mut(8) {
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = *state;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^= mixed >> 31;
            chunk.copy_from_slice(&mixed.to_le_bytes()[..chunk.len()]);
        }
    }
}

pub fn u64(random: &dyn Random) -> u64 {
    let mut bytes = [0; 8];
    random.fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// A number in `0..bound`. The bias of the modulo is below 2^-32 for every bound we use.
pub fn below(random: &dyn Random, bound: u64) -> u64 {
    assert!(bound > 0, "a random number below zero does not exist");
    u64(random) % bound
}

/// `length` lowercase hexadecimal digits, as in task ids and resource ids.
pub fn hex(random: &dyn Random, length: usize) -> String {
    from_alphabet(random, b"0123456789abcdef", length)
}

/// `length` decimal digits with no leading zero.
pub fn digits(random: &dyn Random, length: usize) -> String {
    let first = from_alphabet(random, b"123456789", 1);
    first + &from_alphabet(random, b"0123456789", length.saturating_sub(1))
}

/// `length` characters out of `alphabet`.
pub fn from_alphabet(random: &dyn Random, alphabet: &[u8], length: usize) -> String {
    let mut bytes = vec![0; length * 2];
    random.fill(&mut bytes);
    bytes
        .chunks_exact(2)
        .map(|pair| {
            let index = usize::from(u16::from_le_bytes([pair[0], pair[1]])) % alphabet.len();
            char::from(alphabet[index])
        })
        .collect()
}

/// A version 4 UUID in its dashed form.
pub fn uuid(random: &dyn Random) -> String {
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_their_form() {
        let random = SystemRandom;
        let id = uuid(&random);
        assert_eq!(id.len(), 36);
        assert_eq!(&id[14..15], "4");
        assert_eq!(hex(&random, 32).len(), 32);
        assert!(!digits(&random, 19).starts_with('0'));
    }

    #[test]
    fn a_seed_repeats_itself() {
        assert_eq!(uuid(&*SeededRandom::shared(7)), uuid(&*SeededRandom::shared(7)));
        assert_ne!(uuid(&*SeededRandom::shared(7)), uuid(&*SeededRandom::shared(8)));
    }
}
