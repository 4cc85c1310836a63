//! Sound as WAV files: one channel of samples, read and written.
//!
//! This is our own code, though crates such as `hound` read WAV files well. They pull from a reader that they may block on, while bodies
//! of requests arrive in pieces that end anywhere. They also believe the lengths in a header, which a file that was streamed by its
//! writer does not know: tools write 0 or the greatest length they dare, and so do we.
//!
//! Integers are scaled by 2^(bits - 1) - 1, in both directions.

mod reading;
mod writing;

pub use reading::{WavError, WavReader};
pub use writing::{encode, header};

/// How many bits an integer sample has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BitDepth {
    /// Unsigned bytes; 128 is silence.
    Eight,
    /// Signed, as are all that follow.
    Sixteen,
    /// Three bytes.
    TwentyFour,
    /// Four bytes.
    ThirtyTwo,
    /// Eight bytes.
    SixtyFour,
}

impl BitDepth {
    /// All there are.
    pub const ALL: [Self; 5] = [Self::Eight, Self::Sixteen, Self::TwentyFour, Self::ThirtyTwo, Self::SixtyFour];

    /// The depth of this many bits.
    #[must_use]
    pub fn from_bits(bits: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|depth| depth.bits() == bits)
    }

    /// How many bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        match self {
            Self::Eight => 8,
            Self::Sixteen => 16,
            Self::TwentyFour => 24,
            Self::ThirtyTwo => 32,
            Self::SixtyFour => 64,
        }
    }

    /// How many bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        self.bits() as usize / 8
    }

    /// The integer that stands for 1: the greatest there is (of 64 bits, the nearest `f64` to it).
    #[expect(clippy::cast_precision_loss, reason = "said above")]
    const fn scale(self) -> f64 {
        (i64::MAX >> (64 - self.bits())) as f64
    }
}

/// The data length of a header whose writer does not know it, as this house writes it.
const UNKNOWN_LENGTH: u32 = 0x7fff_ffff;
const FORMAT_PCM: u16 = 1;

#[cfg(test)]
mod tests;
