//! The names that a certificate is for: DNS names of its subjectAltName.

/// Object identifier 2.5.29.17.
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];

const SEQUENCE: u8 = 0x30;
const OBJECT_ID: u8 = 0x06;
const OCTET_STRING: u8 = 0x04;
const EXTENSIONS: u8 = 0xa3;
const DNS_NAME: u8 = 0x82;

/// Empty when it has none, or can't be read.
pub fn names(certificate: &[u8]) -> Vec<String> {
    let found = extensions(certificate)
        .and_then(|extensions| children(extensions).find_map(|(tag, extension)| alt_names(tag, extension)));
    let names = found.map(|names| children(names).filter(|(tag, _)| *tag == DNS_NAME));
    names.into_iter().flatten().filter_map(|(_, name)| String::from_utf8(name.to_vec()).ok()).collect()
}

fn extensions(certificate: &[u8]) -> Option<&[u8]> {
    let (_, outer, _) = element(certificate)?;
    let (_, to_be_signed, _) = element(outer)?;
    let (_, tagged) = children(to_be_signed).find(|(tag, _)| *tag == EXTENSIONS)?;
    let (_, list, _) = element(tagged)?;
    Some(list)
}

/// The content of the list of names, when this extension is the one that has it.
fn alt_names(tag: u8, extension: &[u8]) -> Option<&[u8]> {
    if tag != SEQUENCE || !children(extension).any(|part| part == (OBJECT_ID, SUBJECT_ALT_NAME)) {
        return None;
    }
    let (_, octets) = children(extension).find(|(tag, _)| *tag == OCTET_STRING)?;
    let (_, list, _) = element(octets)?;
    Some(list)
}

fn children(content: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = content;
    std::iter::from_fn(move || {
        let (tag, inside, after) = element(rest)?;
        rest = after;
        Some((tag, inside))
    })
}

/// One element of DER: its tag, its content, and what follows it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match *first {
        short @ 0..=0x7f => (usize::from(short), rest),
        long => {
            let count = usize::from(long & 0x7f);
            let (digits, rest) = rest.split_at_checked(count).filter(|_| (1..=4).contains(&count))?;
            (digits.iter().fold(0, |length, digit| (length << 8) | usize::from(*digit)), rest)
        }
    };
    let (content, after) = rest.split_at_checked(length)?;
    Some((*tag, content, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_of_a_certificate() {
        let wanted = ["a.example.com".to_owned(), "*.b.org".to_owned()];
        let made = rcgen::generate_simple_self_signed(wanted.clone()).unwrap();
        assert_eq!(names(made.cert.der()), wanted);
        assert!(names(&made.cert.der()[..100]).is_empty());
        assert!(names(b"").is_empty());
    }
}
