//! Reading: a file comes in pieces, samples go out.

use super::{BitDepth, FORMAT_PCM, UNKNOWN_LENGTH};

const FORMAT_FLOAT: u16 = 3;
const FORMAT_EXTENSIBLE: u16 = 0xfffe;
/// What follows the format code in the identifier of a format that has one.
const EXTENSIBLE_TAIL: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
const FORMAT_BYTES: u32 = 16;
const EXTENSIBLE_BYTES: u32 = 40;
/// Lengths of data that say: until the end. The first is our own, the second what SoX writes into a pipe, the third what `FFmpeg` does.
const STREAMED: [u32; 3] = [UNKNOWN_LENGTH, 0x7fff_f000, u32::MAX];

/// Why a file is none that can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WavError {
    /// It begins otherwise.
    #[error("this is no WAV file: it does not begin with RIFF, a length, and WAVE")]
    NotWav,
    /// Samples come before it is said what they are.
    #[error("the samples come before the chunk \"fmt \" that describes them")]
    NoFormat,
    /// A chunk that must come once comes again.
    #[error("there is a second chunk {0:?}")]
    Twice(&'static str),
    /// The format is not described in full.
    #[error("the chunk \"fmt \" has {0} bytes, which is too few")]
    ShortFormat(u32),
    /// Only one channel can be kept.
    #[error("the sound has {0} channels; a table keeps one")]
    Channels(u16),
    /// Neither PCM nor floating point.
    #[error("the samples have format {0:#06x}; known are PCM (1) and floating point (3)")]
    Format(u16),
    /// A depth that the format cannot have here.
    #[error("the samples have {bits} bits; known are {known}")]
    Bits {
        /// What the file says.
        bits: u16,
        /// What there is.
        known: &'static str,
    },
    /// Samples are not packed as their bits say.
    #[error("the samples take {block} bytes each, but have {bits} bits")]
    Block {
        /// Bytes of a sample, as the file says.
        block: u16,
        /// Bits of a sample, as the file says.
        bits: u16,
    },
    /// No time passes between samples.
    #[error("the sample rate is 0")]
    NoRate,
    /// The samples do not come out even.
    #[error("{length} bytes of samples are no whole number of samples of {bytes} bytes")]
    Uneven {
        /// Bytes of all samples.
        length: u64,
        /// Bytes of one.
        bytes: usize,
    },
    /// It ends before there are samples.
    #[error("the file ends after {0} bytes, before its samples begin")]
    NoData(u64),
    /// It was cut off.
    #[error("the file ends {missing} bytes before its samples do")]
    CutOff {
        /// How many bytes more were announced.
        missing: u64,
    },
}

/// Reads a WAV file of one channel: PCM of 8 to 64 bits, or floating point of 32 or 64. Values of floating point are taken as they are,
/// also those that are not finite.
///
/// Memory and time are bounded by what is pushed, whatever lengths a header announces.
#[derive(Debug)]
pub struct WavReader {
    state: State,
    /// The first bytes of something of which more is to come: a header, a format, or a sample.
    held: Vec<u8>,
    /// How many bytes were taken.
    position: u64,
    /// Where the file ends by its first length; `None` when that says nothing.
    end: Option<u64>,
    format: Option<Format>,
    had_data: bool,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Beginning,
    ChunkHeader,
    FormatChunk { length: u32 },
    Skipping { left: u64 },
    Samples { left: u64, padded: bool },
    SamplesUntilTheEnd,
}

#[derive(Debug, Clone, Copy)]
struct Format {
    rate: u32,
    encoding: Encoding,
}

#[derive(Debug, Clone, Copy)]
enum Encoding {
    Integer(BitDepth),
    Float32,
    Float64,
}

impl Default for WavReader {
    fn default() -> Self {
        Self::new()
    }
}

