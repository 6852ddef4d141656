//! What a block of the journal says: new series, and samples of known ones.

use super::bytes::{Reader, put_f64, put_signed, put_text, put_varint};
use super::id::MetricId;
use super::sample::{StatisticSet, Unit, Values};

/// The name and the unit of a series: what is put with another unit is another series.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub id: MetricId,
    pub unit: Unit,
}

/// A sample whose series has a number, and whose tier is chosen.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub number: u32,
    pub tier: usize,
    /// As it came; its bucket follows from the tier.
    pub second: i64,
    pub values: Values,
}

const DEFINE: u8 = 0;
const ONE: u8 = 1;
const SET: u8 = 2;
const COUNTED: u8 = 3;

#[derive(Debug)]
pub(super) enum Record {
    Define(u32, Key),
    Entry(Entry),
}

pub(super) fn put_key(out: &mut Vec<u8>, number: u32, key: &Key) {
    put_varint(out, number.into());
    out.push(key.unit as u8);
    put_text(out, &key.id.partition);
    put_text(out, &key.id.namespace);
    put_text(out, &key.id.name);
    put_varint(out, key.id.dimensions.len() as u64);
    for (name, value) in key.id.dimensions.iter() {
        put_text(out, name);
        put_text(out, value);
    }
}

pub(super) fn read_key(reader: &mut Reader<'_>) -> Option<(u32, Key)> {
    let number = u32::try_from(reader.varint()?).ok()?;
    let unit = Unit::of_place(reader.byte()?)?;
    let (partition, namespace, name) = (reader.text()?, reader.text()?, reader.text()?);
    let length = reader.length()?;
    let mut dimensions = Vec::new();
    for _ in 0..length {
        dimensions.push((reader.text()?, reader.text()?));
    }
    Some((number, Key { id: MetricId::new(partition, namespace, name, dimensions), unit }))
}

pub(super) fn put_define(out: &mut Vec<u8>, number: u32, key: &Key) {
    out.push(DEFINE);
    put_key(out, number, key);
}

/// `base` is a second near those of the block.
pub(super) fn put_entry(out: &mut Vec<u8>, base: i64, entry: &Entry) {
    let kind = match &entry.values {
        Values::One(_) => ONE,
        Values::Set(_) => SET,
        Values::Counted(_) => COUNTED,
    };
    out.push(kind | (entry.tier as u8) << 4);
    put_varint(out, entry.number.into());
    put_signed(out, entry.second - base);
    match &entry.values {
        Values::One(value) => put_f64(out, *value),
        Values::Set(set) => {
            [set.count, set.sum, set.minimum, set.maximum]
                .into_iter()
                .for_each(|number| put_f64(out, number));
        }
        Values::Counted(pairs) => {
            put_varint(out, pairs.len() as u64);
            for (value, count) in pairs {
                put_f64(out, *value);
                put_f64(out, *count);
            }
        }
    }
}

/// None for bytes that are no record.
pub(super) fn read(reader: &mut Reader<'_>, base: i64) -> Option<Record> {
    let tag = reader.byte()?;
    if tag == DEFINE {
        return read_key(reader).map(|(number, key)| Record::Define(number, key));
    }
    let tier = usize::from(tag >> 4);
    let number = u32::try_from(reader.varint()?).ok()?;
    let second = reader.signed()?.checked_add(base)?;
    let values = match tag & 0xf {
        ONE => Values::One(reader.f64()?),
        SET => Values::Set(StatisticSet {
            count: reader.f64()?,
            sum: reader.f64()?,
            minimum: reader.f64()?,
            maximum: reader.f64()?,
        }),
        COUNTED => {
            let length = reader.length()?;
            let mut pairs = Vec::new();
            for _ in 0..length {
                pairs.push((reader.f64()?, reader.f64()?));
            }
            Values::Counted(pairs)
        }
        _ => return None,
    };
    (tier < super::tier::TIERS.len()).then_some(Record::Entry(Entry { number, tier, second, values }))
}
