//! The OCI runtime's command line: what to call for each step, and what its errors mean in AWS's words.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use crate::spec::{RuntimeKind, RuntimeSpec};

/// Files of a bundle.
pub(crate) const CONFIG_FILE: &str = "config.json";
pub(crate) const PID_FILE: &str = "pid";
pub(crate) const LOG_FILE: &str = "log";
pub(crate) const CONSOLE_SOCKET: &str = "console.sock";

/// What AWS puts before a runtime's own error.
const START_FAILURE: &str = "CannotStartContainerError: ResourceInitializationError: failed to create new container \
                             runtime task: failed to create shim task: OCI runtime create failed: ";

/// Arguments that create and start the container of a bundle. The call ends when the container
/// runs; with runsc it lasts as long as the container and ends with its exit code.
pub(crate) fn run_arguments(
    runtime: &RuntimeSpec,
    bundle: &Path,
    id: &str,
    console: Option<&Path>,
) -> Vec<OsString> {
    let mut arguments = global_arguments(runtime, Some(&bundle.join(LOG_FILE)));
    arguments.extend(["run".into(), "--detach".into(), "--bundle".into()]);
    arguments.push(bundle.into());
    arguments.push("--pid-file".into());
    arguments.push(bundle.join(PID_FILE).into());
    if let Some(console) = console {
        arguments.push("--console-socket".into());
        arguments.push(console.into());
    }
    arguments.push(id.into());
    arguments
}

/// The id of the container that holds a task's gVisor sandbox open.
pub(crate) fn sandbox_id(task_id: &str) -> String {
    format!("{task_id}-sandbox")
}

pub(crate) fn delete_arguments(runtime: &RuntimeSpec, id: &str) -> Vec<OsString> {
    let mut arguments = global_arguments(runtime, None);
    arguments.extend(["delete".into(), "--force".into(), id.into()]);
    arguments
}

/// Only for a runtime whose containers are not processes of the host.
pub(crate) fn kill_arguments(runtime: &RuntimeSpec, id: &str, signal: i32, all: bool) -> Vec<OsString> {
    let mut arguments = global_arguments(runtime, None);
    arguments.push("kill".into());
    if all {
        arguments.push("--all".into());
    }
    arguments.extend([id.into(), signal.to_string().into()]);
    arguments
}

/// Waits for a container's end and prints how it ended.
pub(crate) fn wait_arguments(runtime: &RuntimeSpec, id: &str) -> Vec<OsString> {
    let mut arguments = global_arguments(runtime, None);
    arguments.extend(["wait".into(), id.into()]);
    arguments
}

/// The exit code out of what `runsc wait` printed.
pub(crate) fn waited_exit_code(file: &Path) -> Option<i32> {
    let printed: serde_json::Value = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
    i32::try_from(printed["exitStatus"].as_i64()?).ok()
}

pub(crate) fn exec_arguments(
    runtime: &RuntimeSpec,
    id: &str,
    pid_file: &Path,
    command: &[String],
) -> Vec<OsString> {
    let mut arguments = global_arguments(runtime, None);
    let flag = if runtime.kind == RuntimeKind::Runsc { "--internal-pid-file" } else { "--pid-file" };
    arguments.extend(["exec".into(), flag.into(), pid_file.into(), id.into()]);
    arguments.extend(command.iter().map(OsString::from));
    arguments
}

fn global_arguments(runtime: &RuntimeSpec, log: Option<&Path>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["--root".into(), (&runtime.state_dir).into()];
    if let Some(log) = log {
        arguments.extend(["--log".into(), log.into(), "--log-format".into(), "json".into()]);
    }
    if runtime.kind == RuntimeKind::Runsc {
        // The sandbox's network is the task's own namespace, whose rules the node enforces from outside.
        arguments.extend(["--platform=ptrace".into(), "--network=host".into(), "--net-raw".into()]);
    }
    arguments
}

/// Why the runtime could not start a container, in the form in which AWS reports it.
pub(crate) fn start_failure(bundle: &Path) -> String {
    let log = fs::read(bundle.join(LOG_FILE)).unwrap_or_default();
    let error =
        last_error(&String::from_utf8_lossy(&log)).unwrap_or_else(|| "the runtime gave no reason".into());
    failure_text(&error)
}

pub(crate) fn failure_text(error: &str) -> String {
    format!("{START_FAILURE}{}: unknown", as_runc(error))
}

/// A failure before any runtime was called.
pub(crate) fn create_failure(error: &str) -> String {
    format!(
        "CannotStartContainerError: ResourceInitializationError: failed to create new container runtime task: {error}"
    )
}

fn last_error(log: &str) -> Option<String> {
    let entries = log.lines().rev().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut errors =
        entries.filter(|entry| matches!(entry["level"].as_str(), Some("error" | "fatal" | "warning")));
    Some(errors.next()?["msg"].as_str()?.trim().into())
}

/// Fargate runs runc, and people match its words: other runtimes' words for the same facts become runc's.
fn as_runc(error: &str) -> String {
    const CREATE: &str = "runc create failed: unable to start container process: ";
    let error = error.replace("runc run failed: ", "runc create failed: ");
    let quoted = |text: &str| {
        text.split_once('`').and_then(|(_, rest)| rest.split_once('`')).map(|(name, _)| name.to_owned())
    };
    if let Some(program) = quoted(&error).filter(|_| error.contains("executable file `")) {
        let cause = if program.contains('/') {
            format!("stat {program}: no such file or directory")
        } else {
            "executable file not found in $PATH".into()
        };
        return format!("{CREATE}exec: {program:?}: {cause}");
    }
    if let Some(program) = quoted(&error).filter(|_| error.starts_with("open executable")) {
        return format!("{CREATE}exec: {program:?}: permission denied");
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(log: &str, expect: &str) {
        let error = last_error(log).expect("the log has an error");
        assert_eq!(failure_text(&error), format!("{START_FAILURE}{expect}: unknown"));
    }

    #[test]
    fn a_missing_program_reads_the_same_from_every_runtime() {
        let expect = "runc create failed: unable to start container process: exec: \"foo\": executable file not found in $PATH";
        check(
            r#"{"msg":"executable file `foo` not found in $PATH: No such file or directory","level":"error","time":"x"}"#,
            expect,
        );
        check(
            r#"{"level":"error","msg":"runc run failed: unable to start container process: exec: \"foo\": executable file not found in $PATH","time":"x"}"#,
            expect,
        );
        check(r#"{"level":"error","msg":"something else"}"#, "something else");
    }
}
