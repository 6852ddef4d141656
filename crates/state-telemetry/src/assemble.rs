//! Lines of a container's output turned into log events, as the awslogs driver does it.
//!
//! Pure: lines and times come in, events go out. <https://docs.docker.com/engine/logging/drivers/awslogs/>

mod strftime;

use regex::bytes::{Regex, RegexBuilder};
use stdx::clock::Timestamp;

use crate::limits::{DRIVER_EVENT_BYTES_MAX, DRIVER_FLUSH_MS, PATTERN_REGEX_BYTES_MAX};

/// The options of the awslogs driver that decide where an event begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssembleOptions {
    /// `awslogs-datetime-format`: a strftime format; a line that has such a time begins an event.
    pub datetime_format: Option<String>,
    /// `awslogs-multiline-pattern`: a line that this regular expression matches begins an event.
    pub multiline_pattern: Option<String>,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssembleError {
    #[error(
        "you cannot configure log opt 'awslogs-datetime-format' and 'awslogs-multiline-pattern' at the same time"
    )]
    BothOptions,
    #[error("awslogs could not parse multiline pattern key {text:?}")]
    Pattern { text: String },
}

/// An event as PutLogEvents takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AssembledEvent<'a> {
    /// The time of its first line.
    pub timestamp: Timestamp,
    pub message: &'a str,
}

/// Holds at most one unfinished multi-line event. Cloning is cheap enough to try a batch and take it back.
#[derive(Clone, Debug)]
pub struct Assembler {
    first_line: Option<Regex>,
    pending: Vec<u8>,
    pending_since: Timestamp,
}

impl Assembler {
    pub fn new(options: &AssembleOptions) -> Result<Self, AssembleError> {
        let text = match (&options.datetime_format, &options.multiline_pattern) {
            (Some(_), Some(_)) => return Err(AssembleError::BothOptions),
            (Some(format), None) => Some(strftime::to_regex(format)),
            (None, Some(pattern)) => Some(pattern.clone()),
            (None, None) => None,
        };
        let compile = |text: String| {
            RegexBuilder::new(&text)
                .size_limit(PATTERN_REGEX_BYTES_MAX)
                .build()
                .map_err(|_| AssembleError::Pattern { text })
        };
        let first_line = text.map(compile).transpose()?;
        Ok(Self { first_line, pending: Vec::new(), pending_since: Timestamp::default() })
    }

