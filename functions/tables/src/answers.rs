//! What is in a table: as lines, as sound, as a picture.

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use headwater_core::limits;
use headwater_core::tables::{BitDepth, Selection, TableError, TableService, TimeMeasure};
use headwater_web::{LargestReply, Problem};
use http::StatusCode;
use http::header::CONTENT_TYPE;

use crate::openapi::{Binary, Drawn, Heard, Last, OfTable, Sound, TAG, TimeRange};
use crate::plot::{self, Size};
use crate::request::{Format, Named, Parameters};
use crate::{paths, problems};

const LINES: &str = "application/x-ndjson";
const WAV: &str = "audio/wav";
const SVG: &str = "image/svg+xml";

/// The newest rows
///
/// One row a line, oldest first, of any length. What is empty is a 200 without a line.
#[utoipa::path(
    get, path = paths::LAST, tag = TAG, operation_id = "getLastRows", params(OfTable, Last),
    responses(
        (status = 200, description = "The rows.", content((String = "application/x-ndjson", example = json!("{\"offset\":0,\"value\":1.0}\n")))),
        (status = 400, description = "A parameter is wrong or missing, or does not go with the table.", body = String, example = json!("Query parameter interval `null` is not recognized")),
        (status = 404, description = "There is no such table.", body = String, example = json!("tone is not found")),
        (status = 413, description = "More than this host can send.", body = String, example = json!("this takes more than 4194304 bytes, the most that can be answered here; ask for a shorter time")),
    ),
)]
pub(crate) async fn last(
    State(tables): State<TableService>,
    named: Result<Named, Problem>,
    parameters: Parameters,
    largest: Option<Extension<LargestReply>>,
) -> Result<Response, Problem> {
    let selection = Selection::Last(parameters.required("interval")?);
    lines(&tables, named, &parameters, selection, largest).await
}

/// The rows of a span of time
///
/// One row a line, oldest first, of any length. What is empty is a 200 without a line.
#[utoipa::path(
    get, path = paths::TIME_RANGE, tag = TAG, operation_id = "getRows", params(OfTable, TimeRange),
    responses(
        (status = 200, description = "The rows.", content((String = "application/x-ndjson", example = json!("{\"offset\":0,\"value\":1.0}\n")))),
        (status = 400, description = "A parameter is wrong or missing, or does not go with the table.", body = String, example = json!("Query parameter interval `null` is not recognized")),
        (status = 404, description = "There is no such table.", body = String, example = json!("tone is not found")),
        (status = 413, description = "More than this host can send.", body = String, example = json!("this takes more than 4194304 bytes, the most that can be answered here; ask for a shorter time")),
    ),
)]
pub(crate) async fn time_range(
    State(tables): State<TableService>,
    named: Result<Named, Problem>,
    parameters: Parameters,
    largest: Option<Extension<LargestReply>>,
) -> Result<Response, Problem> {
    let selection = Selection::Range { from: parameters.required("from")?, to: parameters.required("to")? };
    lines(&tables, named, &parameters, selection, largest).await
}

async fn lines(
    tables: &TableService,
    named: Result<Named, Problem>,
    parameters: &Parameters,
    selection: Selection,
    largest: Option<Extension<LargestReply>>,
) -> Result<Response, Problem> {
    let rate = parameters.optional("sampleRate")?;
    let Named(name) = named?;
    let lines = tables.select(&name, selection, rate).await.map_err(problems::table)?;
    let pieces = stream::unfold(lines, async |mut lines| lines.next().await.map(|piece| (piece, lines)));
    answer(LINES, pieces.fuse().boxed(), largest, "ask for a shorter time").await
}

/// A table as sound
///
/// A mono WAV file, which ends at the limit, or when the table is finished and all is sent. Until then it waits for more.
#[utoipa::path(
    get, path = paths::AUDIO, tag = TAG, operation_id = "hearTable", params(OfTable, Heard, Sound),
    responses(
        (status = 200, description = "The sound.", body = Binary, content_type = "audio/wav"),
        (status = 400, description = "A parameter is wrong or missing, or does not go with the table.", body = String, example = json!("Query parameter interval `null` is not recognized")),
        (status = 404, description = "There is no such table.", body = String, example = json!("tone is not found")),
        (status = 413, description = "More than this host can send.", body = String, example = json!("this takes more than 4194304 bytes, the most that can be answered here; ask for a shorter time")),
    ),
)]
pub(crate) async fn audio(
    State(tables): State<TableService>,
    format: Format,
    named: Result<Named, Problem>,
    parameters: Parameters,
    largest: Option<Extension<LargestReply>>,
) -> Result<Response, Problem> {
    let Format(format) = format;
    if !format.eq_ignore_ascii_case("wav") {
        return Err(Problem::bad_request(problems::path_parameter("format", &format)));
    }
    let depth = bit_depth(&parameters)?;
    let limit: Option<TimeMeasure> = parameters.optional("limit")?;
    let offset = parameters.optional("offset")?.unwrap_or(TimeMeasure::from_nanos(0));
    let Named(name) = named?;
    // What is answered as a whole ends with what is there.
    let follow = largest.is_none();
    let sound = tables.sound(&name, depth, offset, limit, follow).await.map_err(problems::table)?;
    let pieces = stream::unfold(sound, async |mut sound| sound.next().await.map(|piece| (piece, sound)));
    answer(WAV, pieces.fuse().boxed(), largest, "give a shorter limit, or fewer bits with bitDepth").await
}

