//! Writing: a header for a stream whose end is not known, and samples as integers.

use super::super::SampleRate;
use super::{BitDepth, FORMAT_PCM, UNKNOWN_LENGTH};

/// The header before a stream of samples: one channel, the rate in whole samples a second, and lengths that say they are not known.
#[must_use]
pub fn header(rate: SampleRate, depth: BitDepth) -> [u8; 44] {
    // Clients compare headers with those of `WaveBeans`, whose outer length is twelve more than what follows it.
    const OUTER_LENGTH: u32 = UNKNOWN_LENGTH + 48;
    const CHANNELS: u16 = 1;
    let hertz = rate.whole_hertz();
    let (bytes, bits) = match depth {
        BitDepth::Eight => (1, 8),
        BitDepth::Sixteen => (2, 16),
        BitDepth::TwentyFour => (3, 24),
        BitDepth::ThirtyTwo => (4, 32),
        BitDepth::SixtyFour => (8u16, 64u16),
    };
    let mut header = [0; 44];
    let mut end = 0;
    let mut put = |part: &[u8]| {
        header[end..end + part.len()].copy_from_slice(part);
        end += part.len();
    };
    put(b"RIFF");
    put(&OUTER_LENGTH.to_le_bytes());
    put(b"WAVEfmt ");
    put(&16u32.to_le_bytes());
    put(&FORMAT_PCM.to_le_bytes());
    put(&CHANNELS.to_le_bytes());
    put(&hertz.to_le_bytes());
    put(&hertz.saturating_mul(u32::from(bytes)).to_le_bytes());
    put(&bytes.to_le_bytes());
    put(&bits.to_le_bytes());
    put(b"data");
    put(&UNKNOWN_LENGTH.to_le_bytes());
    header
}

/// Appends samples as integers: scaled, rounded to the nearest (halves to the even one), and held to what the depth can say. What is no
/// number is silence.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts of floats saturate; those of integers are within range")]
pub fn encode(samples: &[f64], depth: BitDepth, out: &mut Vec<u8>) {
    let scale = depth.scale();
    let nearest = |sample: &f64| (sample * scale).round_ties_even();
    out.reserve(samples.len().saturating_mul(depth.bytes()));
    match depth {
        BitDepth::Eight => out.extend(samples.iter().map(|sample| (i16::from(nearest(sample) as i8) + 128) as u8)),
        BitDepth::Sixteen => out.extend(samples.iter().flat_map(|sample| (nearest(sample) as i16).to_le_bytes())),
        BitDepth::TwentyFour => out.extend(samples.iter().flat_map(|sample| {
            let [low, middle, high, _] = (nearest(sample) as i32).clamp(-(1 << 23), (1 << 23) - 1).to_le_bytes();
            [low, middle, high]
        })),
        BitDepth::ThirtyTwo => out.extend(samples.iter().flat_map(|sample| (nearest(sample) as i32).to_le_bytes())),
        BitDepth::SixtyFour => out.extend(samples.iter().flat_map(|sample| (nearest(sample) as i64).to_le_bytes())),
    }
}