    /// Takes one line without its newline and passes on the events that it finished.
    pub fn push(&mut self, timestamp: Timestamp, line: &[u8], sink: &mut impl FnMut(AssembledEvent<'_>)) {
        let Some(first_line) = &self.first_line else {
            emit(timestamp, line, sink);
            return;
        };
        if first_line.is_match(line) || self.pending.len() + line.len() > DRIVER_EVENT_BYTES_MAX {
            self.finish(sink);
        }
        if self.pending.is_empty() {
            self.pending_since = timestamp;
        }
        self.pending.extend_from_slice(line);
        // The driver keeps the newline of every line of a multi-line event.
        if line.len() < DRIVER_EVENT_BYTES_MAX {
            self.pending.push(b'\n');
        }
    }

    /// When [`Assembler::flush_due`] has something to do, if no further line comes.
    pub fn deadline(&self) -> Option<Timestamp> {
        let flush = std::time::Duration::from_millis(DRIVER_FLUSH_MS);
        (!self.pending.is_empty()).then(|| self.pending_since.plus(flush))
    }

    /// Passes on the unfinished event when it waited long enough.
    pub fn flush_due(&mut self, now: Timestamp, sink: &mut impl FnMut(AssembledEvent<'_>)) {
        if self.deadline().is_some_and(|deadline| now >= deadline) {
            self.finish(sink);
        }
    }

    /// Passes on what is left: at the end of the output, and before a position is stored that lies behind it.
    pub fn finish(&mut self, sink: &mut impl FnMut(AssembledEvent<'_>)) {
        if !self.pending.is_empty() {
            emit(self.pending_since, &self.pending, sink);
            self.pending.clear();
        }
    }

    pub fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }
}

/// Passes on `bytes` as one event, or as several when it is larger than an event may be. Nothing stays
/// nothing: the driver drops empty lines.
fn emit(timestamp: Timestamp, bytes: &[u8], sink: &mut impl FnMut(AssembledEvent<'_>)) {
    if bytes.is_empty() {
        return;
    }
    let text = String::from_utf8_lossy(bytes);
    if text.len() <= DRIVER_EVENT_BYTES_MAX {
        sink(AssembledEvent { timestamp, message: &text });
        return;
    }
    let mut rest = text.as_ref();
    while !rest.is_empty() {
        let end = rest.floor_char_boundary(DRIVER_EVENT_BYTES_MAX.min(rest.len()));
        let (head, tail) = rest.split_at(end);
        sink(AssembledEvent { timestamp, message: head });
        rest = tail;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(options: &AssembleOptions, lines: &[&str], expect: &[&str]) {
        let mut assembler = Assembler::new(options).expect("options are fine");
        let mut events = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            let at = Timestamp::from_millis(i64::try_from(index).unwrap_or(0));
            assembler.push(at, line.as_bytes(), &mut |event| events.push(event.message.to_owned()));
        }
        assembler.finish(&mut |event| events.push(event.message.to_owned()));
        assert_eq!(events, expect);
    }

    #[test]
    fn every_line_is_an_event_without_options() {
        check(&AssembleOptions::default(), &["a", "", " ", "b"], &["a", " ", "b"]);
    }

    #[test]
    fn lines_join_at_a_pattern() {
        let options = AssembleOptions { multiline_pattern: Some("^INFO".into()), ..Default::default() };
        check(
            &options,
            &["early", "INFO one", " more", "", "INFO two"],
            &["early\n", "INFO one\n more\n\n", "INFO two\n"],
        );
    }

    #[test]
    fn lines_join_at_a_time() {
        let options = AssembleOptions {
            datetime_format: Some("\\[%b %d, %Y %H:%M:%S\\]".into()),
            ..Default::default()
        };
        check(
            &options,
            &["[May 01, 2017 19:00:01] A message", "another line", "[May 01, 2017 19:01:32] Another"],
            &["[May 01, 2017 19:00:01] A message\nanother line\n", "[May 01, 2017 19:01:32] Another\n"],
        );
    }

    #[test]
    fn large_lines_are_split_between_characters() {
        let line = format!("{}ü{}", "x".repeat(DRIVER_EVENT_BYTES_MAX - 1), "y".repeat(10));
        let parts = ["x".repeat(DRIVER_EVENT_BYTES_MAX - 1), format!("ü{}", "y".repeat(10))];
        check(&AssembleOptions::default(), &[&line], &[&parts[0], &parts[1]]);
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        let mut assembler = Assembler::new(&AssembleOptions::default()).expect("options are fine");
        let mut messages = Vec::new();
        assembler.push(Timestamp(1), b"a\xffb", &mut |event| messages.push(event.message.to_owned()));
        assert_eq!(messages, ["a\u{fffd}b"]);
    }

    #[test]
    fn an_unfinished_event_waits_for_its_deadline() {
        let options = AssembleOptions { multiline_pattern: Some("^x".into()), ..Default::default() };
        let mut assembler = Assembler::new(&options).expect("options are fine");
        let mut events = Vec::new();
        assembler.push(Timestamp(1_000), b"x one", &mut |event| {
            events.push((event.timestamp, event.message.to_owned()))
        });
        assert_eq!(assembler.deadline(), Some(Timestamp(6_000)));
        assembler.flush_due(Timestamp(5_999), &mut |event| {
            events.push((event.timestamp, event.message.to_owned()))
        });
        assert!(events.is_empty() && !assembler.is_idle());
        assembler.flush_due(Timestamp(6_000), &mut |event| {
            events.push((event.timestamp, event.message.to_owned()))
        });
        assert_eq!(events, [(Timestamp(1_000), "x one\n".to_owned())]);
        assert_eq!(assembler.deadline(), None);
    }

    #[test]
    fn options_are_checked() {
        let both =
            AssembleOptions { datetime_format: Some("%Y".into()), multiline_pattern: Some("x".into()) };
        assert_eq!(Assembler::new(&both).err(), Some(AssembleError::BothOptions));
        let broken = AssembleOptions { multiline_pattern: Some("(".into()), ..Default::default() };
        assert!(matches!(Assembler::new(&broken), Err(AssembleError::Pattern { .. })));
    }
}
