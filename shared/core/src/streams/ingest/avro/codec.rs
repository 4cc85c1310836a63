//! The codecs of blocks.

use std::fmt;
use std::io::Read;

use bytes::Bytes;
use flate2::{Crc, Decompress, FlushDecompress, Status};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::limits;

/// A block that does not decompress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The bytes are none of the codec, or are cut off.
    #[error("the block does not decompress as {codec}")]
    Damaged {
        /// The file's codec.
        codec: &'static str,
    },
    /// The bytes decompress to others than were compressed.
    #[error("the checksum of the block ({codec}) is wrong")]
    Checksum {
        /// The file's codec.
        codec: &'static str,
    },
    /// The block is larger than one may be.
    #[error("the block ({codec}) decompresses to more than {} bytes", limits::AVRO_BLOCK)]
    TooLarge {
        /// The file's codec.
        codec: &'static str,
    },
}

/// How the blocks of a file are compressed; decompresses one after the other in the same memory.
pub(super) enum Codec {
    Null,
    Deflate(Decompress),
    Snappy(snap::raw::Decoder),
    Zstandard(Box<FrameDecoder>),
    Bzip2,
}

impl Codec {
    /// The codec of this name, if it is known.
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        match name {
            b"null" => Some(Self::Null),
            b"deflate" => Some(Self::Deflate(Decompress::new(false))),
            b"snappy" => Some(Self::Snappy(snap::raw::Decoder::new())),
            b"zstandard" => {
                let mut decoder = FrameDecoder::new();
                decoder.set_max_window_size(limits::AVRO_BLOCK as u64);
                Some(Self::Zstandard(Box::new(decoder)))
            }
            b"bzip2" => Some(Self::Bzip2),
            _ => None,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Deflate(_) => "deflate",
            Self::Snappy(_) => "snappy",
            Self::Zstandard(_) => "zstandard",
            Self::Bzip2 => "bzip2",
        }
    }

    /// Decompresses a block, to at most [`limits::AVRO_BLOCK`] bytes: memory stays within a small multiple of it, whatever the block
    /// says.
    pub(super) fn decompress(&mut self, block: Bytes) -> Result<Bytes, CodecError> {
        let codec = self.name();
        let result = match self {
            Self::Null => return Ok(block),
            Self::Deflate(decoder) => inflate(decoder, &block),
            Self::Snappy(decoder) => unsnap(decoder, &block),
            Self::Zstandard(decoder) => unzstd(decoder, &block),
            Self::Bzip2 => unbzip(&block),
        };
        match result {
            Ok(bytes) if bytes.len() <= limits::AVRO_BLOCK => Ok(bytes.into()),
            Ok(_) | Err(Failure::TooLarge) => Err(CodecError::TooLarge { codec }),
            Err(Failure::Damaged) => Err(CodecError::Damaged { codec }),
            Err(Failure::Checksum) => Err(CodecError::Checksum { codec }),
        }
    }
}

impl fmt::Debug for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

enum Failure {
    Damaged,
    Checksum,
    TooLarge,
}

/// What follows the end of the compressed data is left alone: some writers let bytes of zlib's checksum stand there.
fn inflate(decoder: &mut Decompress, block: &[u8]) -> Result<Vec<u8>, Failure> {
    decoder.reset(false);
    let mut out = Vec::with_capacity((block.len() * 4).clamp(1024, limits::AVRO_BLOCK));
    let mut rest = block;
    loop {
        let (before, length) = (decoder.total_in(), out.len());
        let status = decoder.decompress_vec(rest, &mut out, FlushDecompress::None).map_err(|_| Failure::Damaged)?;
        if status == Status::StreamEnd {
            return Ok(out);
        }
        if out.len() > limits::AVRO_BLOCK {
            return Err(Failure::TooLarge);
        }
        let read = usize::try_from(decoder.total_in() - before).map_err(|_| Failure::Damaged)?;
        rest = &rest[read..];
        if out.len() == out.capacity() {
            out.reserve_exact(out.len().min(limits::AVRO_BLOCK + 1 - out.len()));
        } else if read == 0 && out.len() == length {
            return Err(Failure::Damaged); // It waits for bytes that are not there.
        }
    }
}

/// A block of snappy, and behind it the checksum of what was compressed.
fn unsnap(decoder: &mut snap::raw::Decoder, block: &[u8]) -> Result<Vec<u8>, Failure> {
    let (data, checksum) = block.split_last_chunk::<4>().ok_or(Failure::Damaged)?;
    // Asked for beforehand, because the decoder makes room for as many bytes as the block says.
    if snap::raw::decompress_len(data).map_err(|_| Failure::Damaged)? > limits::AVRO_BLOCK {
        return Err(Failure::TooLarge);
    }
    let out = decoder.decompress_vec(data).map_err(|_| Failure::Damaged)?;
    let mut crc = Crc::new();
    crc.update(&out);
    if crc.sum() != u32::from_be_bytes(*checksum) {
        return Err(Failure::Checksum);
    }
    Ok(out)
}

/// Frames of zstandard; those that carry no data are passed over.
fn unzstd(decoder: &mut FrameDecoder, mut block: &[u8]) -> Result<Vec<u8>, Failure> {
    /// Decompressed before it is looked at how much came.
    const STRIDE: usize = 1024 * 1024;

    let mut out = Vec::new();
    while !block.is_empty() {
        match decoder.reset(&mut block) {
            Ok(()) => {}
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                block = usize::try_from(length).ok().and_then(|length| block.get(length..)).ok_or(Failure::Damaged)?;
                continue;
            }
            Err(FrameDecoderError::WindowSizeTooBig { .. }) => return Err(Failure::TooLarge),
            Err(_) => return Err(Failure::Damaged),
        }
        while !decoder.is_finished() {
            decoder.decode_blocks(&mut block, BlockDecodingStrategy::UptoBytes(STRIDE)).map_err(|_| Failure::Damaged)?;
            decoder.read_to_end(&mut out).map_err(|_| Failure::Damaged)?;
            if out.len() > limits::AVRO_BLOCK {
                return Err(Failure::TooLarge);
            }
        }
        if decoder.get_checksum_from_data().is_some_and(|sum| Some(sum) != decoder.get_calculated_checksum()) {
            return Err(Failure::Checksum);
        }
    }
    Ok(out)
}

fn unbzip(block: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    let most = limits::AVRO_BLOCK as u64 + 1;
    bzip2::read::BzDecoder::new(block).take(most).read_to_end(&mut out).map_err(|_| Failure::Damaged)?;
    Ok(out)
}
