//! Columns of numbers, compressed.
//!
//! Most measurements are decimal numbers of few digits: such a column is kept as whole numbers with a common power of ten, in
//! chunks of bits as wide as the largest of the chunk takes, as they are or as differences. Others are kept as the bits in
//! which each differs from the one before it (as in Facebook's Gorilla), or as they are, whatever is shortest. Nothing is rounded.

use super::bits::{BitReader, BitWriter};
use super::bytes::{Reader, put_f64, put_signed, put_varint, unzigzag, zigzag};

const CONSTANT: u8 = 0;
const DECIMAL: u8 = 1;
const XOR: u8 = 2;
const RAW: u8 = 3;

const CHUNK: usize = 64;
const DIGITS_MAX: u8 = 6;
const POWERS: [f64; DIGITS_MAX as usize + 1] = [1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6];
/// Whole numbers up to this are exact.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// Appends the column behind its length.
pub(super) fn put(out: &mut Vec<u8>, values: &[f64]) {
    let body = encode(values);
    put_varint(out, body.len() as u64);
    out.extend_from_slice(&body);
}

/// `count` values; none for bytes that are no such column.
pub(super) fn read(reader: &mut Reader<'_>, count: usize) -> Option<Vec<f64>> {
    let length = reader.length()?;
    let mut body = Reader(reader.take(length)?);
    match body.byte()? {
        CONSTANT => Some(vec![body.f64()?; count]),
        DECIMAL => read_decimal(body, count),
        XOR => read_xor(body, count),
        RAW => (0..count).map(|_| body.f64()).collect(),
        _ => None,
    }
}

fn encode(values: &[f64]) -> Vec<u8> {
    let first = values.first().copied().unwrap_or_default();
    if values.iter().all(|value| value.to_bits() == first.to_bits()) {
        let mut out = vec![CONSTANT];
        put_f64(&mut out, first);
        return out;
    }
    if let Some((digits, whole)) = as_decimal(values) {
        return encode_decimal(digits, &whole);
    }
    let out = encode_xor(values);
    if out.len() <= 8 * values.len() {
        return out;
    }
    let mut out = vec![RAW];
    values.iter().for_each(|value| put_f64(&mut out, *value));
    out
}

/// Whole numbers that divided by the power of ten are exactly the values.
fn as_decimal(values: &[f64]) -> Option<(u8, Vec<i64>)> {
    let mut digits = 0;
    let is_exact = |value: f64, digits: u8| {
        let power = POWERS[usize::from(digits)];
        let whole = (value * power).round();
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the size is checked; minus zero is none of these"
        )]
        let back = whole as i64 as f64 / power;
        whole.abs() < WHOLE_MAX && back.to_bits() == value.to_bits()
    };
    for value in values {
        while !is_exact(*value, digits) {
            digits += 1;
            if digits > DIGITS_MAX {
                return None;
            }
        }
    }
    let power = POWERS[usize::from(digits)];
    // What was exact with fewer digits need not be with more.
    values.iter().all(|value| is_exact(*value, digits)).then(|| {
        #[expect(clippy::cast_possible_truncation, reason = "the size was checked")]
        let whole = values.iter().map(|value| (value * power).round() as i64).collect();
        (digits, whole)
    })
}

fn encode_decimal(digits: u8, whole: &[i64]) -> Vec<u8> {
    let mut out = vec![DECIMAL, digits];
    let mut previous = 0;
    for chunk in whole.chunks(CHUNK) {
        let least = chunk.iter().copied().min().unwrap_or_default();
        let plain: Vec<u64> = chunk.iter().map(|number| (number - least).cast_unsigned()).collect();
        let mut last = previous;
        let steps: Vec<u64> =
            chunk.iter().map(|number| zigzag(number - std::mem::replace(&mut last, *number))).collect();
        previous = last;
        let width = |numbers: &[u64]| 64 - numbers.iter().fold(0, |all, number| all | number).leading_zeros();
        let (plain_width, step_width) = (width(&plain), width(&steps));
        let (numbers, width) = if step_width < plain_width {
            out.push(0x80 | step_width as u8);
            (steps, step_width)
        } else {
            out.push(plain_width as u8);
            put_signed(&mut out, least);
            (plain, plain_width)
        };
        let mut bits = BitWriter::default();
        numbers.iter().for_each(|number| bits.put(*number, width));
        out.extend_from_slice(&bits.finish());
    }
    out
}

