//! From a name on the wire to a member of the schema.

use wire_schema::StructureSchema;

/// The member with this wire name. `hint` is where the search begins: clients send members in the schema's
/// order far more often than not, so a lookup mostly costs one comparison.
pub fn find(schema: &StructureSchema, name: &[u8], hint: usize) -> Option<usize> {
    let members = schema.members;
    let start = hint.min(members.len());
    let (before, after) = members.split_at(start);
    let matches = |member: &wire_schema::MemberSchema| member.wire_name.as_bytes() == name;
    after.iter().position(matches).map(|at| at + start).or_else(|| before.iter().position(matches))
}
