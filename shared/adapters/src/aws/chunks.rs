use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::AggregatedBytes;
use aws_sdk_s3::types::Object;
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use headwater_core::ports::{Chunks, Key, ListedChunk, PortError, Timestamp};

use super::{code, is_missing, pause, unavailable};

/// Where chunks lie in the bucket.
const ROOT: &str = "chunks/";

/// Chunks of one call that are written side by side.
const SIDE_BY_SIDE: usize = 8;

/// How often a body that breaks off is fetched.
const ATTEMPTS: u32 = 5;

const READING: &str = "reading a chunk";
const WRITING: &str = "writing a chunk";

/// Chunks as objects of a bucket. An object that is written again, because its answer got lost, is written with the same bytes.
#[derive(Debug, Clone)]
pub struct S3Chunks {
    s3: Client,
    bucket: Arc<str>,
}

impl S3Chunks {
    /// Chunks in this bucket.
    #[must_use]
    pub fn new(s3: Client, bucket: &str) -> Self {
        Self { s3, bucket: bucket.into() }
    }

    async fn write(&self, key: Key, bytes: Bytes) -> Result<(), PortError> {
        let request = self.s3.put_object().bucket(&*self.bucket).key(path(&key)).body(bytes.into());
        request.send().await.map(drop).map_err(|error| unavailable(WRITING, error))
    }

    async fn length(&self, key: &Key) -> Result<u64, PortError> {
        match self.s3.head_object().bucket(&*self.bucket).key(path(key)).send().await {
            Ok(answer) => Ok(answer.content_length.and_then(|length| u64::try_from(length).ok()).unwrap_or_default()),
            Err(error) if is_missing(&error) => Err(not_found(key)),
            Err(error) => Err(unavailable(READING, error)),
        }
    }
}

fn path(key: &Key) -> String {
    format!("{ROOT}{key}")
}

fn not_found(key: &Key) -> PortError {
    PortError::NotFound { what: key.to_string() }
}

fn listed(object: &Object) -> Option<ListedChunk> {
    let key = object.key()?.strip_prefix(ROOT)?.to_owned();
    let written = object.last_modified().and_then(|written| written.to_millis().ok())?;
    Some(ListedChunk { key: Key::from_stored(key), written: Timestamp::from_millis(written) })
}

#[async_trait]
impl Chunks for S3Chunks {
    async fn put(&self, chunks: Vec<(Key, Bytes)>) -> Result<(), PortError> {
        let writes = chunks.into_iter().map(|(key, bytes)| self.write(key, bytes));
        stream::iter(writes).buffer_unordered(SIDE_BY_SIDE).try_collect().await
    }

    async fn read(&self, key: &Key, range: Range<u64>) -> Result<Bytes, PortError> {
        if range.start >= range.end {
            // HTTP knows no empty range.
            let is_within = range.start == range.end && range.end <= self.length(key).await?;
            return if is_within { Ok(Bytes::new()) } else { Err(PortError::too_short(key)) };
        }
        for attempt in 1.. {
            let request = self.s3.get_object().bucket(&*self.bucket).key(path(key));
            let answer = match request.range(format!("bytes={}-{}", range.start, range.end - 1)).send().await {
                Ok(answer) => answer,
                Err(error) if is_missing(&error) => return Err(not_found(key)),
                Err(error) if code(&error) == "InvalidRange" => return Err(PortError::too_short(key)),
                Err(error) => return Err(unavailable(READING, error)),
            };
            match answer.body.collect().await.map(AggregatedBytes::into_bytes) {
                // Of a range that only begins within the object S3 sends what there is.
                Ok(bytes) if (bytes.len() as u64) < range.end - range.start => return Err(PortError::too_short(key)),
                Ok(bytes) => return Ok(bytes),
                Err(error) if attempt >= ATTEMPTS => return Err(PortError::unavailable(READING, error)),
                Err(_) => tokio::time::sleep(pause(attempt)).await, // The SDK tries requests again, not bodies that break off.
            }
        }
        unreachable!("the loop ends by returning")
    }

    async fn delete(&self, key: &Key) -> Result<(), PortError> {
        let request = self.s3.delete_object().bucket(&*self.bucket).key(path(key));
        request.send().await.map(drop).map_err(|error| unavailable("removing a chunk", error))
    }

    async fn list(&self, prefix: &Key, after: Option<&Key>, limit: usize) -> Result<Vec<ListedChunk>, PortError> {
        let mut found = Vec::new();
        let mut after = after.map(path);
        while found.len() < limit {
            let page = self
                .s3
                .list_objects_v2()
                .bucket(&*self.bucket)
                .prefix(format!("{}/", path(prefix)))
                .set_start_after(after)
                .max_keys(i32::try_from(limit - found.len()).unwrap_or(i32::MAX))
                .send()
                .await
                .map_err(|error| unavailable("listing chunks", error))?;
            found.extend(page.contents().iter().filter_map(listed));
            after = page.contents().last().and_then(|object| object.key().map(str::to_owned));
            if page.is_truncated() != Some(true) || after.is_none() {
                break;
            }
        }
        Ok(found)
    }
}