fn read_decimal(mut body: Reader<'_>, count: usize) -> Option<Vec<f64>> {
    let power = *POWERS.get(usize::from(body.byte()?))?;
    let mut values = Vec::with_capacity(count.min(1 << 16));
    let mut previous = 0_i64;
    while values.len() < count {
        let size = CHUNK.min(count - values.len());
        let tag = body.byte()?;
        let (is_steps, width) = (tag & 0x80 != 0, u32::from(tag & 0x7f));
        let least = if is_steps { 0 } else { body.signed()? };
        if width > 64 {
            return None;
        }
        let mut bits = BitReader::new(body.take((size * width as usize).div_ceil(8))?);
        for _ in 0..size {
            let number = bits.get(width)?;
            previous = if is_steps {
                previous.wrapping_add(unzigzag(number))
            } else {
                least.wrapping_add(number.cast_signed())
            };
            values.push(previous as f64 / power);
        }
    }
    Some(values)
}

fn encode_xor(values: &[f64]) -> Vec<u8> {
    let mut bits = BitWriter::default();
    let mut previous = 0_u64;
    // No window of bits yet.
    let (mut leading, mut trailing) = (65, 0);
    for value in values {
        let difference = value.to_bits() ^ previous;
        previous = value.to_bits();
        if difference == 0 {
            bits.put(0, 1);
            continue;
        }
        let (own_leading, own_trailing) = (difference.leading_zeros(), difference.trailing_zeros());
        if leading <= own_leading
            && trailing <= own_trailing
            && own_leading + own_trailing < leading + trailing + 13
        {
            bits.put(0b01, 2);
        } else {
            (leading, trailing) = (own_leading, own_trailing);
            bits.put(0b11, 2);
            bits.put(leading.into(), 6);
            bits.put(u64::from(64 - leading - trailing - 1), 6);
        }
        bits.put(difference >> trailing, 64 - leading - trailing);
    }
    let mut out = vec![XOR];
    out.extend_from_slice(&bits.finish());
    out
}

fn read_xor(body: Reader<'_>, count: usize) -> Option<Vec<f64>> {
    let mut bits = BitReader::new(body.0);
    let mut values = Vec::with_capacity(count.min(1 << 16));
    let (mut previous, mut width, mut trailing) = (0_u64, 0, 0);
    for _ in 0..count {
        if bits.get(1)? == 1 {
            if bits.get(1)? == 1 {
                let leading = bits.get(6)? as u32;
                width = bits.get(6)? as u32 + 1;
                trailing = 64_u32.checked_sub(leading + width)?;
            }
            previous ^= bits.get(width)? << trailing;
        }
        values.push(f64::from_bits(previous));
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(values: &[f64]) -> usize {
        let mut out = Vec::new();
        put(&mut out, values);
        let mut reader = Reader(&out);
        let found = read(&mut reader, values.len()).expect("a column");
        assert!(reader.is_empty());
        let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&found), bits(values));
        out.len()
    }

    #[test]
    fn each_kind_is_chosen_for_what_it_is_good_at() {
        assert!(check(&[7.25; 1000]) < 12);
        let counter: Vec<f64> = (0..1000).map(|step| f64::from(step * 3)).collect();
        assert!(check(&counter) < 800);
        let percent: Vec<f64> = (0..1000).map(|step| f64::from((step * 7919) % 1000) / 100.0).collect();
        assert!(check(&percent) < 1400);
        let waves: Vec<f64> = (0..1000).map(|step| f64::from(step).sin()).collect();
        assert!(check(&waves) < 8010);
        check(&[]);
        check(&[0.1, f64::MAX, -1e-300, 0.0, 5e-324]);
        check(&[9_007_199_254_740_991.0, -9_007_199_254_740_991.0, 0.5]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn any_numbers_come_back(values in prop::collection::vec(any::<f64>().prop_filter("finite", |value| value.is_finite()), 0..200)) {
            check(&values);
        }

        #[test]
        fn any_decimals_come_back(values in prop::collection::vec(-1_000_000_i32..1_000_000, 0..200), power in 0..8) {
            check(&values.iter().map(|value| f64::from(*value) / 10_f64.powi(power)).collect::<Vec<_>>());
        }

        #[test]
        fn damage_is_seen_or_harmless(bytes in prop::collection::vec(any::<u8>(), 0..100), count in 0..100_usize) {
            let _ = read(&mut Reader(&bytes), count);
        }
    }
}
