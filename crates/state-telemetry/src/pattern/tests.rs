use proptest::prelude::*;

use super::{Pattern, PatternError};

/// Checks which of `messages` a pattern matches, given as a text of `+` and `-`.
fn check(pattern: &str, messages: &[&str], expect: &str) {
    let parsed = match Pattern::parse(pattern) {
        Ok(parsed) => parsed,
        Err(error) => panic!("{pattern}: {error}"),
    };
    let found: String = messages
        .iter()
        .map(|message| {
            let matches = parsed.matches(message.as_bytes());
            if let Some(needle) = parsed.needle() {
                assert!(!matches || needle.find(message.as_bytes()).is_some(), "{pattern} on {message}");
            }
            if matches { '+' } else { '-' }
        })
        .collect();
    assert_eq!(found, expect, "{pattern}");
}

fn check_error(pattern: &str, expect: &str) {
    match Pattern::parse(pattern) {
        Ok(_) => panic!("{pattern} was accepted"),
        Err(error) => assert_eq!(error.to_string(), expect, "{pattern}"),
    }
}

#[test]
fn terms() {
    let messages = [
        "[ERROR 400] BAD REQUEST",
        "[ERROR 401] UNAUTHORIZED REQUEST",
        "[ERROR 419] MISSING ARGUMENTS",
        "[WARN 500] INTERNAL SERVER ERROR",
        "exit with ERRORCODE: -1",
        "",
    ];
    for (pattern, expect) in [
        ("", "++++++"),
        ("  ", "++++++"),
        ("\" \"", "++++++"),
        ("\"\"", "++++++"),
        ("ERROR", "++++--"),
        ("error", "------"),
        ("ERROR REQUEST", "++----"),
        ("ERROR ARGUMENTS", "--+---"),
        ("?ERROR ?exit", "+++++-"),
        ("?WARN ?MISSING", "--++--"),
        ("?WARN ERROR", "++++--"),
        ("?WARN -ARGUMENTS", "++-+++"),
        ("ERROR -ARGUMENTS", "++-+--"),
        ("ERROR - \"ARGUMENTS\"", "++-+--"),
        ("-ERROR", "----++"),
        ("-\"ERROR\"", "-----+"),
        ("\"INTERNAL SERVER ERROR\"", "---+--"),
        ("\"ERROR\"", "+++++-"),
        ("\"CODE: -1\"", "----+-"),
        ("?\"SERVER ERROR\" ?401", "-+-+--"),
        ("%ERROR% %40[01]%", "++----"),
        ("%^.ERROR%", "+++---"),
        ("%4\\d+.%", "+++---"),
        ("%\\(%", "------"),
        ("?%40\\d% ?%^exit%", "++--+-"),
        ("%REQUEST$|ARGUMENTS$%", "+++---"),
    ] {
        check(pattern, &messages, expect);
    }
    check("Grüße", &["viele Grüße!", "Grüßen", "xGrüße"], "+--");
    check("e", &["é e", "ée", "me_e e_", "a.e.b"], "+--+");
    check("\"say \\\"hi\\\"\"", &["say \"hi\" now", "say hi"], "+-");
}

const CLOUDTRAIL: &str = r#"{"eventType":"UpdateTrail","sourceIPAddress":"111.111.111.111",
    "arrayKey":["value","another value"],"objectList":[{"name":"a","id":1},{"name":"b","id":2}],
    "SomeObject":null,"ThisFlag":true,"OtherFlag":false,"latency":500,"ratio":0.25,"big":10000,"code":"404",
    "x-edge":"Hit","a.b":"dotted","user":{"id":1,"email":"John.Stiles@example.com"},
    "users":[{"id":2,"email":"John.Doe@example.com"},{"id":3,"email":"Jane.Doe@example.com"}],
    "actions":["GET","PUT","DELETE"],"coordinates":[[0,1,2],[4,5,6],[7,8,9]],"text":"say \"hi\""}"#;

