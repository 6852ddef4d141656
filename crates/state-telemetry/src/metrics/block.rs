//! The buckets of one series in one window, as columns.
//!
//! Times first, then counts, sums, minima and maxima, then the distributions: what asks for averages passes over the rest.

use super::bytes::{Reader, put_signed, put_varint};
use super::column;
use super::summary::{Bucket, Distribution, Summary};

/// What a reader asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// Counts and sums only; the rest is left at nothing.
    Totals,
    /// Minima and maxima too.
    Extremes,
    All,
}

/// All buckets hold a single value each: one column says all.
const ALL_SINGLE: u8 = 1;
/// Some bucket has a distribution of its own.
const HAS_DISTRIBUTIONS: u8 = 2;
/// Times are a row of bits, one for each bucket between the first and the last.
const TIMES_AS_BITS: u8 = 4;

/// Buckets are sorted, and lie on multiples of `width` seconds.
pub(super) fn encode(buckets: &[Bucket], width: i64) -> Vec<u8> {
    let all_single = buckets.iter().all(|bucket| bucket.summary.is_single());
    let has_distributions = buckets.iter().any(|bucket| bucket.summary.distribution != Distribution::Same);
    let (times, times_flag) = encode_times(buckets, width);
    let flags = times_flag
        | if all_single { ALL_SINGLE } else { 0 }
        | if has_distributions { HAS_DISTRIBUTIONS } else { 0 };
    let mut out = vec![flags];
    put_varint(&mut out, buckets.len() as u64);
    put_varint(&mut out, times.len() as u64);
    out.extend_from_slice(&times);
    let mut put = |of: fn(&Summary) -> f64| {
        column::put(&mut out, &buckets.iter().map(|bucket| of(&bucket.summary)).collect::<Vec<_>>());
    };
    put(|summary| summary.sum);
    if !all_single {
        put(|summary| summary.count);
        put(|summary| summary.minimum);
        put(|summary| summary.maximum);
    }
    if has_distributions {
        put_distributions(&mut out, buckets);
    }
    out
}

/// Runs of equal distances, or a row of bits where that is shorter.
fn encode_times(buckets: &[Bucket], width: i64) -> (Vec<u8>, u8) {
    let mut runs = Vec::new();
    let Some(first) = buckets.first().map(|bucket| bucket.start / width) else { return (runs, 0) };
    put_signed(&mut runs, first);
    let mut bits = runs.clone();
    let last = buckets.last().map_or(first, |bucket| bucket.start / width);
    let distances = buckets.windows(2).map(|pair| (pair[1].start - pair[0].start) / width);
    let mut run: Option<(i64, u64)> = None;
    for distance in distances {
        match &mut run {
            Some((known, length)) if *known == distance => *length += 1,
            _ => {
                put_run(&mut runs, run);
                run = Some((distance, 1));
            }
        }
    }
    put_run(&mut runs, run);
    let row_len = usize::try_from((last - first) / 8 + 1).unwrap_or(usize::MAX);
    if row_len.saturating_add(bits.len()) >= runs.len() {
        return (runs, 0);
    }
    let begin = bits.len();
    bits.resize(begin + row_len, 0);
    for bucket in buckets {
        let place = (bucket.start / width - first) as usize;
        bits[begin + place / 8] |= 1 << (place % 8);
    }
    (bits, TIMES_AS_BITS)
}

fn put_run(out: &mut Vec<u8>, run: Option<(i64, u64)>) {
    if let Some((distance, length)) = run {
        put_varint(out, distance.cast_unsigned());
        put_varint(out, length);
    }
}

fn read_times(mut reader: Reader<'_>, as_bits: bool, count: usize, width: i64) -> Option<Vec<i64>> {
    let mut times = Vec::with_capacity(count.min(1 << 16));
    let mut place = reader.signed()?;
    if as_bits {
        for byte in reader.0 {
            let mut rest = *byte;
            while rest != 0 {
                times.push((place + i64::from(rest.trailing_zeros())).checked_mul(width)?);
                rest &= rest - 1;
            }
            place += 8;
        }
    } else {
        times.push(place.checked_mul(width)?);
        while !reader.is_empty() {
            let distance = reader.varint()?.cast_signed();
            for _ in 0..reader.length()? {
                place = place.checked_add(distance)?;
                times.push(place.checked_mul(width)?);
            }
        }
    }
    (times.len() == count).then_some(times)
}

fn put_distributions(out: &mut Vec<u8>, buckets: &[Bucket]) {
    let (mut exact, mut exact_counts) = (Vec::new(), Vec::new());
    let (mut keys, mut key_counts) = (Vec::new(), Vec::new());
    for bucket in buckets {
        match &bucket.summary.distribution {
            Distribution::Same => put_varint(out, 0),
            Distribution::Unknown => put_varint(out, 1),
            Distribution::Exact(pairs) => {
                put_varint(out, 2 + 2 * pairs.len() as u64);
                exact.extend(pairs.iter().map(|(value, _)| *value));
                exact_counts.extend(pairs.iter().map(|(_, count)| *count));
            }
            Distribution::Sketch(pairs) => {
                put_varint(out, 3 + 2 * pairs.len() as u64);
                let mut last = 0;
                keys.extend(
                    pairs.iter().map(|(key, _)| f64::from(*key - std::mem::replace(&mut last, *key))),
                );
                key_counts.extend(pairs.iter().map(|(_, count)| *count));
            }
        }
    }
    for values in [exact, exact_counts, keys, key_counts] {
        column::put(out, &values);
    }
}

