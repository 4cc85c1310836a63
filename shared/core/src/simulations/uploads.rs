//! Files that users upload: scripts for device models, and recorded messages to replay.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::model::Interval;
use super::shelf::{Kept, Shelf, ShelfError};
use crate::limits;
use crate::ports::{Clock, Documents, Entropy, PortError, Script, ScriptEngine};

/// A file as it comes in.
#[derive(Debug, Clone)]
pub struct Upload {
    /// Its name, if it has one.
    pub name: String,
    /// The media type that the client says it has.
    pub kind: Option<String>,
    /// Its bytes.
    pub content: Bytes,
}

/// A file as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// Its name.
    pub name: String,
    /// Its content.
    pub content: String,
}

/// Why a file was refused or not found.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// It is not a file of the wanted kind.
    #[error("{0}")]
    File(String),
    /// It is a file of the wanted kind, with a mistake in it.
    #[error("{0}")]
    Content(String),
    /// It is not there, has changed, or cannot be kept.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
}

impl From<PortError> for UploadError {
    fn from(error: PortError) -> Self {
        Self::Shelf(error.into())
    }
}

impl Upload {
    /// The file as text, if it is one of `most` bytes at most.
    fn text(&self, what: &'static str, most: usize) -> Result<Text, UploadError> {
        let bytes = self.content.len();
        if bytes > most {
            return Err(ShelfError::TooLarge { what, bytes, most }.into());
        }
        let Ok(content) = std::str::from_utf8(&self.content) else {
            return Err(UploadError::File(format!("the {what} must be text in UTF-8")));
        };
        if self.name.len() > limits::FILE_NAME_BYTES || self.name.chars().any(char::is_control) {
            return Err(UploadError::File(format!("the name of the {what} is too long, or has control characters")));
        }
        let content = content.strip_prefix('\u{feff}').unwrap_or(content);
        Ok(Text { name: self.name.clone(), content: content.to_owned() })
    }
}

/// The scripts that users uploaded. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Scripts {
    shelf: Shelf<Text>,
    engine: Arc<dyn ScriptEngine>,
}

impl Scripts {
    /// The scripts over a host's store, and what checks them.
    #[must_use]
    pub fn new(documents: &Arc<dyn Documents>, engine: Arc<dyn ScriptEngine>, clock: &Arc<dyn Clock>, entropy: &Arc<dyn Entropy>) -> Self {
        Self { shelf: Shelf::new(documents, clock, entropy, ("simulations/scripts", "script", limits::LISTED)), engine }
    }

    /// The script that a model means by this id.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn find(&self, id: &str) -> Result<Option<Script>, PortError> {
        Ok(self.shelf.find(id).await?.map(|kept| Script::new(&kept.content.name, &kept.content.content)))
    }

    /// A script.
    ///
    /// # Errors
    /// When there is none of this id, or the store fails.
    pub async fn get(&self, id: &str) -> Result<Kept<Text>, UploadError> {
        Ok(self.shelf.get(id).await?)
    }

    /// All scripts, in the order of their ids.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self) -> Result<Vec<Kept<Text>>, PortError> {
        self.shelf.list().await
    }

    /// Whether a file is a script.
    ///
    /// # Errors
    /// [`UploadError::File`] when it does not pretend to be one, [`UploadError::Content`] when it does not parse.
    pub async fn check(&self, file: &Upload) -> Result<(), UploadError> {
        self.checked(file).await.map(drop)
    }

    async fn checked(&self, file: &Upload) -> Result<Text, UploadError> {
        let kind = file.kind.as_deref().and_then(|kind| kind.split(';').next()).unwrap_or_default();
        let is_named_so = file.name.get(file.name.len().saturating_sub(3)..).is_some_and(|end| end.eq_ignore_ascii_case(".js"));
        if !kind.trim().eq_ignore_ascii_case("text/javascript") && !is_named_so {
            return Err(UploadError::File("a script is of the type text/javascript, or has a name that ends in .js".to_owned()));
        }
        let text = file.text("script", limits::LISTED_BYTES)?;
        self.engine.check(&Script::new(&text.name, &text.content)).await.map_err(UploadError::Content)?;
        Ok(text)
    }

    /// Keeps a script under an id of its own.
    ///
    /// # Errors
    /// When it is none, there are too many, or the store fails.
    pub async fn create(&self, file: &Upload) -> Result<Kept<Text>, UploadError> {
        let text = self.checked(file).await?;
        Ok(self.shelf.add(|_| text).await?)
    }

    /// Replaces a script that has this ETag, or keeps one under this id.
    ///
    /// # Errors
    /// When it is none, it has changed meanwhile, or the store fails.
    pub async fn replace(&self, id: &str, etag: &str, file: &Upload) -> Result<Kept<Text>, UploadError> {
        let text = self.checked(file).await?;
        Ok(self.shelf.replace(id, etag, text).await?)
    }

    /// Deletes a script. Models that name it go on without it.
    ///
    /// # Errors
    /// When there is none of this id, or the store fails.
    pub async fn delete(&self, id: &str) -> Result<(), UploadError> {
        Ok(self.shelf.remove(id).await?)
    }
}