#[test]
fn json() {
    for (pattern, expect) in [
        ("{ $.eventType = \"UpdateTrail\" }", "+"),
        ("{$.eventType=UpdateTrail}", "+"),
        ("{ $.eventType = updateTrail }", "-"),
        ("{ $.eventType != \"UpdateTrail\" }", "-"),
        ("{ $.eventType = \"Update*\" }", "+"),
        ("{ $.eventType = *Trail }", "+"),
        ("{ $.eventType = Up*ra*l }", "+"),
        ("{ $.eventType = * }", "+"),
        ("{ $.missing = * }", "-"),
        ("{ $.eventType = %^Up[a-z]+T% }", "+"),
        ("{ $.eventType != %^Down% }", "+"),
        ("{ $.sourceIPAddress != 123.123.* }", "+"),
        ("{ $.sourceIPAddress = 111.* }", "+"),
        ("{ $.arrayKey[0] = \"value\" }", "+"),
        ("{ $.arrayKey[1] = \"value\" }", "-"),
        ("{ $.arrayKey[9] = \"value\" }", "-"),
        ("{ $.arrayKey[*] = \"another value\" }", "+"),
        ("{ $.objectList[1].id = 2 }", "+"),
        ("{ $.objectList[*].id = 2 }", "+"),
        ("{ $.objectList[*].id = 3 }", "-"),
        ("{ $.user.* = 1 }", "+"),
        ("{ $.SomeObject IS NULL }", "+"),
        ("{ $.ThisFlag IS NULL }", "-"),
        ("{ $.missing IS NULL }", "-"),
        ("{ $.SomeOtherObject NOT EXISTS }", "+"),
        ("{ $.SomeObject NOT EXISTS }", "-"),
        ("{ $.ThisFlag IS TRUE }", "+"),
        ("{ $.ThisFlag is true }", "+"),
        ("{ $.ThisFlag IS FALSE }", "-"),
        ("{ $.OtherFlag IS FALSE }", "+"),
        ("{ $.ThisFlag = true }", "+"),
        ("{ $.users = 1 }", "-"),
        ("{ $.users != 1 }", "-"),
        ("{ $.user != 1 }", "-"),
        ("{ $.latency >= 500 }", "+"),
        ("{ $.latency > 500 }", "-"),
        ("{ $.latency > +499 }", "+"),
        ("{ $.latency < 10e3 }", "+"),
        ("{ $.latency <= 4.99e2 }", "-"),
        ("{ $.big = 1e4 }", "+"),
        ("{ $.ratio = 25e-2 }", "+"),
        ("{ $.ratio < -1 }", "-"),
        ("{ $.latency = 5* }", "+"),
        ("{ $.code = 404 }", "+"),
        ("{ $.code > 403 }", "-"),
        ("{ $.latency = \"500\" }", "+"),
        ("{ $.eventType > 1 }", "-"),
        ("{ $.x-edge = Hit }", "+"),
        ("{ $.['a.b'] = dotted }", "+"),
        ("{ $[\"a.b\"] = dotted }", "+"),
        ("{ $.text = \"say \\\"hi\\\"\" }", "+"),
    ] {
        check(pattern, &[CLOUDTRAIL], expect);
    }
}

#[test]
fn json_compound() {
    for (pattern, expect) in [
        ("{ $.coordinates[0][1] = 1 }", "+"),
        ("{ ($.user.id = 1) && ($.users[0].email = \"John.Doe@example.com\") }", "+"),
        ("{ ($.user.id = 2 && $.users[0].email = \"nonmatch\") || $.actions[2] = \"GET\" }", "-"),
        (
            "{ $.user.email = \"John.Stiles@example.com\" || $.coordinates[0][1] = nonmatch && $.actions[2] = no }",
            "+",
        ),
        (
            "{ ($.user.email = \"John.Stiles@example.com\" || $.coordinates[0][1] = nonmatch) && $.actions[2] = no }",
            "-",
        ),
        ("{ (($.user.id = 1)) }", "+"),
    ] {
        check(pattern, &[CLOUDTRAIL], expect);
    }
    check(
        "{ $.a = \"xy\" }",
        &["{\"a\":\"xy\"}", "  {\"a\":\"x\\u0079\"}\n", "not json", "[1]", "{\"a\":", "{\"b\":\"xy\"}", ""],
        "++-----",
    );
    check("{ $[0].a = 1 }", &["[{\"a\":1}]", "[{\"a\":2}]"], "+-");
}

#[test]
fn delimited() {
    let messages = [
        "127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] \"GET /apache_pb.gif HTTP/1.0\" 200 1534",
        "127.0.0.1 - frank [10/Oct/2000:13:35:22 -0700] \"GET /index.html HTTP/1.0\" 404 5324",
        "10.0.0.7 - anna [10/Oct/2000:13:50:35 -0700] \"POST /form HTTP/1.0\" 500 -",
        "ERROR something",
    ];
    for (pattern, expect) in [
        ("[ip, user, username, timestamp, request, status_code, bytes]", "+++-"),
        ("[ip, user]", "---+"),
        ("[..., status_code, bytes]", "++++"),
        ("[ip, user, ..., status_code, bytes]", "+++-"),
        ("[ip, user, ...]", "++++"),
        ("[ip, user, username, timestamp, request, status_code, bytes > 1534]", "-+--"),
        ("[ip, user, username, timestamp, request, status_code = 200, bytes]", "+---"),
        ("[ip, user, username, timestamp, request, status_code = 4*, bytes]", "-+--"),
        ("[ip, user, username, timestamp, request = *html*, status_code = 4*, bytes]", "-+--"),
        ("[..., status_code = 404 || status_code = 500, bytes]", "-++-"),
        ("[..., status_code >= 400 && status_code < 500, bytes]", "-+--"),
        ("[..., (status_code = 404 || status_code = 500) && status_code != 404, bytes]", "--+-"),
        ("[ip = 127.0.0.1, ...]", "++--"),
        ("[ip != 127.0.0.1, ...]", "--++"),
        ("[ip = %^127\\.%, ...]", "++--"),
        ("[w1=ERROR || w1=WARN, w2]", "---+"),
        ("[w1!=ERROR&&w1!=WARN, ...]", "+++-"),
        ("[..., request=*.html*, status_code=4*,]", "-+--"),
        ("[, , username = frank, ...]", "++--"),
        ("[..., request = \"POST /form HTTP/1.0\", status, bytes]", "--+-"),
        ("[...]", "++++"),
        ("[..., ts = 10/Oct/2000*, r, s, b]", "+++-"),
    ] {
        check(pattern, &messages, expect);
    }
}