fn bit_depth(parameters: &Parameters) -> Result<BitDepth, Problem> {
    match parameters.text("bitDepth") {
        None | Some("16") => Ok(BitDepth::Sixteen),
        Some("8") => Ok(BitDepth::Eight),
        Some("24") => Ok(BitDepth::TwentyFour),
        Some("32") => Ok(BitDepth::ThirtyTwo),
        Some("64") => Ok(BitDepth::SixtyFour),
        other => Err(Problem::bad_request(problems::parameter("bitDepth", other))),
    }
}

/// A picture
///
/// Samples, vectors and windows of samples as a waveform, one spectrum as a curve, several as a spectrogram.
#[utoipa::path(
    get, path = paths::PLOT, tag = TAG, operation_id = "plotTable", params(OfTable, Drawn),
    responses(
        (status = 200, description = "The picture.", body = String, content_type = "image/svg+xml",
            example = json!("<svg width=\"800\" height=\"300\" viewBox=\"0 0 800 300\" xmlns=\"http://www.w3.org/2000/svg\">\n<title>tone</title>\n</svg>\n")),
        (status = 400, description = "A parameter is wrong or missing, or does not go with the table.", body = String, example = json!("Query parameter interval `null` is not recognized")),
        (status = 404, description = "There is no such table.", body = String, example = json!("tone is not found")),
    ),
)]
pub(crate) async fn plot(
    State(tables): State<TableService>,
    named: Result<Named, Problem>,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let size = Size { width: side(&parameters, "width", 800)?, height: side(&parameters, "height", 300)? };
    let interval = parameters.optional("interval")?.unwrap_or(TimeMeasure::from_nanos(10_000_000_000));
    let Named(name) = named?;
    let picture = plot::of_table(&tables, &name, interval, size).await?;
    Ok(([(CONTENT_TYPE, SVG)], picture).into_response())
}

/// How many pixels a side of the picture has.
fn side(parameters: &Parameters, name: &str, default: u32) -> Result<u32, Problem> {
    let Some(text) = parameters.text(name) else { return Ok(default) };
    let (least, most) = (limits::PLOT_SIDE.start(), limits::PLOT_SIDE.end());
    let wrong = || format!("{}: it must be a whole number from {least} to {most}", problems::parameter(name, Some(text)));
    text.parse().ok().filter(|side| limits::PLOT_SIDE.contains(side)).ok_or_else(|| Problem::bad_request(wrong()))
}

/// An answer piece by piece (whoever compresses them asks again after the last one), or at once where the host can do no better; `advice` is for whoever asks for too much then.
async fn answer(
    kind: &'static str,
    mut pieces: BoxStream<'static, Result<Bytes, TableError>>,
    largest: Option<Extension<LargestReply>>,
    advice: &str,
) -> Result<Response, Problem> {
    let body = match largest {
        Some(Extension(LargestReply(most))) => whole(pieces, most, advice).await?,
        // What fails at once is told; later on an answer can only break off.
        None => match pieces.next().await.transpose().map_err(problems::table)? {
            // Whoever packs the body asks again behind its end.
            Some(first) => Body::from_stream(stream::iter([Ok(first)]).chain(pieces).map_err(broken_off).fuse()),
            None => Body::empty(),
        },
    };
    Ok(([(CONTENT_TYPE, kind)], body).into_response())
}

async fn whole(mut pieces: BoxStream<'static, Result<Bytes, TableError>>, most: u64, advice: &str) -> Result<Body, Problem> {
    let mut all = Vec::new();
    while let Some(piece) = pieces.next().await {
        all.extend_from_slice(&piece.map_err(problems::table)?);
        if all.len() as u64 > most {
            let message = format!("this takes more than {most} bytes, the most that can be answered here; {advice}");
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, message));
        }
    }
    Ok(all.into())
}

fn broken_off(error: TableError) -> std::io::Error {
    tracing::warn!(error = &error as &dyn std::error::Error, "an answer broke off");
    std::io::Error::other(error)
}