impl Kept<Text> {
    /// The script as the API shows it.
    #[must_use]
    pub fn shown_as_script(&self) -> Value {
        self.shown("javascript", "DeviceModelScript;1", "/v1/simulationscripts")
    }

    /// The file to replay as the API shows it.
    #[must_use]
    pub fn shown_as_replay(&self) -> Value {
        self.shown("", "ReplayFile;1", "/v1/replayfile")
    }

    fn shown(&self, kind: &str, type_name: &str, folder: &str) -> Value {
        json!({
            "ETag": self.etag,
            "Id": self.id,
            "Type": kind,
            "Name": self.content.name,
            "Content": self.content.content,
            "Path": "Storage",
            "$metadata": self.metadata(type_name, &format!("{folder}/{}", self.id)),
        })
    }
}

/// The files to replay that users uploaded. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Replays {
    shelf: Shelf<Text>,
}

/// A message of a file to replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded<'a> {
    /// When it is due, counted from the beginning of the file.
    pub at: Interval,
    /// The message.
    pub message: &'a str,
}

impl Replays {
    /// The files over a host's store.
    #[must_use]
    pub fn new(documents: &Arc<dyn Documents>, clock: &Arc<dyn Clock>, entropy: &Arc<dyn Entropy>) -> Self {
        Self { shelf: Shelf::new(documents, clock, entropy, ("simulations/replays", "replay file", limits::REPLAYS)) }
    }

    /// The file of this id; [`recorded`] tells what is in it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn find(&self, id: &str) -> Result<Option<Text>, PortError> {
        Ok(self.shelf.find(id).await?.map(|kept| kept.content))
    }

    /// A file.
    ///
    /// # Errors
    /// When there is none of this id, or the store fails.
    pub async fn get(&self, id: &str) -> Result<Kept<Text>, UploadError> {
        Ok(self.shelf.get(id).await?)
    }

    /// Whether a file can be replayed.
    ///
    /// # Errors
    /// [`UploadError::Content`] when one of its lines is none.
    pub fn check(file: &Upload) -> Result<(), UploadError> {
        Self::checked(file).map(drop)
    }

    fn checked(file: &Upload) -> Result<Text, UploadError> {
        let text = file.text("replay file", limits::REPLAY_BYTES)?;
        recorded(&text.content).map_err(UploadError::Content)?;
        Ok(text)
    }

    /// Keeps a file under an id of its own.
    ///
    /// # Errors
    /// When it cannot be replayed, there are too many, or the store fails.
    pub async fn create(&self, file: &Upload) -> Result<Kept<Text>, UploadError> {
        let text = Self::checked(file)?;
        Ok(self.shelf.add(|_| text).await?)
    }

    /// Deletes a file.
    ///
    /// # Errors
    /// When there is none of this id, or the store fails.
    pub async fn delete(&self, id: &str) -> Result<(), UploadError> {
        Ok(self.shelf.remove(id).await?)
    }
}

/// The messages of a file to replay, in its order: lines `telemetry, hh:mm:ss,MESSAGE`, whatever commas the message has. Lines that
/// begin with another word are passed over, and so are empty ones.
///
/// # Errors
/// The first line that has not three columns, or whose time is none.
pub fn recorded(content: &str) -> Result<Vec<Recorded<'_>>, String> {
    let lines = content.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let mut messages = Vec::new();
    for (at, line) in lines {
        let wrong = |what: &str| format!("line {}: {what}", at + 1);
        let mut columns = line.splitn(3, ',');
        let (Some(word), Some(time), Some(message)) = (columns.next(), columns.next(), columns.next()) else {
            return Err(wrong("must have three columns, as in telemetry, 00:00:05,MESSAGE"));
        };
        if word.trim().eq_ignore_ascii_case("telemetry") {
            let at = Interval::parse(time).map_err(|error| wrong(&format!("the time {:?} {error}", time.trim())))?;
            if at < Interval(0) {
                return Err(wrong("the time lies before the beginning of the file"));
            }
            messages.push(Recorded { at, message });
        }
    }
    Ok(messages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_behind_the_second_comma_is_the_message() {
        let file = "telemetry, 00:00:05,{\"a\":1,\"b\":[2,3]}\r\n\nproperty,00:00:06,x\nTelemetry,00:00:07.5,\n";
        let wanted =
            [Recorded { at: Interval(50_000_000), message: "{\"a\":1,\"b\":[2,3]}" }, Recorded { at: Interval(75_000_000), message: "" }];
        assert_eq!(recorded(file).unwrap(), wanted);
        assert_eq!(recorded(""), Ok(Vec::new()));
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        for (file, wanted) in [
            ("telemetry,00:00:01,x\ntelemetry,00:00:02", "line 2: must have three columns"),
            ("other", "line 1: must have three columns"),
            ("telemetry,soon,x", "line 1: the time \"soon\" must be an interval"),
            ("telemetry,-00:00:01,x", "line 1: the time lies before"),
        ] {
            let said = recorded(file).unwrap_err();
            assert!(said.starts_with(wanted), "{said}");
        }
    }
}
