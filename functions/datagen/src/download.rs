//! `/file/{path}`: a file's bytes, streamed, with validators and ranges.

use std::ops::Range;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures::TryStreamExt as _;
use headwater_core::datagen::DatagenService;
use headwater_core::ids::FileName;
use headwater_core::limits;
use headwater_core::ports::{FileInfo, FilesExt as _, Shown, Timestamp};
use headwater_web::byte_range::{Wanted, wanted};
use headwater_web::{LargestReply, Problem, Segment};
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, HeaderValue,
    IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, LOCATION, RANGE,
};
use http::{HeaderMap, Method, StatusCode};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::openapi::{Asked, FilePath, TAG};
use crate::paths;

/// A file
///
/// Its bytes, whole or in part, also while a job is writing it.
#[utoipa::path(
    get, path = paths::FILE, tag = TAG, operation_id = "getFile", params(FilePath, Asked),
    responses(
        (status = 200, description = "All of it.",
            content(
                (String = "application/x-ndjson", example = json!("{\"time\":\"2026-01-01T00:00:00.001\",\"device_id\":\"1001\",\"site\":\"greenhouse\",\"status\":\"boot\",\"temperature\":21.78}\n{\"time\":\"2026-01-01T00:00:00.914\",\"device_id\":\"1002\",\"site\":\"cold store\",\"status\":\"boot\",\"temperature\":20.14}\n")),
                (String = "text/csv", example = json!("time,badge\n2026-01-01 00:00:02,417\n2026-01-01 00:00:05,38\n")),
                (String = "application/gzip"),
            ),
            headers(
                ("ETag" = String, description = "Changes with the file."), ("Last-Modified" = String, description = "When it was written last."),
                ("Accept-Ranges" = String, description = "`bytes`."), ("Content-Disposition" = String, description = "Its own name."),
            )),
        (status = 206, description = "The part that `Range` asks for.",
            content(
                (String = "application/x-ndjson", example = json!("{\"time\":\"2026-01-01T00:00:00.001\",\"device_id\":\"1001\",\"site\":\"greenhouse\",\"status\":\"boot\",\"temperature\":21.78}\n")),
                (String = "text/csv", example = json!("2026-01-01 00:00:02,417\n")),
                (String = "application/gzip"),
            ),
            headers(("Content-Range" = String, description = "Which part of how much."), ("ETag" = String, description = "Changes with the file."))),
        (status = 304, description = "It is as `If-None-Match` says.", headers(("ETag" = String, description = "Its version."))),
        (status = 307, description = "More than this host can send: it is in the store, at an address that is good for a while.",
            headers(("Location" = String, description = "Where it is."))),
        (status = 400, description = "The path is none of a file.", body = String,
            example = json!({"message": "ERROR retrieving file [../x].", "exception": "the path must be a plain relative path; \"..\" is not allowed in it"})),
        (status = 404, description = "There is no such file.", body = String,
            example = json!({"message": "ERROR retrieving file [x.json].", "exception": "404 Not Found"})),
        (status = 413, description = "More than this host can send, and its store has no address for it.", body = String,
            example = json!("the file has 9000000 bytes, more than one reply can carry here; ask for it by ranges")),
        (status = 416, description = "The range lies beyond the file.", body = String,
            headers(("Content-Range" = String, description = "How long the file is: `bytes */1000`.")),
            example = json!({"message": "ERROR retrieving file [x.json].", "exception": "416 Range Not Satisfiable"})),
    ),
)]
pub(crate) async fn file(
    State(service): State<DatagenService>,
    largest: Option<Extension<LargestReply>>,
    method: Method,
    headers: HeaderMap,
    Segment(path): Segment,
) -> Result<Response, Problem> {
    let refused = |status, exception: &str| Problem::new(status, format!("ERROR retrieving file [{path}].")).member("exception", exception);
    let name = FileName::try_from(path.as_str()).map_err(|error| refused(StatusCode::BAD_REQUEST, &format!("the path {error}")))?;
    let largest = largest.filter(|_| method != Method::HEAD).map(|Extension(LargestReply(most))| most);
    let part = |info: &FileInfo| match reply_for(info, &headers, largest) {
        Reply::Bytes(_, part) if method != Method::HEAD => Some(part),
        _ => None,
    };
    let Some((info, pieces)) = service.files.open(&name, part).await? else { return Err(refused(StatusCode::NOT_FOUND, "404 Not Found")) };
    let etag = quoted(&info);
    let (status, part) = match reply_for(&info, &headers, largest) {
        Reply::Bytes(status, part) => (status, part),
        Reply::Elsewhere => return elsewhere(&service, &name, &info, &etag).await,
        Reply::NotModified => return Ok((StatusCode::NOT_MODIFIED, describing(&name, &info, &etag)).into_response()),
        Reply::Unsatisfiable => {
            let problem = refused(StatusCode::RANGE_NOT_SATISFIABLE, "416 Range Not Satisfiable");
            return Err(problem.header(CONTENT_RANGE, value(&format!("bytes */{}", info.length))));
        }
    };
    let mut all = describing(&name, &info, &etag);
    all.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(&name)));
    all.insert(CONTENT_LENGTH, HeaderValue::from(part.end - part.start));
    if status == StatusCode::PARTIAL_CONTENT {
        all.insert(CONTENT_RANGE, value(&format!("bytes {}-{}/{}", part.start, part.end - 1, info.length)));
    }
    let body = pieces.map_or_else(Body::empty, |pieces| Body::from_stream(pieces.map_err(std::io::Error::other)));
    Ok((status, all, body).into_response())
}

