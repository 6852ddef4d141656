//! Numbers of any width, end to end.

#[derive(Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    pending: u64,
    filled: u32,
}

impl BitWriter {
    /// The lowest `width` bits of `number`.
    pub(super) fn put(&mut self, number: u64, width: u32) {
        if width > 32 {
            self.put(number & 0xffff_ffff, 32);
            return self.put(number >> 32, width - 32);
        }
        if width == 0 {
            return;
        }
        let number = number & (u64::MAX >> (64 - width));
        // At most 31 bits are pending, so both fit.
        self.pending |= number << self.filled;
        self.filled += width;
        while self.filled >= 8 {
            self.bytes.push(self.pending as u8);
            self.pending >>= 8;
            self.filled -= 8;
        }
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.filled > 0 {
            self.bytes.push(self.pending as u8);
        }
        self.bytes
    }
}

pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    place: usize,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, place: 0 }
    }

    pub(super) fn get(&mut self, width: u32) -> Option<u64> {
        if width > 32 {
            let low = self.get(32)?;
            return Some(low | (self.get(width - 32)? << 32));
        }
        if width == 0 {
            return Some(0);
        }
        let (first, skip) = (self.place / 8, (self.place % 8) as u32);
        let word = match self.bytes.get(first..first + 8) {
            Some(word) => u64::from_le_bytes(word.try_into().ok()?),
            None => {
                let rest = self.bytes.get(first..)?;
                if rest.len() * 8 < (skip + width) as usize {
                    return None;
                }
                let mut word = [0; 8];
                word[..rest.len()].copy_from_slice(rest);
                u64::from_le_bytes(word)
            }
        };
        self.place += width as usize;
        Some((word >> skip) & (u64::MAX >> (64 - width)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_got() {
        let numbers: Vec<(u64, u32)> = (0..=64)
            .map(|width| (if width == 0 { 0 } else { 0xa5c3_96f0_1234_beef >> (64 - width) }, width))
            .collect();
        let mut writer = BitWriter::default();
        numbers.iter().for_each(|(number, width)| writer.put(*number, *width));
        let bytes = writer.finish();
        assert_eq!(bytes.len(), 65 * 64 / 2 / 8);
        let mut reader = BitReader::new(&bytes);
        for (number, width) in numbers {
            assert_eq!(reader.get(width), Some(number));
        }
        assert_eq!(reader.get(1), None);
    }
}
