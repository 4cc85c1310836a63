//! Files as pieces: immutable objects, and a document that says which of them make up the file.
//!
//! S3's objects cannot be appended to, and the parts of a multipart upload cannot be read, nor protected from a writer that was
//! superseded. So a file grows by pieces, and only the conditional write of its manifest makes a piece part of it: a writer that
//! died leaves nothing that anybody sees, and one that was superseded cannot commit. A finished file is put together by a multipart
//! upload that copies the pieces within S3, and is then one object with an address of its own.

mod compose;
mod reading;
mod writing;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::presigning::PresigningConfig;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream;
use headwater_core::ids::FileName;
use headwater_core::ports::{
    ByteStream, Clock, Condition, Documents as _, DocumentsExt as _, Entropy, Etag, FileInfo, FileWriter, Files, Key, Owner, PortError,
    Shown, Timestamp,
};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

use super::{Clients, S3Documents, is_missing, unavailable};
use writing::Writer;

/// How often a copy of a file that grows meanwhile is tried.
const COPYING_ATTEMPTS: u32 = 4;

/// Objects removed side by side.
const REMOVED_AT_ONCE: usize = 16;

/// Files in a bucket.
#[derive(Debug, Clone)]
pub struct S3Files {
    s3: Client,
    bucket: Arc<str>,
    documents: S3Documents,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// What makes up a file: the document `files/NAME`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Manifest {
    owner: String,
    /// Drawn when the file was made; its objects lie below `files/ID/`.
    id: String,
    pieces: Vec<Piece>,
    /// Whether nothing is expected to follow: the pieces stay what they are.
    finished: bool,
    /// Last write.
    modified: Timestamp,
}

/// A part of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Piece {
    /// Last part of the object's key.
    object: String,
    /// Length of the object.
    stored: u64,
    /// How much of the object, from its start, is part of the file.
    length: u64,
}

impl Manifest {
    fn length(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.length).sum()
    }

    fn object_key(&self, piece: &Piece) -> String {
        format!("files/{}/{}", self.id, piece.object)
    }

    /// Cuts off what lies beyond `length`.
    fn cut(&mut self, length: u64) {
        let mut left = length;
        self.pieces.retain_mut(|piece| {
            piece.length = piece.length.min(left);
            left -= piece.length;
            piece.length > 0
        });
    }

    /// The one object that is the file, if there is one.
    fn whole(&self) -> Option<&Piece> {
        match self.pieces.as_slice() {
            [piece] if piece.length == piece.stored => Some(piece),
            _ => None,
        }
    }
}

fn not_found(name: &FileName) -> PortError {
    PortError::NotFound { what: name.to_string() }
}

fn too_short(name: &FileName) -> PortError {
    PortError::Corrupt { what: name.to_string(), source: "the file is shorter than what was asked for".into() }
}

fn key_of(name: &FileName) -> Result<Key, PortError> {
    Key::root("files").child(name.as_str()).map_err(|_| not_found(name)) // A name too long for a key is no file's.
}

impl S3Files {
    /// Files in this bucket.
    #[must_use]
    pub fn new(clients: &Clients, bucket: &str, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        let documents = S3Documents::new(clients.s3.clone(), bucket, Arc::clone(&entropy));
        Self { s3: clients.s3.clone(), bucket: bucket.into(), documents, clock, entropy }
    }

    fn draw(&self) -> String {
        format!("{:016x}", self.entropy.draw())
    }

    async fn manifest(&self, name: &FileName) -> Result<Option<(Manifest, Etag)>, PortError> {
        self.documents.get_json(&key_of(name)?).await
    }

    /// Stores bytes as an object that no manifest names yet.
    async fn store(&self, manifest: &Manifest, bytes: Bytes) -> Result<Piece, PortError> {
        let length = bytes.len() as u64;
        let piece = Piece { object: self.draw(), stored: length, length };
        let key = manifest.object_key(&piece);
        let stored = self.s3.put_object().bucket(&*self.bucket).key(key).body(bytes.into()).send().await;
        stored.map_err(|error| unavailable("writing a file", error))?;
        Ok(piece)
    }

    /// The bytes of a piece that are part of the file; `None` when the object is gone.
    async fn fetch(&self, manifest: &Manifest, piece: &Piece) -> Result<Option<Bytes>, PortError> {
        let range = format!("bytes=0-{}", piece.length - 1);
        match self.s3.get_object().bucket(&*self.bucket).key(manifest.object_key(piece)).range(range).send().await {
            Ok(answer) => {
                let body = answer.body.collect().await.map_err(|error| PortError::unavailable("reading a file", error))?;
                Ok(Some(body.into_bytes()))
            }
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(unavailable("reading a file", error)),
        }
    }

