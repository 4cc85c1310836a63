//! Samples as lines of JSON: most of what tables are asked for, so what neighbours have in common is rendered once.

/// Most bytes of a line: an offset has 19 digits at most, a number 24 characters.
pub(super) const LONGEST: usize = BEGIN.len() + 19 + MIDDLE.len() + 24 + END.len();

const BEGIN: &[u8; 10] = b"{\"offset\":";
const MIDDLE: &[u8; 9] = b",\"value\":";
const END: &[u8; 2] = b"}\n";

/// Digits of an offset that are rendered for each line. Those before them stay the same for a tenth of a second.
const LOW: usize = 8;
const LOW_RANGE: u64 = 10u64.pow(LOW as u32);

/// A line up to its value.
struct Head {
    /// More than it can take, so that it is copied with a few instructions, and cut.
    text: [u8; 48],
    /// The offset without its low digits.
    high: u64,
    /// Where the low digits begin.
    low: usize,
}

impl Head {
    /// The beginning of lines whose offsets have these digits before the low ones.
    fn new(high: u64) -> Self {
        let mut digits = itoa::Buffer::new();
        // Before the first tenth of a second is over, there are none.
        let digits = if high == 0 { "" } else { digits.format(high) };
        let low = BEGIN.len() + digits.len();
        let mut text = [0; 48];
        text[..BEGIN.len()].copy_from_slice(BEGIN);
        text[BEGIN.len()..low].copy_from_slice(digits.as_bytes());
        text[low + LOW..low + LOW + MIDDLE.len()].copy_from_slice(MIDDLE);
        Self { text, high, low }
    }

    fn write(&mut self, offset: u64, out: &mut Vec<u8>) {
        let high = offset / LOW_RANGE;
        if high == 0 {
            out.extend_from_slice(BEGIN);
            out.extend_from_slice(itoa::Buffer::new().format(offset).as_bytes());
            out.extend_from_slice(MIDDLE);
            return;
        }
        if high != self.high {
            *self = Self::new(high);
        }
        let begin = out.len();
        out.extend_from_slice(&self.text);
        out.truncate(begin + self.low + LOW + MIDDLE.len());
        out[begin + self.low..][..LOW].copy_from_slice(&digits((offset % LOW_RANGE) as u32));
    }
}

/// The decimal digits of a number that has no more.
fn digits(number: u32) -> [u8; LOW] {
    let number = u64::from(number);
    // Two halves side by side in one word, then four pairs, then eight digits, the first one lowest.
    let halves = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = ((halves * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let pairs = hundreds | ((halves - hundreds * 100) << 16);
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    let digits = tens | ((pairs - tens * 10) << 8);
    (digits + u64::from_le_bytes([b'0'; LOW])).to_le_bytes()
}

/// Appends a line `{"offset":…,"value":…}` for each of the samples. Offsets are not negative.
pub(super) fn write(out: &mut Vec<u8>, offsets: impl Iterator<Item = i64>, samples: &[f64]) {
    out.reserve(samples.len() * LONGEST);
    let mut head = Head::new(0);
    for (offset, sample) in offsets.zip(samples) {
        head.write(offset.unsigned_abs(), out);
        super::json::number(out, *sample);
        out.extend_from_slice(END);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn digits_are_those_of_the_number() {
        for number in (0..10_000).chain((0..LOW_RANGE as u32).step_by(9_973)).chain(LOW_RANGE as u32 - 10_000..LOW_RANGE as u32) {
            assert_eq!(String::from_utf8_lossy(&digits(number)), format!("{number:08}"));
        }
    }

    proptest! {
        #[test]
        fn lines_are_what_they_say(
            first in prop_oneof![0..3 * LOW_RANGE as i64, 0..=i64::MAX - 1_000],
            step in prop_oneof![0..100i64, 0..=LOW_RANGE as i64],
            samples in prop::collection::vec(prop::num::f64::ANY, 0..20),
        ) {
            let offsets: Vec<i64> = (0..samples.len() as i64).map(|i| first.saturating_add(i * step)).collect();
            let mut out = Vec::new();
            write(&mut out, offsets.iter().copied(), &samples);
            prop_assert!(out.len() <= samples.len() * LONGEST);
            let lines = offsets.iter().zip(&samples).map(|(offset, sample)| {
                let value = serde_json::to_string(sample).unwrap();
                format!("{{\"offset\":{offset},\"value\":{value}}}\n")
            });
            prop_assert_eq!(String::from_utf8(out).unwrap(), lines.collect::<String>());
        }
    }
}
