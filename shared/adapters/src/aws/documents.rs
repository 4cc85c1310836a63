use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::put_object::PutObjectError;
use bytes::{Bytes, BytesMut};
use headwater_core::ports::{Condition, Document, Documents, Entropy, Etag, Key, Listed, PortError};

use super::{code, is_missing, pause, unavailable};

/// Where documents lie in the bucket.
const ROOT: &str = "documents/";

/// Length of the mark that tells one write from another, in hexadecimal digits.
const MARK: usize = 32;

/// How often a write that met another one under way is tried, and a body that broke off is fetched.
const ATTEMPTS: u32 = 5;

/// Documents as objects of a bucket.
///
/// S3's etag of an object is a digest of its bytes, so two writes of the same bytes would have the same one. Therefore every
/// object ends in a line with a random mark. It also tells whose a write was when the answer got lost and the SDK has sent the
/// request again: the second is refused, but what lies there is ours.
///
/// A conditional removal overwrites the document with a mark alone, which nobody takes for a document, and then removes that
/// where the service can do so conditionally (S3 can, some others cannot).
#[derive(Debug, Clone)]
pub struct S3Documents {
    s3: Client,
    bucket: Arc<str>,
    entropy: Arc<dyn Entropy>,
}

/// An object as it lies in the bucket.
struct Stored {
    bytes: Bytes,
    etag: Etag,
}

/// What must hold for an object to be written.
#[derive(Clone)]
enum Precondition {
    None,
    Absent,
    Match(Etag),
}

/// What came of a conditional write.
enum Outcome {
    Written(Etag),
    /// The precondition does not hold.
    Refused,
    /// Another conditional write of the same object is under way.
    Busy,
}

impl S3Documents {
    /// Documents in this bucket.
    #[must_use]
    pub fn new(s3: Client, bucket: &str, entropy: Arc<dyn Entropy>) -> Self {
        Self { s3, bucket: bucket.into(), entropy }
    }

    fn mark(&self) -> String {
        format!("{:016x}{:016x}", self.entropy.draw(), self.entropy.draw())
    }

    /// A document's bytes as they are stored.
    fn seal(&self, body: &[u8]) -> Bytes {
        let mut sealed = BytesMut::with_capacity(body.len() + 1 + MARK);
        sealed.extend_from_slice(body);
        sealed.extend_from_slice(b"\n");
        sealed.extend_from_slice(self.mark().as_bytes());
        sealed.freeze()
    }

    async fn fetch(&self, key: &Key) -> Result<Option<Stored>, PortError> {
        for attempt in 1.. {
            let answer = match self.s3.get_object().bucket(&*self.bucket).key(path(key)).send().await {
                Ok(answer) => answer,
                Err(error) if is_missing(&error) => return Ok(None),
                Err(error) => return Err(unavailable("reading a document", error)),
            };
            let etag = Etag::new(answer.e_tag.unwrap_or_default());
            match answer.body.collect().await {
                Ok(bytes) => return Ok(Some(Stored { bytes: bytes.into_bytes(), etag })),
                Err(error) if attempt >= ATTEMPTS => return Err(PortError::unavailable("reading a document", error)),
                Err(_) => tokio::time::sleep(pause(attempt)).await, // The SDK tries requests again, not bodies that break off.
            }
        }
        unreachable!("the loop ends by returning")
    }

    async fn try_write(&self, key: &Key, bytes: Bytes, precondition: &Precondition) -> Result<Outcome, PortError> {
        let request = self.s3.put_object().bucket(&*self.bucket).key(path(key)).body(bytes.into());
        let request = match precondition {
            Precondition::None => request,
            Precondition::Absent => request.if_none_match("*"),
            Precondition::Match(etag) => request.if_match(etag.as_str()),
        };
        match request.send().await {
            Ok(answer) => Ok(Outcome::Written(Etag::new(answer.e_tag.unwrap_or_default()))),
            Err(error) => refusal(error),
        }
    }