    /// Removes objects that no manifest names any more. What cannot be removed costs its storage and nothing else.
    async fn discard(&self, keys: Vec<String>) {
        let removals = keys.into_iter().map(|key| {
            let request = self.s3.delete_object().bucket(&*self.bucket).key(&key);
            async move {
                if let Err(error) = request.send().await {
                    let error = unavailable("removing a piece of a file", error);
                    tracing::warn!(error = &error as &dyn std::error::Error, key, "a piece is left over");
                }
            }
        });
        stream::iter(removals).buffer_unordered(REMOVED_AT_ONCE).collect::<()>().await;
    }

    /// The key of an object that is the whole file as it is now, and stays for a while.
    async fn address_of(&self, name: &FileName) -> Result<Option<String>, PortError> {
        for attempt in 1.. {
            let Some((manifest, etag)) = self.manifest(name).await?.filter(|(manifest, _)| !manifest.pieces.is_empty()) else { break };
            if let Some(piece) = manifest.whole().filter(|_| manifest.finished) {
                return Ok(Some(manifest.object_key(piece)));
            }
            match self.copy_of(&manifest, &etag).await {
                // Its writer may have joined pieces meanwhile.
                Err(_) if attempt < COPYING_ATTEMPTS => {}
                copied => return copied.map(Some),
            }
        }
        Ok(None)
    }

    async fn discard_all(&self, manifest: &Manifest) {
        self.discard(manifest.pieces.iter().map(|piece| manifest.object_key(piece)).collect()).await;
    }
}

#[async_trait]
impl Files for S3Files {
    async fn create(&self, name: &FileName, owner: &Owner) -> Result<(), PortError> {
        let former = self.manifest(name).await?;
        let manifest =
            Manifest { owner: owner.0.clone(), id: self.draw(), pieces: Vec::new(), finished: false, modified: self.clock.now() };
        self.documents.put_json(&key_of(name)?, &manifest, Condition::Any).await?;
        if let Some((former, _)) = former {
            self.discard_all(&former).await;
        }
        Ok(())
    }

    async fn append_at(&self, name: &FileName, owner: &Owner, offset: u64) -> Result<Box<dyn FileWriter>, PortError> {
        let (former, etag) = self.manifest(name).await?.ok_or_else(|| not_found(name))?;
        if former.owner != owner.0 {
            return Err(PortError::Conflict { what: name.to_string() });
        }
        if former.length() < offset {
            return Err(too_short(name));
        }
        // Written even when nothing is cut off: a writer that was opened before has the version it replaces, and cannot commit.
        let mut manifest = Manifest { finished: false, ..former.clone() };
        manifest.cut(offset);
        if manifest.length() < former.length() {
            manifest.modified = self.clock.now();
        }
        let etag = self.documents.put_json(&key_of(name)?, &manifest, Condition::Match(etag)).await?;
        let cut_off = former.pieces.iter().skip(manifest.pieces.len()).map(|piece| former.object_key(piece)).collect();
        self.discard(cut_off).await;
        Ok(Box::new(Writer::new(self.clone(), name.clone(), manifest, etag)))
    }

    async fn info(&self, name: &FileName) -> Result<Option<FileInfo>, PortError> {
        let Some((manifest, etag)) = self.manifest(name).await? else { return Ok(None) };
        let etag = etag.as_str().trim_matches('"').to_owned();
        Ok(Some(FileInfo { length: manifest.length(), modified: manifest.modified, etag }))
    }

    async fn read(&self, name: &FileName, range: Range<u64>) -> Result<ByteStream, PortError> {
        let (manifest, _) = self.manifest(name).await?.ok_or_else(|| not_found(name))?;
        if range.start > range.end || range.end > manifest.length() {
            return Err(too_short(name));
        }
        Ok(reading::stream(self.clone(), name.clone(), manifest, range))
    }

    async fn share(&self, name: &FileName, valid_for: Duration, shown: &Shown) -> Result<Option<String>, PortError> {
        let Some(key) = self.address_of(name).await? else { return Ok(None) };
        let validity = PresigningConfig::expires_in(valid_for).map_err(|error| PortError::unavailable("sharing a file", error))?;
        let request = self.s3.get_object().bucket(&*self.bucket).key(key);
        let request = request.response_content_type(&shown.content_type).response_content_disposition(&shown.disposition);
        let signed = request.presigned(validity).await.map_err(|error| unavailable("sharing a file", error))?;
        Ok(Some(signed.uri().to_owned()))
    }

    async fn list(&self) -> Result<Vec<FileName>, PortError> {
        let root = Key::root("files");
        let listed = self.documents.list_all(&root).await?;
        let name = |key: &Key| {
            let encoded = key.as_str().strip_prefix("files/")?;
            FileName::try_from(percent_decode_str(encoded).decode_utf8().ok()?.as_ref()).ok()
        };
        let mut names: Vec<FileName> = listed.iter().filter_map(|listed| name(&listed.key)).collect();
        names.sort(); // The order of the encoded names is another one.
        Ok(names)
    }

    async fn delete(&self, name: &FileName) -> Result<(), PortError> {
        if let Some((manifest, _)) = self.manifest(name).await? {
            self.documents.delete(&key_of(name)?, Condition::Any).await?;
            self.discard_all(&manifest).await;
        }
        Ok(())
    }
}