impl WavReader {
    /// A reader of a file of which nothing has come yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { state: State::Beginning, held: Vec::new(), position: 0, end: None, format: None, had_data: false }
    }

    /// Samples a second, once that is known: before the first sample comes out.
    #[must_use]
    pub fn rate(&self) -> Option<u32> {
        self.format.map(|format| format.rate)
    }

    /// Takes the next piece of the file, of any size, and appends the samples that it completes.
    ///
    /// # Errors
    /// When the file cannot be read. Samples may have been appended before; nothing is to be pushed after.
    pub fn push(&mut self, mut piece: &[u8], out: &mut Vec<f64>) -> Result<(), WavError> {
        while !piece.is_empty() {
            match self.state {
                State::Beginning => {
                    if self.hold(&mut piece, 12) {
                        self.begin()?;
                    }
                }
                State::ChunkHeader => {
                    if self.hold(&mut piece, 8) {
                        self.chunk()?;
                    }
                }
                State::FormatChunk { length } => {
                    let wanted = length.min(EXTENSIBLE_BYTES);
                    if self.hold(&mut piece, wanted as usize) {
                        self.format = Some(Format::read(&self.held, length)?);
                        self.state = State::Skipping { left: padded(length) - u64::from(wanted) };
                    }
                }
                State::Skipping { left: 0 } => self.next_chunk(),
                State::Skipping { left } => {
                    let skipped = self.take(&mut piece, left).len();
                    self.state = State::Skipping { left: left - skipped as u64 };
                }
                State::Samples { left: 0, padded } => self.state = State::Skipping { left: u64::from(padded) },
                State::Samples { left, padded } => {
                    let bytes = self.take(&mut piece, left);
                    self.state = State::Samples { left: left - bytes.len() as u64, padded };
                    self.samples(bytes, out)?;
                }
                State::SamplesUntilTheEnd => {
                    let bytes = self.take(&mut piece, u64::MAX);
                    self.samples(bytes, out)?;
                }
            }
        }
        Ok(())
    }

    /// The file ends here. What follows the samples may be cut off; they themselves may not.
    ///
    /// # Errors
    /// When samples are missing, by the length that the file announced, or by the bytes of a sample.
    pub fn finish(self) -> Result<(), WavError> {
        match self.state {
            State::Samples { left, .. } if left > 0 => Err(WavError::CutOff { missing: left }),
            State::SamplesUntilTheEnd if !self.held.is_empty() && !self.ends_in_padding() => {
                Err(WavError::CutOff { missing: (self.encoding()?.bytes() - self.held.len()) as u64 })
            }
            _ if self.had_data => Ok(()),
            _ => Err(WavError::NoData(self.position)),
        }
    }

    /// Some writers pad an odd length even where they do not announce one. All before the samples has an even length.
    fn ends_in_padding(&self) -> bool {
        self.held == [0] && self.position.is_multiple_of(2)
    }

    /// Takes up to so many bytes off the piece.
    fn take<'p>(&mut self, piece: &mut &'p [u8], most: u64) -> &'p [u8] {
        let count = usize::try_from(most).unwrap_or(usize::MAX).min(piece.len());
        let (taken, rest) = piece.split_at(count);
        *piece = rest;
        self.position += count as u64;
        taken
    }

    /// Holds bytes until there are as many as wanted; whether there are.
    fn hold(&mut self, piece: &mut &[u8], wanted: usize) -> bool {
        let taken = self.take(piece, (wanted - self.held.len()) as u64);
        self.held.extend_from_slice(taken);
        self.held.len() == wanted
    }

    fn next_chunk(&mut self) {
        self.held.clear();
        self.state = State::ChunkHeader;
    }

    fn begin(&mut self) -> Result<(), WavError> {
        if &self.held[..4] != b"RIFF" || &self.held[8..] != b"WAVE" {
            return Err(WavError::NotWav);
        }
        let length = u32_at(&self.held, 4);
        // Half the range and more is what writers say who do not know: the data's length would be one of those that do not count.
        self.end = (1..STREAMED[1]).contains(&length).then(|| u64::from(length) + 8);
        self.next_chunk();
        Ok(())
    }

    fn chunk(&mut self) -> Result<(), WavError> {
        let length = u32_at(&self.held, 4);
        match &self.held[..4] {
            b"fmt " if self.format.is_some() => return Err(WavError::Twice("fmt ")),
            b"fmt " if length < FORMAT_BYTES => return Err(WavError::ShortFormat(length)),
            b"fmt " => self.state = State::FormatChunk { length },
            b"data" if self.had_data => return Err(WavError::Twice("data")),
            b"data" => {
                let bytes = self.encoding()?.bytes();
                self.had_data = true;
                // No length at all is one that is not known yet, unless the file is said to go on behind it.
                let unknown = length == 0 && self.end.is_none_or(|end| end <= self.position);
                if unknown || STREAMED.contains(&length) {
                    self.state = State::SamplesUntilTheEnd;
                } else if !(length as usize).is_multiple_of(bytes) {
                    return Err(WavError::Uneven { length: u64::from(length), bytes });
                } else {
                    self.state = State::Samples { left: u64::from(length), padded: length % 2 == 1 };
                }
            }
            _ => self.state = State::Skipping { left: padded(length) },
        }
        self.held.clear();
        Ok(())
    }

    fn encoding(&self) -> Result<Encoding, WavError> {
        self.format.map(|format| format.encoding).ok_or(WavError::NoFormat)
    }

    /// Decodes samples, the first of which may have begun in a former piece.
    fn samples(&mut self, mut bytes: &[u8], out: &mut Vec<f64>) -> Result<(), WavError> {
        let encoding = self.encoding()?;
        if !self.held.is_empty() {
            let (missing, rest) = bytes.split_at(bytes.len().min(encoding.bytes() - self.held.len()));
            self.held.extend_from_slice(missing);
            bytes = rest;
            if self.held.len() < encoding.bytes() {
                return Ok(());
            }
            encoding.decode(&self.held, out);
        }
        let (whole, rest) = bytes.split_at(bytes.len() - bytes.len() % encoding.bytes());
        encoding.decode(whole, out);
        self.held.clear();
        self.held.extend_from_slice(rest);
        Ok(())
    }
}

