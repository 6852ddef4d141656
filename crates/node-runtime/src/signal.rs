//! Signals by the names that images use.

/// The number of `SIGTERM`, `TERM`, `15`, `SIGRTMIN+3`; SIGTERM for none and for what is not understood.
pub(crate) fn number(name: Option<&str>) -> i32 {
    name.and_then(parse).unwrap_or(libc::SIGTERM)
}

fn parse(name: &str) -> Option<i32> {
    let name = name.trim().to_ascii_uppercase();
    if let Ok(number) = name.parse::<i32>() {
        return (1..=64).contains(&number).then_some(number);
    }
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    if let Some(offset) = name.strip_prefix("RTMIN") {
        let offset = if offset.is_empty() { 0 } else { offset.strip_prefix('+')?.parse().ok()? };
        return Some(libc::SIGRTMIN() + offset).filter(|number| *number <= libc::SIGRTMAX());
    }
    if let Some(offset) = name.strip_prefix("RTMAX") {
        let offset = if offset.is_empty() { 0 } else { offset.strip_prefix('-')?.parse().ok()? };
        return Some(libc::SIGRTMAX() - offset).filter(|number| *number >= libc::SIGRTMIN());
    }
    Some(match name {
        "HUP" => libc::SIGHUP,
        "INT" => libc::SIGINT,
        "QUIT" => libc::SIGQUIT,
        "ILL" => libc::SIGILL,
        "TRAP" => libc::SIGTRAP,
        "ABRT" | "IOT" => libc::SIGABRT,
        "BUS" => libc::SIGBUS,
        "FPE" => libc::SIGFPE,
        "KILL" => libc::SIGKILL,
        "USR1" => libc::SIGUSR1,
        "SEGV" => libc::SIGSEGV,
        "USR2" => libc::SIGUSR2,
        "PIPE" => libc::SIGPIPE,
        "ALRM" => libc::SIGALRM,
        "TERM" => libc::SIGTERM,
        "CHLD" | "CLD" => libc::SIGCHLD,
        "CONT" => libc::SIGCONT,
        "STOP" => libc::SIGSTOP,
        "TSTP" => libc::SIGTSTP,
        "TTIN" => libc::SIGTTIN,
        "TTOU" => libc::SIGTTOU,
        "URG" => libc::SIGURG,
        "XCPU" => libc::SIGXCPU,
        "XFSZ" => libc::SIGXFSZ,
        "VTALRM" => libc::SIGVTALRM,
        "PROF" => libc::SIGPROF,
        "WINCH" => libc::SIGWINCH,
        "IO" | "POLL" => libc::SIGIO,
        "PWR" => libc::SIGPWR,
        "SYS" => libc::SIGSYS,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_name_signals_in_many_ways() {
        for (name, expect) in [
            (None, 15),
            (Some("SIGQUIT"), 3),
            (Some("quit"), 3),
            (Some("10"), 10),
            (Some("SIGRTMIN+3"), libc::SIGRTMIN() + 3),
            (Some("nonsense"), 15),
            (Some("99"), 15),
        ] {
            assert_eq!(number(name), expect, "{name:?}");
        }
    }
}
