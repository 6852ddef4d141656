//! Which rules may apply to a request, by its host and path.
//!
//! An index narrows: whatever it gives is tested in full. A rule that it can't tell anything of is given for each request.

use std::collections::HashMap;

use super::condition::Test;
use super::glob::Glob;

#[derive(Debug, Default)]
pub struct RuleIndex {
    hosts: Patterns<Paths>,
}

#[derive(Debug, Default)]
struct Paths {
    paths: Patterns<Positions>,
}

/// Ascending.
type Positions = Vec<usize>;

type ByLength<V> = Vec<(usize, HashMap<Box<[u8]>, V>)>;

/// Values by the patterns that lead to them.
#[derive(Debug, Default)]
struct Patterns<V> {
    exact: HashMap<Box<[u8]>, V>,
    /// By their length, as few lengths as there are; a lookup is one per length.
    prefixes: ByLength<V>,
    suffixes: ByLength<V>,
    any: V,
}

impl RuleIndex {
    pub fn add(&mut self, position: usize, tests: &[Test]) {
        let hosts = tests.iter().find_map(|test| match test {
            Test::Host(matcher) => matcher.globs(),
            _ => None,
        });
        let paths = tests.iter().find_map(|test| match test {
            Test::Path(matcher) => matcher.globs(),
            _ => None,
        });
        self.hosts.each(hosts, &mut |in_host| {
            in_host.paths.each(paths, &mut |positions| {
                if positions.last() != Some(&position) {
                    positions.push(position);
                }
            });
        });
    }

    /// Tells `sink` lists of positions, each ascending.
    pub fn candidates(&self, host: &[u8], path: &[u8], sink: &mut dyn FnMut(&[usize])) {
        self.hosts.look_up(host, &mut |in_host| {
            in_host.paths.look_up(path, &mut |positions| {
                if !positions.is_empty() {
                    sink(positions);
                }
            });
        });
    }
}

impl<V: Default> Patterns<V> {
    /// Tells `change` the values of these patterns; the value for everything when one of them has no place.
    fn each(&mut self, globs: Option<&[Glob]>, change: &mut dyn FnMut(&mut V)) {
        let Some(globs) = globs else { return change(&mut self.any) };
        if globs.iter().any(|glob| matches!(glob, Glob::Pieces(_))) {
            return change(&mut self.any);
        }
        for glob in globs {
            match glob {
                Glob::Exact(text) => change(self.exact.entry(text.clone()).or_default()),
                Glob::Prefix(text) => change(of_length(&mut self.prefixes, text)),
                Glob::Suffix(text) => change(of_length(&mut self.suffixes, text)),
                Glob::Pieces(_) => {}
            }
        }
    }

    fn look_up(&self, text: &[u8], sink: &mut dyn FnMut(&V)) {
        sink(&self.any);
        if let Some(value) = self.exact.get(text) {
            sink(value);
        }
        for (length, values) in &self.prefixes {
            if let Some(value) = text.get(..*length).and_then(|start| values.get(start)) {
                sink(value);
            }
        }
        for (length, values) in &self.suffixes {
            let start = text.len().checked_sub(*length);
            if let Some(value) = start.and_then(|start| values.get(&text[start..])) {
                sink(value);
            }
        }
    }
}

fn of_length<'a, V: Default>(lengths: &'a mut ByLength<V>, text: &[u8]) -> &'a mut V {
    let place = lengths.iter().position(|(length, _)| *length == text.len()).unwrap_or_else(|| {
        lengths.push((text.len(), HashMap::new()));
        lengths.len() - 1
    });
    lengths[place].1.entry(text.into()).or_default()
}
