//! The planes, and who may use whom: the table of ARCHITECTURE.md as `cargo metadata` finds it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Finding;

/// What crates whose name begins so must never use. A name that ends in `-` stands for the whole plane.
struct Rule {
    who: &'static str,
    never: &'static [&'static str],
    /// Of the plane that is otherwise closed.
    except: &'static [&'static str],
}

const fn rule(who: &'static str, never: &'static [&'static str], except: &'static [&'static str]) -> Rule {
    Rule { who, never, except }
}

const DOMAIN: &[&str] =
    &["wire-", "state-", "api-", "control-", "link-", "node-", "edge-", "client-", "app-"];
const ASYNC: &[&str] = &["tokio", "hyper", "futures-util", "async-trait"];

const RULES: &[Rule] = &[
    rule("stdx", DOMAIN, &[]),
    rule("wire-schema", &["serde", "serde_json", "tokio"], &[]),
    rule("wire-", &["state-", "api-", "control-", "link-", "node-", "edge-", "client-", "app-"], &[]),
    rule("wire-protocols", &["wire-shapes-"], &[]),
    rule("state-model", ASYNC, &[]),
    rule("state-model", &["wire-", "stdx-", "state-"], &[]),
    rule("state-store", &["state-model"], &[]),
    rule("state-blobs", &["state-model"], &[]),
    rule("state-telemetry", &["state-model"], &[]),
    rule("state-", &["wire-", "api-", "control-", "link-", "node-", "edge-", "client-", "app-"], &[]),
    rule("api-", &["api-"], &["api-auth"]),
    rule("api-", &["control-", "link-", "node-", "edge-", "client-", "app-"], &[]),
    rule("control-plan", ASYNC, &[]),
    rule("control-plan", &["state-store", "stdx-async"], &[]),
    rule("control-", &["api-", "wire-", "node-", "client-", "app-"], &[]),
    rule("link-protocol", &["tokio", "hyper"], &[]),
    rule(
        "link-",
        &["wire-", "api-", "control-", "node-", "client-", "app-", "state-store", "state-tables"],
        &[],
    ),
    rule("node-agent", &["state-store", "state-tables", "control-", "api-", "wire-", "client-", "app-"], &[]),
    rule("node-images", &["node-", "state-", "link-"], &[]),
    rule("node-network", &["node-", "state-", "link-"], &[]),
    rule("node-runtime", &["node-", "state-", "link-"], &[]),
    rule("node-", &["control-", "api-", "wire-", "client-", "app-"], &[]),
    rule("edge-", &["state-store", "state-tables", "control-", "api-", "app-"], &[]),
    rule("client-", &["state-", "api-", "control-", "node-", "app-"], &[]),
];

/// Shapes know one crate.
const ONLY: &[(&str, &[&str])] = &[("wire-shapes-", &["wire-schema"])];

/// Crates that bring much with them have one owner each.
const OWNERS: &[(&str, &[&str])] = &[
    ("hyper", &["stdx-net", "edge-balancer"]),
    ("hyper-util", &["stdx-net", "edge-balancer"]),
    ("rustls", &["stdx-net", "edge-balancer"]),
    ("tokio-rustls", &["stdx-net", "edge-balancer"]),
    ("anyhow", &["app-server", "app-cli", "xtask"]),
];

pub fn check(root: &Path, findings: &mut Vec<Finding>) -> Result<()> {
    let crates = dependencies(root)?;
    for (name, uses) in &crates {
        let mut find = |message: String| {
            findings.push(Finding { path: format!("crates/{name}/Cargo.toml"), line: 0, message });
        };
        for used in uses {
            if let Some(rule) = RULES.iter().find(|rule| rule.forbids(name, used)) {
                find(format!(
                    "{name} uses {used}: `{}` must never use `{}`",
                    rule.who,
                    rule.never.join("`, `")
                ));
            }
            for (who, only) in ONLY {
                if applies(who, name) && !only.contains(&used.as_str()) {
                    find(format!("{name} uses {used}: it may use {} alone", only.join(", ")));
                }
            }
            for (heavy, owners) in OWNERS {
                if used == heavy && !owners.contains(&name.as_str()) {
                    find(format!("{name} uses {used}, which belongs to {} alone", owners.join(", ")));
                }
            }
        }
    }
    Ok(())
}

impl Rule {
    fn forbids(&self, name: &str, used: &str) -> bool {
        applies(self.who, name)
            && self.never.iter().any(|never| applies(never, used))
            && !self.except.contains(&used)
            && name != used
    }
}

/// `node-` stands for all of its plane, and `stdx` for itself and what begins with it.
fn applies(pattern: &str, name: &str) -> bool {
    match pattern {
        "stdx" => name == "stdx" || name.starts_with("stdx-"),
        pattern if pattern.ends_with('-') => name.starts_with(pattern),
        pattern => name == pattern,
    }
}

/// Each crate of the workspace with what it names as dependency; what only its tests use doesn't count.
fn dependencies(root: &Path) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root)
        .output()
        .context("running cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).context("reading cargo metadata")?;
    let mut crates = BTreeMap::new();
    for package in metadata["packages"].as_array().context("packages")? {
        let name = package["name"].as_str().context("a package's name")?;
        let listed = package["dependencies"].as_array().context("dependencies")?;
        let uses = listed
            .iter()
            .filter(|dependency| dependency["kind"].as_str() != Some("dev"))
            .filter_map(|dependency| dependency["name"].as_str())
            .map(str::to_owned);
        crates.insert(name.to_owned(), uses.collect());
    }
    Ok(crates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_are_closed() {
        for (name, used, forbidden) in [
            ("api-compute", "api-auth", false),
            ("api-compute", "api-network", true),
            ("api-compute", "node-agent", true),
            ("stdx-net", "stdx", false),
            ("stdx-net", "state-model", true),
            ("control-plan", "tokio", true),
            ("control-loops", "tokio", false),
            ("node-agent", "node-images", false),
            ("node-images", "node-network", true),
            ("wire-protocols", "wire-schema", false),
            ("wire-protocols", "wire-shapes-compute", true),
            ("client-api", "state-model", true),
            ("app-server", "node-agent", false),
        ] {
            assert_eq!(RULES.iter().any(|rule| rule.forbids(name, used)), forbidden, "{name} {used}");
        }
    }
}
