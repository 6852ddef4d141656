//! Values as keys on a logarithmic scale: each key stands for values that differ from its own by at most 1 %.

use crate::limits::SKETCH_KEYS_MAX;

/// A value is at most this far from that of its key.
pub const RELATIVE_ERROR: f64 = 0.01;

const GAMMA: f64 = (1.0 + RELATIVE_ERROR) / (1.0 - RELATIVE_ERROR);

/// More than the logarithm of any number needs, so that keys of positive values are positive.
const OFFSET: i32 = 40_000;

/// Ascending with the value; 0 is 0.
pub(super) fn key(value: f64) -> i32 {
    if value == 0.0 {
        return 0;
    }
    let place = (value.abs().ln() / GAMMA.ln()).ceil();
    #[expect(clippy::cast_possible_truncation, reason = "logarithms of finite numbers are small")]
    let key = place as i32 + OFFSET;
    if value > 0.0 { key } else { -key }
}

pub(super) fn value(key: i32) -> f64 {
    if key == 0 {
        return 0.0;
    }
    let size = 2.0 * GAMMA.powi(key.abs() - OFFSET) / (GAMMA + 1.0);
    if key > 0 { size } else { -size }
}

/// Adds to keys that are sorted. Beyond the limit the lowest are thrown together: high percentiles stay good.
pub(super) fn add(keys: &mut Vec<(i32, f64)>, key: i32, count: f64) {
    let place = match keys.last() {
        Some((last, _)) if *last < key => keys.len(),
        _ => keys.partition_point(|(known, _)| *known < key),
    };
    match keys.get_mut(place) {
        Some((known, total)) if *known == key => *total += count,
        _ => keys.insert(place, (key, count)),
    }
    if keys.len() > SKETCH_KEYS_MAX {
        let (_, lowest) = keys.remove(0);
        keys[0].1 += lowest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_near_their_values_and_in_their_order() {
        let mut last = i32::MIN;
        for exponent in -300..300 {
            let own = -1.7 * 1.13_f64.powi(-exponent);
            assert!(key(own) > last);
            last = key(own);
            for own in [own, -own] {
                let error = (value(key(own)) - own).abs() / own.abs();
                assert!(error <= RELATIVE_ERROR + 1e-9, "{own} is wrong by {error}");
            }
        }
        assert_eq!((key(0.0), value(0)), (0, 0.0));
        assert!(key(-1e-300) < 0 && key(1e-300) > 0);
        assert!(value(key(2_f64.powi(360))).is_finite());
    }

    #[test]
    fn keys_are_bounded() {
        let mut keys = Vec::new();
        (0..10_000).for_each(|key| add(&mut keys, 10_000 - key, 1.0));
        assert_eq!(keys.len(), SKETCH_KEYS_MAX);
        assert_eq!(keys.iter().map(|(_, count)| count).sum::<f64>(), 10_000.0);
        assert_eq!(keys.last(), Some(&(10_000, 1.0)));
    }
}
