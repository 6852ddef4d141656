//! One container: it runs, its output and exit code arrive, nothing stays.

use node_runtime::status::StopFacts;

use crate::Test;
use crate::kit::Kit;

pub const TESTS: &[Test] = &[("a_container_runs_logs_and_ends", a_container_runs_logs_and_ends)];

fn a_container_runs_logs_and_ends(kit: &Kit) {
    let done = kit.run_script("echo hello; echo oops >&2; exit 7");
    assert_eq!(done.code(), Some(7), "{:#?}", done.status);
    let mut lines = done.lines();
    lines.sort();
    assert_eq!(lines, ["hello", "oops"]);
    assert_eq!(done.status.stop, Some(StopFacts::EssentialExited { container: "main".into() }));
    done.assert_clean();
}