fn read_distributions(reader: &mut Reader<'_>, count: usize) -> Option<Vec<Distribution>> {
    let mut tags = Vec::with_capacity(count.min(1 << 16));
    let (mut exact_len, mut keys_len) = (0, 0);
    for _ in 0..count {
        let tag = reader.length()?;
        match tag {
            0 | 1 => {}
            _ if tag.is_multiple_of(2) => exact_len += (tag - 2) / 2,
            _ => keys_len += (tag - 3) / 2,
        }
        tags.push(tag);
    }
    let mut pairs =
        |length| -> Option<_> { Some((column::read(reader, length)?, column::read(reader, length)?)) };
    let ((exact, exact_counts), (keys, key_counts)) = (pairs(exact_len)?, pairs(keys_len)?);
    let mut exact = exact.into_iter().zip(exact_counts);
    let mut keys = keys.into_iter().zip(key_counts);
    let read = |tag: usize| match tag {
        0 => Distribution::Same,
        1 => Distribution::Unknown,
        _ if tag.is_multiple_of(2) => Distribution::Exact(exact.by_ref().take((tag - 2) / 2).collect()),
        _ => {
            let mut last = 0;
            #[expect(clippy::cast_possible_truncation, reason = "keys were 32 bits wide")]
            let key = |(step, count): (f64, f64)| {
                last += step as i32;
                (last, count)
            };
            Distribution::Sketch(keys.by_ref().take((tag - 3) / 2).map(key).collect())
        }
    };
    Some(tags.into_iter().map(read).collect())
}

/// Tells each bucket; none for bytes that are no block.
pub(super) fn decode(bytes: &[u8], width: i64, needs: Needs) -> Option<Vec<Bucket>> {
    let mut reader = Reader(bytes);
    let flags = reader.byte()?;
    let count = reader.length()?;
    let times_len = reader.length()?;
    let times = read_times(Reader(reader.take(times_len)?), flags & TIMES_AS_BITS != 0, count, width)?;
    let sums = column::read(&mut reader, count)?;
    let with_times = |of: &mut dyn FnMut(usize) -> Summary| {
        times.iter().enumerate().map(|(place, start)| Bucket { start: *start, summary: of(place) }).collect()
    };
    if flags & ALL_SINGLE != 0 {
        return Some(with_times(&mut |place| Summary::repeated(sums[place], 1.0)));
    }
    let counts = column::read(&mut reader, count)?;
    if needs == Needs::Totals {
        return Some(with_times(&mut |place| Summary {
            count: counts[place],
            sum: sums[place],
            minimum: 0.0,
            maximum: 0.0,
            distribution: Distribution::Unknown,
        }));
    }
    let minima = column::read(&mut reader, count)?;
    let maxima = column::read(&mut reader, count)?;
    let mut distributions = match flags & HAS_DISTRIBUTIONS {
        0 => Vec::new(),
        _ if needs == Needs::Extremes => vec![Distribution::Unknown; count],
        _ => read_distributions(&mut reader, count)?,
    };
    distributions.resize(count, Distribution::Same);
    Some(with_times(&mut |place| Summary {
        count: counts[place],
        sum: sums[place],
        minimum: minima[place],
        maximum: maxima[place],
        distribution: std::mem::replace(&mut distributions[place], Distribution::Same),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(seed: i64) -> Summary {
        let mut all = Summary::repeated(seed as f64 / 4.0, 1.0);
        for step in 0..(seed % 7) * (seed % 41) {
            all.merge(&Summary::repeated((seed + step) as f64, 2.0));
        }
        all.limit_exact(100);
        if seed % 29 == 3 {
            all.distribution = Distribution::Unknown;
        }
        all
    }

    #[test]
    fn blocks_come_back() {
        for (step, singles) in [(1, true), (1, false), (3, true), (0, false), (0, true)] {
            let mut buckets = Vec::new();
            let mut start = -600;
            for seed in 0..300 {
                // Without a step: by chance.
                start += 60 * if step == 0 { 1 + (seed * seed) % 5 } else { step };
                let summary = if singles { Summary::repeated(seed as f64 / 8.0, 1.0) } else { summary(seed) };
                buckets.push(Bucket { start, summary });
            }
            let bytes = encode(&buckets, 60);
            assert_eq!(decode(&bytes, 60, Needs::All).as_ref(), Some(&buckets));
            let totals = decode(&bytes, 60, Needs::Totals).expect("a block");
            for (found, expect) in totals.iter().zip(&buckets) {
                assert_eq!((found.start, found.summary.count), (expect.start, expect.summary.count));
                assert_eq!(found.summary.sum, expect.summary.sum);
            }
            for end in 0..bytes.len() {
                assert_eq!(decode(&bytes[..end], 60, Needs::All), None, "{end}");
            }
        }
    }
}
