//! What is set about a stream: how it is given, checked, kept and reported.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::formats::{Format, FormatError};
use super::principal::{Principal, PrincipalError};
use super::times::{Ttl, TtlError};
use crate::mistakes::kind_of;

/// What is set about a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Properties {
    /// How long events are kept.
    pub ttl: Ttl,
    /// How events are read as records.
    pub format: Format,
    /// After so many MiB of new data it is told.
    pub notification_threshold: NotificationThreshold,
    /// What it is, for people.
    pub description: Option<String>,
    /// Who owns it.
    pub principal: Option<Principal>,
}

/// MiB of new data after which those who want to know are told: 1 to 2147483647.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NotificationThreshold(u32);

impl NotificationThreshold {
    /// The threshold in bytes.
    #[must_use]
    pub fn bytes(self) -> u64 {
        u64::from(self.0) << 20
    }
}

impl Default for Properties {
    fn default() -> Self {
        Self {
            ttl: Ttl::INFINITE,
            format: Format::default(),
            notification_threshold: NotificationThreshold(1024),
            description: None,
            principal: None,
        }
    }
}

/// What a request sets; what it does not name stays as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Changes {
    ttl: Option<Ttl>,
    format: Option<Format>,
    notification_threshold: Option<NotificationThreshold>,
    description: Option<String>,
    /// The owner that the request names.
    pub principal: Option<Principal>,
}

/// What is wrong with a body of properties.
#[derive(Debug, thiserror::Error)]
pub enum PropertiesError {
    /// Nothing.
    #[error("the body is empty; it must be a JSON object")]
    Empty,
    /// Not JSON.
    #[error("the body is not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    /// Not an object.
    #[error("the body must be a JSON object, not {0}")]
    NotAnObject(&'static str),
    /// A member that is no text.
    #[error("{member}: must be a text, not {kind}")]
    NotText {
        /// Which member.
        member: &'static str,
        /// What it is instead.
        kind: &'static str,
    },
    /// The time to live.
    #[error(transparent)]
    Ttl(#[from] TtlError),
    /// The format.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The threshold.
    #[error("{THRESHOLD}: must be a whole number from 1 to {most}, not {0}", most = i32::MAX)]
    Threshold(Value),
    /// The principal.
    #[error(transparent)]
    Principal(#[from] PrincipalError),
}

/// A flat name, dots and all.
const THRESHOLD: &str = "notification.threshold.mb";

impl Changes {
    /// Reads a body of properties: everything is checked, members that are not known are passed over.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn parse(body: &[u8]) -> Result<Self, PropertiesError> {
        if body.is_empty() {
            return Err(PropertiesError::Empty);
        }
        let body = match serde_json::from_slice(body)? {
            Value::Object(members) => members,
            other => return Err(PropertiesError::NotAnObject(kind_of(&other))),
        };
        Ok(Self {
            ttl: body.get("ttl").map(Ttl::from_json).transpose()?,
            format: body.get("format").map(Format::from_json).transpose()?,
            notification_threshold: body.get(THRESHOLD).map(threshold).transpose()?,
            description: text(&body, "description")?,
            principal: text(&body, "principal")?.map(|text| Principal::parse(&text)).transpose()?,
        })
    }

    /// Whether nothing is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The properties with these changes. The owner is not changed: whoever may change a stream is it already.
    #[must_use]
    pub fn applied_to(self, properties: &Properties) -> Properties {
        Properties {
            ttl: self.ttl.unwrap_or(properties.ttl),
            format: self.format.unwrap_or_else(|| properties.format.clone()),
            notification_threshold: self.notification_threshold.unwrap_or(properties.notification_threshold),
            description: self.description.or_else(|| properties.description.clone()),
            principal: properties.principal.clone(),
        }
    }

    /// The properties of a stream that is made with these.
    #[must_use]
    pub fn of_a_new_stream(mut self) -> Properties {
        let principal = self.principal.take();
        Properties { principal, ..self.applied_to(&Properties::default()) }
    }
}

fn threshold(value: &Value) -> Result<NotificationThreshold, PropertiesError> {
    let megabytes = value.as_u64().and_then(|megabytes| i32::try_from(megabytes).ok()).filter(|&megabytes| megabytes > 0);
    megabytes.map(|megabytes| NotificationThreshold(megabytes.unsigned_abs())).ok_or_else(|| PropertiesError::Threshold(value.clone()))
}

fn text(body: &Map<String, Value>, member: &'static str) -> Result<Option<String>, PropertiesError> {
    match body.get(member) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => Err(PropertiesError::NotText { member, kind: kind_of(other) }),
    }
}

impl Properties {
    /// The properties as they are reported and kept; [`Changes::parse`] reads them.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        let mut members = Map::from_iter([
            ("ttl".to_owned(), json!(self.ttl.seconds())),
            ("format".to_owned(), self.format.to_json()),
            (THRESHOLD.to_owned(), json!(self.notification_threshold)),
        ]);
        if let Some(description) = &self.description {
            members.insert("description".to_owned(), json!(description));
        }
        if let Some(principal) = &self.principal {
            members.insert("principal".to_owned(), json!(principal));
        }
        members
    }
}
