//! How far a request is from the standard, and what is done with it: "Desync mitigation mode" of the user guide.

use crate::runtime::options::Desync;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    Acceptable,
    Ambiguous,
    Severe,
}

/// Why a request is not compliant, by its name in access logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    AmbiguousUri,
    BadContentLength,
    BadHeader,
    BadMethod,
    BadTransferEncoding,
    BadUri,
    BadVersion,
    BothTeClPresent,
    DuplicateContentLength,
    EmptyHeader,
    GetHeadZeroContentLength,
    MultipleContentLength,
    MultipleTransferEncodingChunked,
    NonCompliantHeader,
    NonCompliantVersion,
    SuspiciousHeader,
    UndefinedContentLengthSemantics,
    UndefinedTransferEncodingSemantics,
}

impl Finding {
    pub fn class(self) -> Class {
        match self {
            Finding::GetHeadZeroContentLength
            | Finding::NonCompliantHeader
            | Finding::NonCompliantVersion => Class::Acceptable,
            Finding::AmbiguousUri
            | Finding::BothTeClPresent
            | Finding::DuplicateContentLength
            | Finding::EmptyHeader
            | Finding::SuspiciousHeader
            | Finding::UndefinedContentLengthSemantics
            | Finding::UndefinedTransferEncodingSemantics => Class::Ambiguous,
            Finding::BadContentLength
            | Finding::BadHeader
            | Finding::BadMethod
            | Finding::BadTransferEncoding
            | Finding::BadUri
            | Finding::BadVersion
            | Finding::MultipleContentLength
            | Finding::MultipleTransferEncodingChunked => Class::Severe,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Finding::AmbiguousUri => "AmbiguousUri",
            Finding::BadContentLength => "BadContentLength",
            Finding::BadHeader => "BadHeader",
            Finding::BadMethod => "BadMethod",
            Finding::BadTransferEncoding => "BadTransferEncoding",
            Finding::BadUri => "BadUri",
            Finding::BadVersion => "BadVersion",
            Finding::BothTeClPresent => "BothTeClPresent",
            Finding::DuplicateContentLength => "DuplicateContentLength",
            Finding::EmptyHeader => "EmptyHeader",
            Finding::GetHeadZeroContentLength => "GetHeadZeroContentLength",
            Finding::MultipleContentLength => "MultipleContentLength",
            Finding::MultipleTransferEncodingChunked => "MultipleTransferEncodingChunked",
            Finding::NonCompliantHeader => "NonCompliantHeader",
            Finding::NonCompliantVersion => "NonCompliantVersion",
            Finding::SuspiciousHeader => "SuspiciousHeader",
            Finding::UndefinedContentLengthSemantics => "UndefinedContentLengthSemantics",
            Finding::UndefinedTransferEncodingSemantics => "UndefinedTransferEncodingSemantics",
        }
    }

    /// The worse of two; the first of equals.
    pub fn worst(self, other: Finding) -> Finding {
        if other.class() > self.class() { other } else { self }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Allow,
    /// Sent on over a connection of its own; the client's connection is closed after it.
    AllowAndClose,
    Block,
}

pub fn verdict(mode: Desync, finding: Option<Finding>) -> Verdict {
    let Some(finding) = finding else { return Verdict::Allow };
    match (mode, finding.class()) {
        (Desync::Strictest, _) | (Desync::Defensive, Class::Severe) => Verdict::Block,
        (Desync::Monitor, _) | (Desync::Defensive, Class::Acceptable) => Verdict::Allow,
        (Desync::Defensive, Class::Ambiguous) => Verdict::AllowAndClose,
    }
}

/// Whether a header's name becomes that of a framing header when text is normalised: `Transfer_Encoding`, `content.length`.
pub fn is_suspicious_name(name: &[u8]) -> bool {
    let looks_like = |framing: &[u8]| {
        name.len() == framing.len()
            && name.iter().zip(framing).all(|(byte, wanted)| match wanted {
                b'-' => !byte.is_ascii_alphanumeric() && *byte != b'-',
                _ => byte.eq_ignore_ascii_case(wanted),
            })
    };
    match name.len() {
        17 => looks_like(b"transfer-encoding"),
        14 => looks_like(b"content-length"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mode_has_its_verdicts() {
        let check = |mode, finding, expected| assert_eq!(verdict(mode, finding), expected);
        for mode in [Desync::Monitor, Desync::Defensive, Desync::Strictest] {
            check(mode, None, Verdict::Allow);
        }
        check(Desync::Monitor, Some(Finding::MultipleContentLength), Verdict::Allow);
        check(Desync::Defensive, Some(Finding::GetHeadZeroContentLength), Verdict::Allow);
        check(Desync::Defensive, Some(Finding::BothTeClPresent), Verdict::AllowAndClose);
        check(Desync::Defensive, Some(Finding::BadContentLength), Verdict::Block);
        check(Desync::Strictest, Some(Finding::GetHeadZeroContentLength), Verdict::Block);
        assert_eq!(Finding::EmptyHeader.worst(Finding::BadUri), Finding::BadUri);
        assert_eq!(Finding::EmptyHeader.worst(Finding::NonCompliantHeader), Finding::EmptyHeader);
    }

    #[test]
    fn a_disguised_framing_header_is_suspicious() {
        assert!(is_suspicious_name(b"Transfer_Encoding"));
        assert!(is_suspicious_name(b"content.length"));
        assert!(!is_suspicious_name(b"Content-Length"));
        assert!(!is_suspicious_name(b"x-content-length"));
    }
}
