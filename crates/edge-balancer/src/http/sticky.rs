//! Cookies that keep a client with its target or its target group.
//!
//! What they say is encrypted and bound to its purpose and group, so that a client can neither read where it goes nor choose.

use std::cell::Cell;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use http::HeaderMap;
use http::header::{self, HeaderValue};
use stdx::random::{self, Random};

pub const TARGET: &str = "AWSALB";
pub const TARGET_CORS: &str = "AWSALBCORS";
pub const GROUP: &str = "AWSALBTG";
pub const GROUP_CORS: &str = "AWSALBTGCORS";
pub const APPLICATION: &str = "AWSALBAPP-0";

/// "The expiry of the cookie is seven days, and can't be changed": what it says inside ends when the attribute says.
const COOKIE_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);

const NONCE_BYTES: usize = 12;

pub struct Sealer {
    cipher: ChaCha20Poly1305,
    prefix: [u8; 4],
    count: Cell<u64>,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Sealer").finish_non_exhaustive()
    }
}

impl Sealer {
    /// The key is the same for every balancer of this installation, also after a restart.
    pub fn new(key: &[u8; 32], random: &dyn Random) -> Sealer {
        let mut prefix = [0; 4];
        random.fill(&mut prefix);
        Sealer { cipher: ChaCha20Poly1305::new(key.into()), prefix, count: Cell::new(random::u64(random)) }
    }

    /// `purpose` is the group or the rule that the cookie is for.
    pub fn seal(&self, purpose: &str, content: &str, expires_secs: u64) -> String {
        let count = self.count.get().wrapping_add(1);
        self.count.set(count);
        let mut nonce = [0; NONCE_BYTES];
        nonce[..4].copy_from_slice(&self.prefix);
        nonce[4..].copy_from_slice(&count.to_le_bytes());
        let mut plain = expires_secs.to_le_bytes().to_vec();
        plain.extend_from_slice(content.as_bytes());
        let payload = Payload { msg: &plain, aad: purpose.as_bytes() };
        let mut sealed = nonce.to_vec();
        // Encryption fails for texts of gigabytes alone; a cookie that says nothing is one that nobody can read.
        sealed.extend(self.cipher.encrypt(Nonce::from_slice(&nonce), payload).unwrap_or_default());
        STANDARD_NO_PAD.encode(sealed)
    }

    /// None: expired, made for something else, or not by us.
    pub fn open(&self, purpose: &str, cookie: &[u8], now_secs: u64) -> Option<String> {
        let sealed = STANDARD_NO_PAD.decode(cookie).ok()?;
        let (nonce, rest) = sealed.split_at_checked(NONCE_BYTES)?;
        let payload = Payload { msg: rest, aad: purpose.as_bytes() };
        let plain = self.cipher.decrypt(Nonce::from_slice(nonce), payload).ok()?;
        let (expires, content) = plain.split_first_chunk::<8>()?;
        if u64::from_le_bytes(*expires) < now_secs {
            return None;
        }
        String::from_utf8(content.to_vec()).ok()
    }
}

/// The value of a cookie that the client sent; the first of them when it sent two.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    let fields = headers.get_all(header::COOKIE).into_iter();
    let mut pairs = fields.flat_map(|field| field.as_bytes().split(|byte| *byte == b';'));
    pairs.find_map(|pair| pair.trim_ascii_start().strip_prefix(name.as_bytes())?.strip_prefix(b"="))
}

/// Whether a response sets a cookie of this name.
pub fn sets_cookie(headers: &HeaderMap, name: &str) -> bool {
    let mut fields = headers.get_all(header::SET_COOKIE).into_iter();
    fields.any(|field| {
        let rest = field.as_bytes().trim_ascii_start().strip_prefix(name.as_bytes());
        rest.is_some_and(|rest| rest.trim_ascii_start().starts_with(b"="))
    })
}

/// The two cookies that say the same, for pages of this site and of others.
pub fn set_cookies(
    name: &str,
    cors_name: &str,
    value: &str,
    now_secs: u64,
    is_tls: bool,
) -> [HeaderValue; 2] {
    let expires = http_date(now_secs + COOKIE_LIFE.as_secs());
    let secure = if is_tls { "; Secure" } else { "" };
    [
        set_cookie(&format!("{name}={value}; Expires={expires}; Path=/")),
        set_cookie(&format!("{cors_name}={value}; Expires={expires}; Path=/; SameSite=None{secure}")),
    ]
}

pub fn set_cookie(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
pub fn http_date(epoch_secs: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (day, second) = (epoch_secs / 86_400, epoch_secs % 86_400);
    let (year, month, of_month) = civil(day);
    format!(
        "{}, {of_month:02} {} {year} {:02}:{:02}:{:02} GMT",
        DAYS[(day % 7) as usize],
        MONTHS[month as usize - 1],
        second / 3600,
        second / 60 % 60,
        second % 60,
    )
}

/// Year, month and day of a number of days since 1970: Howard Hinnant's `civil_from_days`, for days that aren't negative.
pub fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use stdx::random::SeededRandom;

    use super::*;

    fn sealer(key: u8) -> Sealer {
        Sealer::new(&[key; 32], &*SeededRandom::shared(3))
    }

    #[test]
    fn a_cookie_is_read_by_its_maker_alone() {
        let sealed = sealer(1).seal("group", "10.0.0.1:80", 100);
        let check = |key, purpose, cookie: &str, now, expected: Option<&str>| {
            assert_eq!(sealer(key).open(purpose, cookie.as_bytes(), now).as_deref(), expected);
        };
        check(1, "group", &sealed, 100, Some("10.0.0.1:80"));
        check(1, "group", &sealed, 101, None);
        check(1, "other", &sealed, 100, None);
        check(2, "group", &sealed, 100, None);
        check(1, "group", &sealed[1..], 100, None);
        check(1, "group", "", 100, None);
        check(1, "group", "_remove_", 100, None);
        assert_ne!(sealed, sealer(1).seal("group", "10.0.0.1:80", 101));
    }

    #[test]
    fn cookies_are_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=b; AWSALBCORS=y; AWSALB=x=="));
        headers.append(header::SET_COOKIE, HeaderValue::from_static("session=1; Path=/"));
        assert_eq!(cookie(&headers, "AWSALB"), Some(&b"x=="[..]));
        assert_eq!(cookie(&headers, "AWSAL"), None);
        assert!(sets_cookie(&headers, "session"));
        assert!(!sets_cookie(&headers, "sess"));
    }

    #[test]
    fn dates_are_those_of_http() {
        for (epoch, text) in [
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_767_225_599, "Wed, 31 Dec 2025 23:59:59 GMT"),
        ] {
            assert_eq!(http_date(epoch), text);
        }
    }
}