impl Format {
    /// Reads a description of `length` bytes, of which the first 40 are here.
    fn read(bytes: &[u8], length: u32) -> Result<Self, WavError> {
        let (mut code, channels, rate) = (u16_at(bytes, 0), u16_at(bytes, 2), u32_at(bytes, 4));
        let (block, bits) = (u16_at(bytes, 12), u16_at(bytes, 14));
        if code == FORMAT_EXTENSIBLE {
            if length < EXTENSIBLE_BYTES {
                return Err(WavError::ShortFormat(length));
            }
            if bytes[26..] != EXTENSIBLE_TAIL {
                return Err(WavError::Format(code));
            }
            code = u16_at(bytes, 24);
        }
        if channels != 1 {
            return Err(WavError::Channels(channels));
        }
        if rate == 0 {
            return Err(WavError::NoRate);
        }
        let encoding = match code {
            FORMAT_PCM => {
                BitDepth::from_bits(u32::from(bits)).map(Encoding::Integer).ok_or(WavError::Bits { bits, known: "8, 16, 24, 32 and 64" })?
            }
            FORMAT_FLOAT if bits == 32 => Encoding::Float32,
            FORMAT_FLOAT if bits == 64 => Encoding::Float64,
            FORMAT_FLOAT => return Err(WavError::Bits { bits, known: "32 and 64 for floating point" }),
            _ => return Err(WavError::Format(code)),
        };
        if usize::from(block) != encoding.bytes() {
            return Err(WavError::Block { block, bits });
        }
        Ok(Self { rate, encoding })
    }
}

impl Encoding {
    const fn bytes(self) -> usize {
        match self {
            Self::Integer(depth) => depth.bytes(),
            Self::Float32 => 4,
            Self::Float64 => 8,
        }
    }

    /// Appends whole samples.
    #[expect(clippy::cast_precision_loss, reason = "64 bits are more than an `f64` has")]
    fn decode(self, bytes: &[u8], out: &mut Vec<f64>) {
        let whole = "samples are cut at their bytes";
        let each = bytes.chunks_exact(self.bytes());
        match self {
            Self::Float32 => out.extend(each.map(|b| f64::from(f32::from_le_bytes(b.try_into().expect(whole))))),
            Self::Float64 => out.extend(each.map(|b| f64::from_le_bytes(b.try_into().expect(whole)))),
            Self::Integer(depth) => {
                let scale = depth.scale();
                match depth {
                    BitDepth::Eight => out.extend(bytes.iter().map(|byte| (f64::from(*byte) - 128.0) / scale)),
                    BitDepth::Sixteen => {
                        out.extend(each.map(|b| f64::from(i16::from_le_bytes(b.try_into().expect(whole))) / scale));
                    }
                    // Into the upper bytes, and down again with the sign.
                    BitDepth::TwentyFour => {
                        out.extend(each.map(|b| f64::from(i32::from_le_bytes([0, b[0], b[1], b[2]]) >> 8) / scale));
                    }
                    BitDepth::ThirtyTwo => {
                        out.extend(each.map(|b| f64::from(i32::from_le_bytes(b.try_into().expect(whole))) / scale));
                    }
                    BitDepth::SixtyFour => {
                        out.extend(each.map(|b| i64::from_le_bytes(b.try_into().expect(whole)) as f64 / scale));
                    }
                }
            }
        }
    }
}

/// With the byte that fills up an odd length.
const fn padded(length: u32) -> u64 {
    length as u64 + (length % 2) as u64
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}
