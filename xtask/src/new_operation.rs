//! `cargo xtask new operation <service> <Operation>`: the first file of a new operation, and what to add
//! where.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::codegen;

/// Where a service's handlers and shapes are.
struct Home {
    service: &'static str,
    api: &'static str,
    shapes: &'static str,
    /// The code of the not-implemented error in the service's protocol.
    code: &'static str,
}

const HOMES: &[Home] = &[
    home("ecs", "api-compute", "wire-shapes-compute", "NotImplementedException"),
    home("ecr", "api-compute", "wire-shapes-compute", "NotImplementedException"),
    home("ec2", "api-network", "wire-shapes-network", "NotImplemented"),
    home("elbv2", "api-network", "wire-shapes-network", "NotImplemented"),
    home("acm", "api-platform", "wire-shapes-platform", "NotImplementedException"),
    home("iam", "api-platform", "wire-shapes-platform", "NotImplemented"),
    home("sts", "api-platform", "wire-shapes-platform", "NotImplemented"),
    home("logs", "api-platform", "wire-shapes-platform", "NotImplementedException"),
    home("application-autoscaling", "api-observe", "wire-shapes-observe", "NotImplementedException"),
    home("budgets", "api-observe", "wire-shapes-observe", "NotImplementedException"),
    home("ce", "api-observe", "wire-shapes-observe", "NotImplementedException"),
    home("cloudwatch", "api-observe", "wire-shapes-observe", "NotImplemented"),
    home("events", "api-messaging", "wire-shapes-messaging", "NotImplementedException"),
    home("scheduler", "api-messaging", "wire-shapes-messaging", "NotImplementedException"),
    home("sns", "api-messaging", "wire-shapes-messaging", "NotImplemented"),
];

const fn home(service: &'static str, api: &'static str, shapes: &'static str, code: &'static str) -> Home {
    Home { service, api, shapes, code }
}

pub fn run(root: &Path, arguments: &[String]) -> Result<()> {
    let [what, service, operation] = arguments else { bail!("new operation <service> <Operation>") };
    ensure!(what == "operation", "only operations can be begun this way, not {what:?}");
    let home = HOMES.iter().find(|home| home.service == service);
    let home = home.with_context(|| format!("no service {service}; add it to HOMES in {}", file!()))?;
    list(root, home, operation)?;
    let (input, output) = shapes(root, home, operation)?;
    let module = codegen::snake_case(operation);
    let path = format!("crates/{}/src/{}/{module}.rs", home.api, home.service);
    let file = root.join(&path);
    ensure!(!file.exists(), "{path} is there already");
    fs::create_dir_all(file.parent().context("a handler has a folder")?)?;
    fs::write(&file, handler(home, operation, &module, &input, &output))?;

    println!("wrote {path}, whose handler answers with the not-implemented error until you write it\n");
    println!("add to crates/{}/src/{}.rs:", home.api, home.service);
    println!("    pub mod {module};");
    println!("and to its ServiceTable:");
    println!("    .operation::<{service}::operations::{operation}, _, _>({module}::{module})\n");
    println!("then follow docs/checklists/add-an-operation.md");
    Ok(())
}

/// Adds the operation to the service's list and generates its shapes, unless that was done before.
fn list(root: &Path, home: &Home, operation: &str) -> Result<()> {
    let path = root.join("models").join(home.service).join("operations.txt");
    let mut text = fs::read_to_string(&path)?;
    if text.lines().any(|line| line.trim() == operation) {
        return Ok(());
    }
    let unimplemented = fs::read_to_string(path.with_file_name("unimplemented.txt"))?;
    ensure!(
        unimplemented.lines().any(|line| line == operation),
        "the model of {} has no operation {operation}",
        home.service
    );
    text.push_str(&format!("{operation}\n"));
    fs::write(&path, text)?;
    codegen::run(root, &[])
}

/// The names of the operation's shapes; none where the model has no such shape.
fn shapes(root: &Path, home: &Home, operation: &str) -> Result<(Option<String>, Option<String>)> {
    let path = root.join("crates").join(home.shapes).join("src").join(home.service).join("operations.rs");
    let text = fs::read_to_string(path)?;
    let start = text.find(&format!("impl Operation for {operation} {{"));
    let body = &text[start.with_context(|| format!("no shapes of {operation} were generated"))?..];
    let name = |key: &str| -> Result<Option<String>> {
        let (_, rest) = body.split_once(key).context("an operation names its shapes")?;
        let name = rest.split(';').next().unwrap_or_default().trim();
        Ok(name.strip_prefix("shapes::").map(str::to_owned))
    };
    Ok((name("type Input =")?, name("type Output =")?))
}

fn handler(
    home: &Home,
    operation: &str,
    module: &str,
    input: &Option<String>,
    output: &Option<String>,
) -> String {
    let Home { service, code, shapes, .. } = home;
    let has_empty = input.is_none() || output.is_none();
    let mut names: Vec<&str> = [input, output].into_iter().flatten().map(String::as_str).collect();
    names.sort_unstable();
    let shapes = shapes.replace('-', "_");
    let imports = match names.as_slice() {
        [] => String::new(),
        [name] => format!("use {shapes}::{service}::{name};\n"),
        names => format!("use {shapes}::{service}::{{{}}};\n", names.join(", ")),
    };
    let input = input.as_deref().unwrap_or("Empty");
    let output = output.as_deref().unwrap_or("Empty");
    let schema =
        if has_empty { "use wire_schema::{Empty, ServiceError};" } else { "use wire_schema::ServiceError;" };
    format!(
        "//! {operation}.

{schema}
{imports}
use super::Context;

pub async fn {module}(context: Context, _input: {input}) -> Result<{output}, ServiceError> {{
    context.authorise(\"{service}:{operation}\", \"*\")?;
    Err(ServiceError::service(\"{code}\", \"The operation {operation} is not implemented.\").with_status(501))
}}
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_handler_names_its_shapes() {
        let text =
            handler(&HOMES[5], "DeleteUser", "delete_user", &Some("DeleteUserRequest".to_owned()), &None);
        for part in [
            "use wire_schema::{Empty, ServiceError};",
            "use wire_shapes_platform::iam::DeleteUserRequest;",
            "pub async fn delete_user(context: Context, _input: DeleteUserRequest) -> Result<Empty, ServiceError> {",
            "context.authorise(\"iam:DeleteUser\", \"*\")?;",
            "\"NotImplemented\"",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
