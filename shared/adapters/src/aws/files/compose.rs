//! Puts the pieces of a file together within S3.

use std::ops::Range;

use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::{Bytes, BytesMut};
use futures::FutureExt as _;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use headwater_core::ports::{Etag, PortError};

use super::{Manifest, Piece, S3Files};
use crate::aws::{code, is_missing, unavailable};

/// The least length of a part, other than the last, of a multipart upload.
pub(super) const LEAST_PART: u64 = 5 << 20;

/// The greatest length of a part that is copied. S3 takes 5 GiB; shorter ones are copied side by side.
const GREATEST_PART: u64 = 1 << 30;

/// Parts copied side by side.
const COPIED_AT_ONCE: usize = 8;

const COMPOSING: &str = "putting a file together";

impl S3Files {
    /// The pieces as one object, which no manifest names yet.
    pub(super) async fn compose(&self, manifest: &Manifest) -> Result<Piece, PortError> {
        let length = manifest.length();
        let piece = Piece { object: self.draw(), stored: length, length };
        self.compose_as(manifest, &manifest.object_key(&piece)).await?;
        Ok(piece)
    }

    /// The key of an object that holds what the manifest with this etag says, made if it is not there yet.
    pub(super) async fn copy_of(&self, manifest: &Manifest, etag: &Etag) -> Result<String, PortError> {
        // The bucket's rules remove a copy after a day; one that is asked for on another half day is made anew.
        let half_day = self.clock.now().as_millis() / (12 * 60 * 60 * 1000);
        let key = format!("shared/{}/{}-{half_day}", manifest.id, etag.as_str().trim_matches('"'));
        match self.s3.head_object().bucket(&*self.bucket).key(&key).send().await {
            Ok(_) => Ok(key),
            Err(error) if is_missing(&error) => self.compose_as(manifest, &key).await.map(|()| key),
            Err(error) => Err(unavailable(COMPOSING, error)),
        }
    }

    async fn compose_as(&self, manifest: &Manifest, key: &str) -> Result<(), PortError> {
        let upload = self.s3.create_multipart_upload().bucket(&*self.bucket).key(key).send().await;
        let upload = upload.map_err(|error| unavailable(COMPOSING, error))?.upload_id.unwrap_or_default();
        let composed = self.fill(manifest, key, &upload).await;
        if composed.is_err() {
            // What stays if this fails, too, is removed by the bucket's rules.
            let _ = self.s3.abort_multipart_upload().bucket(&*self.bucket).key(key).upload_id(&upload).send().await;
        }
        composed
    }

    async fn fill(&self, manifest: &Manifest, key: &str, upload: &str) -> Result<(), PortError> {
        // The writer sees to it that short pieces come last, and few of them.
        let short = manifest.pieces.iter().position(|piece| piece.length < LEAST_PART).unwrap_or(manifest.pieces.len());
        let (long, short) = manifest.pieces.split_at(short);
        let stretches = long.iter().flat_map(|piece| stretches(piece.length).map(move |range| (piece, range)));
        let copies: Vec<_> = stretches
            .zip(1..)
            .map(|((piece, range), number)| self.copy_part(manifest.object_key(piece), range, key, upload, number).boxed())
            .collect();
        let mut parts: Vec<CompletedPart> = stream::iter(copies).buffered(COPIED_AT_ONCE).try_collect().await?;
        if !short.is_empty() {
            let mut bytes = BytesMut::new();
            for piece in short {
                let fetched = self.fetch(manifest, piece).await?;
                bytes.extend(fetched.ok_or_else(|| PortError::unavailable(COMPOSING, "a piece has been replaced meanwhile"))?);
            }
            let number = i32::try_from(parts.len()).unwrap_or(i32::MAX).saturating_add(1);
            parts.push(self.upload_part(bytes.freeze(), key, upload, number).await?);
        }
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let request = self.s3.complete_multipart_upload().bucket(&*self.bucket).key(key).upload_id(upload).multipart_upload(parts);
        match request.send().await {
            Ok(_) => Ok(()),
            // Sent again after its answer got lost?
            Err(error) if code(&error) == "NoSuchUpload" && self.exists(key).await => Ok(()),
            Err(error) => Err(unavailable(COMPOSING, error)),
        }
    }

    async fn exists(&self, key: &str) -> bool {
        self.s3.head_object().bucket(&*self.bucket).key(key).send().await.is_ok()
    }

    async fn copy_part(&self, from: String, range: Range<u64>, key: &str, upload: &str, number: i32) -> Result<CompletedPart, PortError> {
        let request = self.s3.upload_part_copy().bucket(&*self.bucket).key(key).upload_id(upload).part_number(number);
        let request = request.copy_source(format!("{}/{from}", self.bucket));
        let request = request.copy_source_range(format!("bytes={}-{}", range.start, range.end - 1));
        let copied = request.send().await.map_err(|error| unavailable(COMPOSING, error))?;
        let etag = copied.copy_part_result.and_then(|result| result.e_tag);
        Ok(CompletedPart::builder().part_number(number).set_e_tag(etag).build())
    }

    async fn upload_part(&self, bytes: Bytes, key: &str, upload: &str, number: i32) -> Result<CompletedPart, PortError> {
        let request = self.s3.upload_part().bucket(&*self.bucket).key(key).upload_id(upload).part_number(number);
        let uploaded = request.body(bytes.into()).send().await.map_err(|error| unavailable(COMPOSING, error))?;
        Ok(CompletedPart::builder().part_number(number).set_e_tag(uploaded.e_tag).build())
    }
}

/// A piece in stretches that can be parts, none of them too short.
fn stretches(length: u64) -> impl Iterator<Item = Range<u64>> {
    let parts = length.div_ceil(GREATEST_PART).max(1);
    (0..parts).map(move |part| length * part / parts..length * (part + 1) / parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_piece_becomes_parts_that_s3_takes() {
        for length in [LEAST_PART, GREATEST_PART - 1, GREATEST_PART, GREATEST_PART + 1, 7 * GREATEST_PART + 12_345] {
            let parts: Vec<Range<u64>> = stretches(length).collect();
            assert_eq!((parts[0].start, parts.last().unwrap().end), (0, length));
            assert!(parts.windows(2).all(|two| two[0].end == two[1].start));
            assert!(parts.iter().all(|part| (LEAST_PART..=GREATEST_PART).contains(&(part.end - part.start))), "{parts:?}");
        }
    }
}
