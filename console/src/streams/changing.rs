//! What the forms of a stream's page do.

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use bytes::Bytes;
use headwater_core::ids::StreamName;
use headwater_core::limits;
use headwater_core::ports::Headers;
use headwater_core::streams::StreamError;
use http::StatusCode;

use super::detail::{Forms, Sending, render};
use super::properties::PropertiesForm;
use super::reading::Question;
use super::{Formatting, SECTION, name_of, not_found, path_of, refused, status_of};
use crate::Console;
use crate::form::Posted;
use crate::page::Page;

/// Why a request was refused: the forms to show again, or a page that says so.
enum Refused {
    Forms(StatusCode, Box<Forms>),
    Page(StreamError),
}

impl From<StreamError> for Refused {
    fn from(error: StreamError) -> Self {
        Self::Page(error)
    }
}

/// Sends the browser on to where it sees what was done, or shows what was wrong.
async fn answered(console: &Console, posted: &Posted, turns: &Formatting, name: &StreamName, done: Result<String, Refused>) -> Response {
    match done {
        Ok(path) => Redirect::to(&path).into_response(),
        Err(Refused::Page(error)) => refused(Page::of(console, &posted.session, "").in_section(SECTION), &error),
        Err(Refused::Forms(status, forms)) => {
            render(console, &posted.session, turns, name, status, Question::default(), Some(*forms)).await
        }
    }
}

/// What all of them take: the stream that the path names.
macro_rules! handler {
    ($(#[$doc:meta])* $name:ident, $does:ident) => {
        $(#[$doc])*
        pub(super) async fn $name(
            State(console): State<Console>,
            Extension(turns): Extension<Formatting>,
            Path(path): Path<(String, String)>,
            posted: Posted,
        ) -> Response {
            let Some(name) = name_of(&path) else {
                return not_found(Page::of(&console, &posted.session, "").in_section(SECTION));
            };
            let done = $does(&console, &name, &posted).await;
            answered(&console, &posted, &turns, &name, done).await
        }
    };
}

handler!(
    /// Changes what is set about a stream.
    properties,
    change
);
handler!(
    /// Sends an event.
    send,
    send_event
);
handler!(
    /// Removes the events of a stream.
    truncate,
    remove_events
);
handler!(
    /// Removes a stream.
    delete,
    remove
);

/// The forms of the page as they are at first.
async fn forms(console: &Console, name: &StreamName) -> Result<Forms, StreamError> {
    let stream = console.services.streams.get(name).await?;
    Ok(Forms { properties: PropertiesForm::of(&stream.properties), ..Forms::default() })
}

async fn change(console: &Console, name: &StreamName, posted: &Posted) -> Result<String, Refused> {
    let streams = &console.services.streams;
    let stream = streams.get(name).await?;
    let mut properties = PropertiesForm::sent(posted);
    // The owner is shown, and cannot be changed: whoever may change a stream is it already.
    properties.owner = stream.properties.principal.as_ref().map(ToString::to_string).unwrap_or_default();
    let again = |properties, status| Refused::Forms(status, Box::new(Forms { properties, ..Forms::default() }));
    let Some(body) = properties.body(stream.properties.description.is_some()) else {
        return Err(again(properties, StatusCode::BAD_REQUEST));
    };
    match streams.set_properties(name, &body).await {
        Ok(()) => Ok(format!("{}?did=changed", path_of(name))),
        Err(error) if properties.refused(&error) => Err(again(properties, status_of(&error))),
        Err(error) => Err(error.into()),
    }
}

async fn send_event(console: &Console, name: &StreamName, posted: &Posted) -> Result<String, Refused> {
    let (headers, body) = (posted.lines("headers"), posted.lines("body"));
    let stream = console.services.streams.get(name).await?;
    let read = if body.len() > limits::EVENT_BODY {
        Err(format!("the body has {} bytes, at most {} are allowed", body.len(), limits::EVENT_BODY))
    } else {
        read_headers(&headers)
    };
    match read {
        Ok(read) => {
            console.services.streams.post(&stream, read, Bytes::from(body)).await?;
            Ok(format!("{}?did=sent#events", path_of(name)))
        }
        Err(mistake) => {
            let sending = Sending { headers, body, mistake: Some(mistake) };
            Err(Refused::Forms(StatusCode::BAD_REQUEST, Box::new(Forms { sending, ..forms(console, name).await? })))
        }
    }
}

/// Headers, a line each: `name: value`. Names are kept in lower case, as those that the API takes are.
fn read_headers(text: &str) -> Result<Headers, String> {
    let mut all = std::collections::BTreeMap::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let pair = line.split_once(':').map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        match pair.filter(|(name, _)| !name.is_empty()) {
            Some((name, value)) => all.insert(name, value),
            None => return Err(format!("line {} of the headers is not a name, a colon and a value", number + 1)),
        };
    }
    Ok(all.into_iter().collect::<Vec<_>>().into())
}

/// Refuses what cannot be undone, unless the box is ticked.
fn sure(posted: &Posted) -> Result<(), String> {
    if posted.ticked("sure") { Ok(()) } else { Err("Tick the box first: this cannot be undone.".to_owned()) }
}

async fn remove_events(console: &Console, name: &StreamName, posted: &Posted) -> Result<String, Refused> {
    if let Err(mistake) = sure(posted) {
        let forms = Forms { truncate: Some(mistake), ..forms(console, name).await? };
        return Err(Refused::Forms(StatusCode::BAD_REQUEST, Box::new(forms)));
    }
    console.services.streams.truncate(name).await?;
    Ok(format!("{}?did=truncated", path_of(name)))
}

async fn remove(console: &Console, name: &StreamName, posted: &Posted) -> Result<String, Refused> {
    if let Err(mistake) = sure(posted) {
        let forms = Forms { delete: Some(mistake), ..forms(console, name).await? };
        return Err(Refused::Forms(StatusCode::BAD_REQUEST, Box::new(forms)));
    }
    console.services.streams.delete(name).await?;
    Ok(SECTION.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_lines_of_names_and_values() {
        let headers = read_headers("Kind: a:b\n\n  other :  \nkind: c").unwrap();
        assert_eq!(headers.to_vec(), [("kind".to_owned(), "c".to_owned()), ("other".to_owned(), String::new())]);
        for wrong in ["plain", ": value", "a: 1\nb"] {
            assert!(read_headers(wrong).is_err(), "{wrong:?}");
        }
    }
}
