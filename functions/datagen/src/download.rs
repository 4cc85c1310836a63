//! `/file/{path}`: a file's bytes, streamed, with validators and ranges.

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures::TryStreamExt as _;
use headwater_core::datagen::DatagenService;
use headwater_core::ids::FileName;
use headwater_core::limits;
use headwater_core::ports::{FileInfo, Shown, Timestamp};
use headwater_web::byte_range::{Wanted, wanted};
use headwater_web::{LargestReply, Problem, Segment};
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, HeaderValue,
    IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, LOCATION, RANGE,
};
use http::{HeaderMap, Method, StatusCode};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

pub(crate) async fn file(
    State(service): State<DatagenService>,
    largest: Option<Extension<LargestReply>>,
    method: Method,
    headers: HeaderMap,
    Segment(path): Segment,
) -> Result<Response, Problem> {
    let refused = |status, exception: &str| Problem::new(status, format!("ERROR retrieving file [{path}].")).member("exception", exception);
    let name = FileName::try_from(path.as_str()).map_err(|error| refused(StatusCode::BAD_REQUEST, &format!("the path {error}")))?;
    let info = service.file(&name).await?.ok_or_else(|| refused(StatusCode::NOT_FOUND, "404 Not Found"))?;
    let etag = format!("\"{}\"", info.etag);
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if text(IF_NONE_MATCH).is_some_and(|listed| matches_etag(listed, &etag)) {
        return Ok((StatusCode::NOT_MODIFIED, describing(&name, &info, &etag)).into_response());
    }
    // A range of a file that has changed since would be put together with the wrong rest.
    let range = text(RANGE).filter(|_| text(IF_RANGE).is_none_or(|validator| validator == etag));
    let (status, part) = match wanted(range, info.length) {
        Wanted::All => (StatusCode::OK, 0..info.length),
        Wanted::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
        Wanted::Unsatisfiable => {
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
    if method != Method::HEAD && largest.is_some_and(|Extension(LargestReply(most))| part.end - part.start > most) {
        return elsewhere(&service, &name, &info, &etag).await;
    }
    let body = if method == Method::HEAD {
        Body::empty()
    } else {
        Body::from_stream(service.files.read(&name, part).await?.map_err(std::io::Error::other))
    };
    Ok((status, all, body).into_response())
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