#[test]
fn values_are_extracted() {
    let pattern = Pattern::parse("[..., request=*.html*, status_code=4*,]").expect("parses");
    let message = "127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] \"GET /index.html HTTP/1.0\" 404 1534";
    let values = pattern.extract(message.as_bytes()).expect("matches");
    let expect = [
        ("$1", "127.0.0.1"),
        ("$2", "-"),
        ("$3", "frank"),
        ("$4", "10/Oct/2000:13:25:15 -0700"),
        ("$7", "1534"),
        ("$request", "GET /index.html HTTP/1.0"),
        ("$status_code", "404"),
    ];
    let found: Vec<(&str, &str)> =
        values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(found, expect);
    let json = Pattern::parse("{ $.latency = * }").expect("parses");
    let values = json.extract(b"{\"latency\":12.5}").expect("matches");
    assert_eq!(values.get("$.latency").map(String::as_str), Some("12.5"));
    assert_eq!(json.extract(b"{}"), None);
}

#[test]
fn refusals_have_their_text() {
    let invalid = "Invalid filter pattern";
    for (pattern, expect) in [
        ("[ip, user", "If a filter pattern starts with '[' it must end with ']'"),
        ("[", "If a filter pattern starts with '[' it must end with ']'"),
        ("{ $.a = 1", "If a filter pattern starts with '{' it must end with '}'"),
        ("{", "If a filter pattern starts with '{' it must end with '}'"),
        ("Status: timeout", "Invalid character(s) in term ':'"),
        ("(foo)", "Invalid character(s) in term '('"),
        ("a-b", "Invalid character(s) in term '-'"),
        ("%a(b)%", "Invalid character(s) in term '('"),
        ("%something!%", "Invalid character(s) in term '!'"),
        ("%a b%", "Invalid character(s) in term ' '"),
        ("{ $.\"sc-status\" = 5* }", "Invalid character(s) in term '$.\"'"),
        ("{}", invalid),
        ("{ $ = 1 }", invalid),
        ("{ $.a }", invalid),
        ("{ $.a = }", invalid),
        ("{ $.a = 1 && }", invalid),
        ("{ ($.a = 1 }", invalid),
        ("{ $.a = 1) }", invalid),
        ("{ $.a > abc }", invalid),
        ("{ $.a IS NOT NULL }", invalid),
        ("{ $.a EXISTS }", invalid),
        ("{ $.a[x] = 1 }", invalid),
        ("{ $.a = \"x }", invalid),
        ("{ a = 1 }", invalid),
        ("[a, ..., b, ...]", invalid),
        ("[a = 1 || b = 2]", invalid),
        ("[a b]", invalid),
        ("[a = ]", invalid),
        ("\"open", invalid),
        ("%open", invalid),
        ("ERROR -", invalid),
        ("%[%", invalid),
        ("{ $.a = %x% || $.b = %y% || $.c = %z% }", "Filter pattern has more than 2 regular expressions"),
    ] {
        check_error(pattern, expect);
    }
    assert_eq!(Pattern::parse(&"x".repeat(1025)).err(), Some(PatternError::TooLong));
    assert!(Pattern::parse(&format!("{{{}$.a=1{}}}", "(".repeat(500), ")".repeat(500))).is_err());
}

proptest! {
    #[test]
    fn any_text_parses_or_is_refused(text in "\\PC{0,80}", message in "\\PC{0,80}") {
        if let Ok(pattern) = Pattern::parse(&text) {
            pattern.matches(message.as_bytes());
            pattern.extract(message.as_bytes());
        }
    }

    #[test]
    fn likely_text_parses_or_is_refused(
        text in "[\\[{]?[ $.a1\"%*?\\-=!<>&|()\\[\\],IS NULLXT…ü]{0,40}[\\]}]?",
        message in "[\\[\\]{}\": a1,.ü]{0,40}",
    ) {
        if let Ok(pattern) = Pattern::parse(&text) {
            let matches = pattern.matches(message.as_bytes());
            if let Some(needle) = pattern.needle() {
                prop_assert!(!matches || needle.find(message.as_bytes()).is_some());
            }
        }
    }
}