/// How a request for a file is answered.
enum Reply {
    NotModified,
    Unsatisfiable,
    /// Its reader is sent to the store.
    Elsewhere,
    /// With these of its bytes.
    Bytes(StatusCode, Range<u64>),
}

/// The reply for a file that stands like this, from a host that can carry `largest` bytes.
fn reply_for(info: &FileInfo, headers: &HeaderMap, largest: Option<u64>) -> Reply {
    let etag = quoted(info);
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if text(IF_NONE_MATCH).is_some_and(|listed| matches_etag(listed, &etag)) {
        return Reply::NotModified;
    }
    // A range of a file that has changed since would be put together with the wrong rest.
    let range = text(RANGE).filter(|_| text(IF_RANGE).is_none_or(|validator| validator == etag));
    let (status, part) = match wanted(range, info.length) {
        Wanted::All => (StatusCode::OK, 0..info.length),
        Wanted::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
        Wanted::Unsatisfiable => return Reply::Unsatisfiable,
    };
    if largest.is_some_and(|most| part.end - part.start > most) { Reply::Elsewhere } else { Reply::Bytes(status, part) }
}

fn quoted(info: &FileInfo) -> String {
    format!("\"{}\"", info.etag)
}

/// Sends whoever asks for more than this host can carry to the store itself. A `Range` goes along: clients repeat it there.
async fn elsewhere(service: &DatagenService, name: &FileName, info: &FileInfo, etag: &str) -> Result<Response, Problem> {
    let shown = Shown { content_type: content_type(name).to_owned(), disposition: disposition(name) };
    let Some(address) = service.files.share(name, limits::SHARED_ADDRESS, &shown).await? else {
        let message = format!("the file has {} bytes, more than one reply can carry here; ask for it by ranges", info.length);
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, message));
    };
    let mut headers = describing(name, info, etag);
    headers.insert(LOCATION, value(&address));
    // The address is a key to the file for as long as it is good.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok((StatusCode::TEMPORARY_REDIRECT, headers).into_response())
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// The headers that say what the file is, with or without its bytes.
fn describing(name: &FileName, info: &FileInfo, etag: &str) -> HeaderMap {
    HeaderMap::from_iter([
        (ETAG, value(etag)),
        (LAST_MODIFIED, value(&http_date(info.modified))),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        (CONTENT_DISPOSITION, value(&disposition(name))),
    ])
}

fn http_date(moment: Timestamp) -> String {
    let timestamp = jiff::Timestamp::from_microsecond(moment.as_micros()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&timestamp).unwrap_or_default()
}

/// `inline` under the file's own name; a name beyond ASCII comes in the form of RFC 6266 besides.
fn disposition(name: &FileName) -> String {
    const PLAIN: &AsciiSet =
        &CONTROLS.add(b' ').add(b'"').add(b'%').add(b'\'').add(b'(').add(b')').add(b',').add(b'/').add(b';').add(b'\\');
    let base = name.as_str().rsplit('/').next().unwrap_or_default();
    let ascii: String = base.chars().map(|c| if c.is_ascii_graphic() && !"\"\\".contains(c) || c == ' ' { c } else { '_' }).collect();
    if ascii == base {
        return format!("inline; filename=\"{ascii}\"");
    }
    format!("inline; filename=\"{ascii}\"; filename*=UTF-8''{}", utf8_percent_encode(base, PLAIN))
}

/// Jobs write newline-delimited JSON whatever they call their file; what else lies in the folder goes by its ending.
fn content_type(name: &FileName) -> &'static str {
    match name.as_str().rsplit_once('.').map(|(_, ending)| ending) {
        Some("csv") => "text/csv; charset=utf-8",
        Some("gz") => "application/gzip",
        _ => "application/x-ndjson; charset=utf-8",
    }
}

fn matches_etag(listed: &str, etag: &str) -> bool {
    listed.trim() == "*" || listed.split(',').any(|one| one.trim().trim_start_matches("W/") == etag)
}
