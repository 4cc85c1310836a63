//! What requests of this group have in common: names in the path, parameters of the query.

use std::str::FromStr;

use axum::extract::{FromRequestParts, Path, Query};
use headwater_core::ids::TableName;
use headwater_web::Problem;
use http::request::Parts;

use crate::problems;

/// The table that a path names; it need not exist.
///
/// Parameters of the query are validated before it is looked up, and the other part of the path before those. So handlers take this
/// as a `Result` where there are any.
#[derive(Debug, Clone)]
pub(crate) struct Named(pub(crate) TableName);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = part(parts, state, "tableName").await?;
        match TableName::try_from(text.as_str()) {
            Ok(name) => Ok(Self(name)),
            Err(error) => Err(Problem::bad_request(format!("{}: it {error}", problems::path_parameter("tableName", &text)))),
        }
    }
}

/// The format that a path names.
#[derive(Debug, Clone)]
pub(crate) struct Format(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Format {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        part(parts, state, "format").await.map(Self)
    }
}

/// A variable part of the path, percent-decoded.
async fn part<S: Send + Sync>(parts: &mut Parts, state: &S, wanted: &str) -> Result<String, Problem> {
    match Path::<Vec<(String, String)>>::from_request_parts(parts, state).await {
        Ok(Path(all)) => Ok(all.into_iter().find_map(|(name, text)| (name == wanted).then_some(text)).unwrap_or_default()),
        Err(_) => Err(Problem::bad_request("the path is not percent-encoded UTF-8")),
    }
}

/// The parameters of the query. One that is given twice counts the first time; those that nobody asks for do not matter.
#[derive(Debug)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(all)) => Ok(Self(all)),
            Err(_) => Err(Problem::bad_request("the query is not percent-encoded UTF-8")),
        }
    }
}

impl Parameters {
    /// What a parameter says, if it is there.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// A parameter that must be there.
    pub(crate) fn required<T: FromStr>(&self, name: &str) -> Result<T, Problem> {
        let text = self.text(name);
        text.and_then(|text| text.parse().ok()).ok_or_else(|| Problem::bad_request(problems::parameter(name, text)))
    }

    /// A parameter that may be there.
    pub(crate) fn optional<T: FromStr>(&self, name: &str) -> Result<Option<T>, Problem> {
        self.text(name).map(|_| self.required(name)).transpose()
    }
}
