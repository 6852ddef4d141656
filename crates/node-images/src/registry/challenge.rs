//! The `WWW-Authenticate` header: how a registry wants to be asked.

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    Basic,
    Bearer { realm: String, service: Option<String>, scope: Option<String> },
}

/// The challenges of one header value, in order.
pub fn parse(header: &str) -> Vec<Challenge> {
    let mut challenges = Vec::new();
    let mut rest = header.trim();
    while !rest.is_empty() {
        let (scheme, after) = rest.split_once([' ', ',']).unwrap_or((rest, ""));
        let (parameters, next) = parameters(after);
        let find = |name: &str| {
            parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
        };
        if scheme.eq_ignore_ascii_case("basic") {
            challenges.push(Challenge::Basic);
        } else if scheme.eq_ignore_ascii_case("bearer")
            && let Some(realm) = find("realm")
        {
            challenges.push(Challenge::Bearer { realm, service: find("service"), scope: find("scope") });
        }
        rest = next.trim();
    }
    challenges
}

/// `name="value", name=value …` up to the next scheme, and what follows.
fn parameters(mut text: &str) -> (Vec<(String, String)>, &str) {
    let mut found = Vec::new();
    loop {
        text = text.trim_start_matches([' ', ',']);
        let Some(equals) = text.find('=') else { return (found, text) };
        let name = &text[..equals];
        if name.contains([' ', ',']) {
            return (found, text);
        }
        let value = &text[equals + 1..];
        let (value, rest) = match value.strip_prefix('"') {
            Some(quoted) => unquote(quoted),
            None => {
                let end = value.find([',', ' ']).unwrap_or(value.len());
                (value[..end].to_owned(), &value[end..])
            }
        };
        found.push((name.to_owned(), value));
        text = rest;
    }
}

fn unquote(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return (value, &text[index + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::{Challenge, parse};

    #[test]
    fn challenges_of_known_registries() {
        let bearer = |realm: &str, service: Option<&str>, scope: Option<&str>| Challenge::Bearer {
            realm: realm.to_owned(),
            service: service.map(str::to_owned),
            scope: scope.map(str::to_owned),
        };
        let check = |header, expected: &[Challenge]| assert_eq!(parse(header), expected, "{header}");
        check(
            r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="a/b:pull""#,
            &[bearer("https://auth.docker.io/token", Some("registry.docker.io"), Some("a/b:pull"))],
        );
        check(r#"Basic realm="https://x/",service="ecr.amazonaws.com""#, &[Challenge::Basic]);
        check(r#"Basic realm="x", Bearer realm="y""#, &[Challenge::Basic, bearer("y", None, None)]);
        check(r#"bearer realm=y,service="a \"b\"""#, &[bearer("y", Some("a \"b\""), None)]);
        check("Negotiate", &[]);
        check("Bearer service=x", &[]);
        check("", &[]);
        check("Basic", &[Challenge::Basic]);
    }
}
