//! Lets only the members through that belong to the body.

use bytes::Bytes;
use wire_schema::{Document, Instant, Location, MemberSchema, Members, ShapeWriter};

/// Stands between a message's top level and the writer of its body.
pub struct BodyFilter<'a> {
    inner: &'a mut dyn ShapeWriter,
    /// How deep we are inside a list or map that is passed over.
    skipped: usize,
    /// Whether anything went to the body.
    pub wrote: bool,
}

impl<'a> BodyFilter<'a> {
    pub fn new(inner: &'a mut dyn ShapeWriter) -> Self {
        Self { inner, skipped: 0, wrote: false }
    }

    fn passes(&mut self, member: &MemberSchema) -> bool {
        let passes = self.skipped == 0 && member.location == Location::Body;
        self.wrote |= passes;
        passes
    }
}

macro_rules! forward {
    ($($function:ident: $kind:ty),* $(,)?) => {$(
        fn $function(&mut self, member: &'static MemberSchema, value: $kind) {
            if self.passes(member) {
                self.inner.$function(member, value);
            }
        }
    )*};
}

macro_rules! forward_container {
    ($($begin:ident, $end:ident);* $(;)?) => {$(
        fn $begin(&mut self, member: &'static MemberSchema, length: usize) {
            if self.passes(member) {
                self.inner.$begin(member, length);
            } else {
                self.skipped += 1;
            }
        }

        fn $end(&mut self, member: &'static MemberSchema) {
            if self.skipped > 0 {
                self.skipped -= 1;
            } else {
                self.inner.$end(member);
            }
        }
    )*};
}

impl ShapeWriter for BodyFilter<'_> {
    forward! {
        structure: &dyn Members,
        boolean: bool,
        integer: i32,
        long: i64,
        float: f32,
        double: f64,
        string: &str,
        blob: &Bytes,
        timestamp: Instant,
        document: &Document,
    }

    forward_container! {
        list_begin, list_end;
        map_begin, map_end;
    }

    fn map_key(&mut self, member: &'static MemberSchema, key: &str) {
        if self.skipped == 0 {
            self.inner.map_key(member, key);
        }
    }
}
