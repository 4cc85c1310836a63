//! The objects of the bucket, as far as logs need them: written in one go or part by part, read by ranges.

use std::sync::Arc;

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart, Delete, ObjectIdentifier};
use bytes::{Bytes, BytesMut};
use headwater_core::ports::{PortError, Timestamp};

use crate::aws::{code, is_missing, pause, unavailable};

/// Bytes of a part. S3 takes 10 000 parts, so an upload may have 80 GB.
const PART: usize = 8 << 20;

/// Keys that one request removes.
const REMOVED_AT_ONCE: usize = 1000;

/// How often a body that breaks off is fetched.
const ATTEMPTS: u32 = 5;

const READING: &str = "reading events";
const WRITING: &str = "writing events";

/// The bucket.
#[derive(Debug, Clone)]
pub(super) struct Objects {
    s3: Client,
    bucket: Arc<str>,
}

/// What part of an object is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    All,
    /// So many bytes at its end, or all when there are fewer.
    End(u64),
    /// From a byte, so many.
    Range(u64, u64),
}

/// A part of an object, and which version of the object it is of.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) bytes: Bytes,
    pub(super) etag: String,
}

impl Objects {
    pub(super) fn new(s3: Client, bucket: &str) -> Self {
        Self { s3, bucket: bucket.into() }
    }

    pub(super) async fn put(&self, key: &str, bytes: Bytes) -> Result<(), PortError> {
        let request = self.s3.put_object().bucket(&*self.bucket).key(key).body(bytes.into());
        request.send().await.map(drop).map_err(|error| unavailable(WRITING, error))
    }

    /// Part of an object.
    ///
    /// # Errors
    /// [`PortError::NotFound`] when it is not there, or no longer the version with this etag.
    pub(super) async fn get(&self, key: &str, part: Part, etag: Option<&str>) -> Result<Fetched, PortError> {
        let range = match part {
            Part::All => None,
            Part::End(bytes) => Some(format!("bytes=-{bytes}")),
            Part::Range(from, bytes) => Some(format!("bytes={from}-{}", from + bytes - 1)),
        };
        for attempt in 1.. {
            let request = self.s3.get_object().bucket(&*self.bucket).key(key).set_range(range.clone());
            let answer = match request.set_if_match(etag.map(str::to_owned)).send().await {
                Ok(answer) => answer,
                Err(error) if is_missing(&error) || matches!(code(&error), "PreconditionFailed" | "InvalidRange") => {
                    return Err(PortError::NotFound { what: key.to_owned() });
                }
                Err(error) => return Err(unavailable(READING, error)),
            };
            let etag = answer.e_tag.unwrap_or_default();
            match answer.body.collect().await {
                Ok(bytes) => return Ok(Fetched { bytes: bytes.into_bytes(), etag }),
                Err(error) if attempt >= ATTEMPTS => return Err(PortError::unavailable(READING, error)),
                Err(_) => tokio::time::sleep(pause(attempt)).await, // The SDK tries requests again, not bodies that break off.
            }
        }
        unreachable!("the loop ends by returning")
    }

    /// Removes objects, if they are there.
    pub(super) async fn remove(&self, keys: &[String]) -> Result<(), PortError> {
        for keys in keys.chunks(REMOVED_AT_ONCE) {
            let objects = keys.iter().map(|key| ObjectIdentifier::builder().key(key).build()).collect::<Result<Vec<_>, _>>();
            let delete = objects.and_then(|objects| Delete::builder().set_objects(Some(objects)).quiet(true).build());
            let delete = delete.map_err(|error| PortError::unavailable("removing events", error))?;
            let answer = self.s3.delete_objects().bucket(&*self.bucket).delete(delete).send().await;
            let answer = answer.map_err(|error| unavailable("removing events", error))?;
            if let Some(error) = answer.errors().first() {
                return Err(PortError::unavailable("removing events", error.message().unwrap_or_default()));
            }
        }
        Ok(())
    }

