//! The aliases of public addresses, by which they travel between the host and a VPC.
//!
//! A public address may be the host's own or a loopback address, which no other link may carry. Addresses of
//! 240.0.0.0/4 are nobody's: Linux routes them, and no network uses them.

use std::net::Ipv4Addr;

use crate::config::Cidr;

/// All aliases, and the forms of loopback addresses that speak to a public address.
pub const ALIASES: &str = "240.0.0.0/4";

const LOOPBACK: Cidr = Cidr { address: Ipv4Addr::new(127, 0, 0, 0), prefix: 8 };

/// 127.a.b.c is known as 240.a.b.c, any other x.a.b.c as 241.a.b.c: a pool is not larger than a /8.
pub fn alias_of(public: Ipv4Addr) -> Ipv4Addr {
    let [first, a, b, c] = public.octets();
    Ipv4Addr::new(if first == 127 { 240 } else { 241 }, a, b, c)
}

/// How a block of loopback addresses looks inside a VPC; None for other blocks.
pub fn loopback_form(cidr: Cidr) -> Option<Cidr> {
    let within = cidr.prefix >= LOOPBACK.prefix && LOOPBACK.contains(cidr.address);
    within.then(|| Cidr { address: alias_of(cidr.address), prefix: cidr.prefix })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_and_other_addresses_have_aliases_of_their_own() {
        assert_eq!(alias_of(Ipv4Addr::new(127, 80, 1, 7)), Ipv4Addr::new(240, 80, 1, 7));
        assert_eq!(alias_of(Ipv4Addr::new(203, 0, 113, 7)), Ipv4Addr::new(241, 0, 113, 7));
        let form = |text: &str| loopback_form(text.parse().unwrap()).map(|cidr| cidr.to_string());
        assert_eq!(form("127.0.0.1/32").as_deref(), Some("240.0.0.1/32"));
        assert_eq!(form("127.0.0.0/8").as_deref(), Some("240.0.0.0/8"));
        assert_eq!(form("10.0.0.0/8"), None);
        assert_eq!(form("0.0.0.0/0"), None);
    }
}