    /// Writes `bytes`, which end in a mark of their own.
    async fn write(&self, key: &Key, bytes: Bytes, mut precondition: Precondition) -> Result<Etag, PortError> {
        let if_absent = matches!(precondition, Precondition::Absent);
        for attempt in 1..=ATTEMPTS {
            match self.try_write(key, bytes.clone(), &precondition).await? {
                Outcome::Written(etag) => return Ok(etag),
                Outcome::Busy => tokio::time::sleep(pause(attempt)).await,
                Outcome::Refused => match self.fetch(key).await? {
                    Some(stored) if stored.bytes == bytes => return Ok(stored.etag),
                    // No document is there, but what a removal leaves may be, and go meanwhile.
                    Some(stored) if if_absent && is_removed(stored.bytes.len()) => precondition = Precondition::Match(stored.etag),
                    None if if_absent => precondition = Precondition::Absent,
                    _ => return Err(conflict(key)),
                },
            }
        }
        Err(PortError::unavailable("writing a document", "other conditional writes of it never ended"))
    }
}

fn refusal(error: SdkError<PutObjectError>) -> Result<Outcome, PortError> {
    match code(&error) {
        "PreconditionFailed" | "NoSuchKey" => Ok(Outcome::Refused),
        "ConditionalRequestConflict" => Ok(Outcome::Busy),
        _ => Err(unavailable("writing a document", error)),
    }
}

fn path(key: &Key) -> String {
    format!("{ROOT}{key}")
}

fn conflict(key: &Key) -> PortError {
    PortError::Conflict { what: key.to_string() }
}

/// Whether an object of this length is what a removal left: a document has a line feed before its mark.
fn is_removed(length: usize) -> bool {
    length <= MARK
}

#[async_trait]
impl Documents for S3Documents {
    async fn get(&self, key: &Key) -> Result<Option<Document>, PortError> {
        let Some(Stored { mut bytes, etag }) = self.fetch(key).await? else { return Ok(None) };
        if is_removed(bytes.len()) {
            return Ok(None);
        }
        let mark = bytes.split_off(bytes.len() - MARK - 1);
        if mark[0] != b'\n' || !mark[1..].iter().all(u8::is_ascii_hexdigit) {
            return Err(PortError::Corrupt { what: key.to_string(), source: "the object does not end in a mark".into() });
        }
        Ok(Some(Document { body: bytes, etag }))
    }

    async fn put(&self, key: &Key, body: Bytes, condition: Condition) -> Result<Etag, PortError> {
        let precondition = match condition {
            Condition::Any => Precondition::None,
            Condition::Absent => Precondition::Absent,
            Condition::Match(etag) => Precondition::Match(etag),
        };
        self.write(key, self.seal(&body), precondition).await
    }

    async fn delete(&self, key: &Key, condition: Condition) -> Result<(), PortError> {
        let request = self.s3.delete_object().bucket(&*self.bucket).key(path(key));
        match condition {
            Condition::Any => request.send().await.map(drop).map_err(|error| unavailable("removing a document", error)),
            Condition::Absent => match self.get(key).await? {
                None => Ok(()),
                Some(_) => Err(conflict(key)),
            },
            Condition::Match(etag) => {
                let left = self.write(key, self.mark().into(), Precondition::Match(etag)).await?;
                if let Err(error) = request.if_match(left.as_str()).send().await {
                    tracing::debug!(code = code(&error), %key, "what is left of a removed document stays");
                }
                Ok(())
            }
        }
    }

    async fn list(&self, prefix: &Key, after: Option<&Key>, limit: usize) -> Result<Vec<Listed>, PortError> {
        let mut found: Vec<Listed> = Vec::new();
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
                .map_err(|error| unavailable("listing documents", error))?;
            for object in page.contents() {
                let key = object.key().and_then(|key| key.strip_prefix(ROOT));
                let length = object.size().and_then(|size| usize::try_from(size).ok()).unwrap_or_default();
                if let Some(key) = key.filter(|_| !is_removed(length)) {
                    let etag = Etag::new(object.e_tag().unwrap_or_default());
                    found.push(Listed { key: Key::from_stored(key.to_owned()), etag });
                }
            }
            after = page.contents().last().and_then(|object| object.key().map(str::to_owned));
            if page.is_truncated() != Some(true) || after.is_none() {
                break;
            }
        }
        Ok(found)
    }
}