    /// All objects below a prefix, with the time of their last write.
    pub(super) async fn list(&self, prefix: &str) -> Result<Vec<(String, Timestamp)>, PortError> {
        let mut found = Vec::new();
        let mut pages = self.s3.list_objects_v2().bucket(&*self.bucket).prefix(prefix).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| unavailable("listing events", error))?;
            found.extend(page.contents().iter().filter_map(|object| {
                let written = object.last_modified().and_then(|written| written.to_millis().ok())?;
                Some((object.key()?.to_owned(), Timestamp::from_millis(written)))
            }));
        }
        Ok(found)
    }

    /// Begins an object that is written piece by piece. Nothing is there before it is finished.
    pub(super) fn writer(&self, key: String) -> ObjectWriter {
        ObjectWriter { objects: self.clone(), key, upload: None, parts: Vec::new(), buffer: BytesMut::new(), length: 0 }
    }
}

/// An object being written. When it is dropped, nothing of it stays.
#[derive(Debug)]
pub(super) struct ObjectWriter {
    objects: Objects,
    key: String,
    upload: Option<String>,
    parts: Vec<CompletedPart>,
    buffer: BytesMut,
    length: u64,
}

impl ObjectWriter {
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), PortError> {
        self.length += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        while self.buffer.len() >= PART {
            let part = self.buffer.split_to(PART).freeze();
            self.send(part).await?;
        }
        Ok(())
    }

    async fn send(&mut self, part: Bytes) -> Result<(), PortError> {
        let Objects { s3, bucket } = &self.objects;
        let upload = match &self.upload {
            Some(upload) => upload.clone(),
            None => {
                let begun = s3.create_multipart_upload().bucket(&**bucket).key(&self.key).send().await;
                let upload = begun.map_err(|error| unavailable(WRITING, error))?.upload_id.unwrap_or_default();
                self.upload.insert(upload).clone()
            }
        };
        let number = i32::try_from(self.parts.len()).unwrap_or(i32::MAX).saturating_add(1);
        let request = s3.upload_part().bucket(&**bucket).key(&self.key).upload_id(upload).part_number(number).body(part.into());
        let sent = request.send().await.map_err(|error| unavailable(WRITING, error))?;
        self.parts.push(CompletedPart::builder().part_number(number).set_e_tag(sent.e_tag).build());
        Ok(())
    }

    /// Writes what is left; the object's length.
    pub(super) async fn finish(mut self) -> Result<u64, PortError> {
        let rest = self.buffer.split().freeze();
        if self.upload.is_none() {
            self.objects.put(&self.key, rest).await?;
            return Ok(self.length);
        }
        if !rest.is_empty() {
            self.send(rest).await?;
        }
        let upload = self.upload.clone().unwrap_or_default();
        let parts = CompletedMultipartUpload::builder().set_parts(Some(std::mem::take(&mut self.parts))).build();
        let Objects { s3, bucket } = &self.objects;
        let request = s3.complete_multipart_upload().bucket(&**bucket).key(&self.key).upload_id(upload).multipart_upload(parts);
        match request.send().await {
            Ok(_) => {}
            // Sent again after its answer got lost?
            Err(error) if code(&error) == "NoSuchUpload" && self.is_there().await => {}
            Err(error) => return Err(unavailable(WRITING, error)),
        }
        self.upload = None;
        Ok(self.length)
    }

    async fn is_there(&self) -> bool {
        self.objects.s3.head_object().bucket(&*self.objects.bucket).key(&self.key).send().await.is_ok()
    }
}

impl Drop for ObjectWriter {
    /// Parts of an upload that nobody finished are removed, as soon as the runtime gets to it; what a process leaves that dies is
    /// removed by the bucket's rules.
    fn drop(&mut self) {
        let (Some(upload), Ok(runtime)) = (self.upload.take(), tokio::runtime::Handle::try_current()) else { return };
        let Objects { s3, bucket } = self.objects.clone();
        let request = s3.abort_multipart_upload().bucket(&*bucket).key(&self.key).upload_id(upload);
        runtime.spawn(async move { request.send().await.map(drop) });
    }
}
