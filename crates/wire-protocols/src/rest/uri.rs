//! Uri templates such as `/2013-04-01/hostedzone/{Id}/rrset?name={x}` and `/{Bucket}/{Key+}`.

use percent_encoding::percent_decode_str;

/// A matched template: its labels, decoded, and how specific the match is (constant segments count most).
#[derive(Debug, PartialEq, Eq)]
pub struct Match {
    pub labels: Vec<(&'static str, String)>,
    pub weight: usize,
}

/// Matches a request's path and query string against a template of the model.
pub fn matches(template: &'static str, path: &str, query: &str) -> Option<Match> {
    let (template_path, template_query) = template.split_once('?').unwrap_or((template, ""));
    let mut matched = Match { labels: Vec::new(), weight: 0 };
    let mut segments = path.strip_prefix('/')?.split('/');
    let mut templates = template_path.trim_start_matches('/').split('/').peekable();
    while let Some(expected) = templates.next() {
        let label = expected.strip_prefix('{').and_then(|label| label.strip_suffix('}'));
        let value = match label {
            // Some of the models' paths end in a slash that clients leave out.
            None if expected.is_empty() && templates.peek().is_none() => {
                segments.next().is_none_or(str::is_empty).then_some(())?;
                continue;
            }
            None => {
                matched.weight += 2;
                (segments.next()? == expected).then_some(())?;
                continue;
            }
            Some(label) if label.ends_with('+') => {
                // A greedy label takes all but what the rest of the template needs.
                let after = templates.clone().count();
                let rest: Vec<&str> = segments.collect();
                let (taken, left) = rest.split_at_checked(rest.len().checked_sub(after)?)?;
                let tail_matches = left.iter().zip(templates).all(|(found, expected)| *found == expected);
                (tail_matches && taken.iter().any(|part| !part.is_empty())).then_some(())?;
                matched.labels.push((label.trim_end_matches('+'), decode(&taken.join("/"))?));
                return constants_match(template_query, query, matched);
            }
            Some(label) => {
                matched.weight += 1;
                (label, decode(segments.next()?)?)
            }
        };
        if value.1.is_empty() {
            return None;
        }
        matched.labels.push(value);
    }
    match segments.next() {
        None | Some("") => {}
        Some(_) => return None,
    }
    constants_match(template_query, query, matched)
}

/// The template's own query parameters must be there with the template's values.
fn constants_match(template: &str, query: &str, mut matched: Match) -> Option<Match> {
    for constant in template.split('&').filter(|constant| !constant.is_empty()) {
        let (name, value) = constant.split_once('=').unwrap_or((constant, ""));
        let found = query.split('&').any(|pair| {
            let (found_name, found_value) = pair.split_once('=').unwrap_or((pair, ""));
            found_name == name && (value.is_empty() || found_value == value)
        });
        found.then_some(())?;
        matched.weight += 2;
    }
    Some(matched)
}

fn decode(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(|text| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(template: &'static str, uri: &str, expected: Option<&[(&'static str, &str)]>) {
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        let found = matches(template, path, query).map(|found| found.labels);
        let expected =
            expected.map(|labels| labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect());
        assert_eq!(found, expected, "{template} against {uri}");
    }

    #[test]
    fn templates_match_their_requests() {
        check("/", "/", Some(&[]));
        check("/clusters", "/clusters", Some(&[]));
        check("/clusters", "/cluster", None);
        check("/clusters/{name}", "/clusters/a%20b", Some(&[("name", "a b")]));
        check("/clusters/{name}", "/clusters/", None);
        check("/clusters/{name}", "/clusters/a/b", None);
        check("/{Bucket}/{Key+}", "/b/x/y%2Fz", Some(&[("Bucket", "b"), ("Key", "x/y/z")]));
        check("/{Bucket}/{Key+}", "/b/folder/", Some(&[("Bucket", "b"), ("Key", "folder/")]));
        check("/{Bucket}/{Key+}", "/b/", None);
        check("/{Bucket}/{Key+}?uploads", "/b/k?uploads", Some(&[("Bucket", "b"), ("Key", "k")]));
        check("/{Bucket}/{Key+}?uploads", "/b/k", None);
        check("/zone/{Id}/rrset/", "/zone/1/rrset", Some(&[("Id", "1")]));
        check("/a/{Name+}/end", "/a/b/c/end", Some(&[("Name", "b/c")]));
    }
}
