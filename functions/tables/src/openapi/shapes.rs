//! What requests and answers say.

use headwater_web::shapes;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

/// The table that a path names.
#[derive(IntoParams)]
#[into_params(parameter_in = Path, names("tableName"))]
pub(crate) struct OfTable(
    /// The name of a table: any text without `/` and control characters, 255 bytes at most.
    #[param(value_type = TableName, example = "tone")]
    String,
);

/// In which form sound is wanted.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct Heard {
    /// `wav`, in letters of either case.
    #[param(pattern = "^[wW][aA][vV]$", example = "wav")]
    format: String,
}

/// The newest rows.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct Last {
    /// Rows with a marker greater than that of the newest one minus this. The newest row is always one of them.
    #[param(value_type = TimeMeasure, required = true)]
    interval: String,
    /// Offsets count by this rate, from the first row on; values stay as they are.
    #[param(value_type = Option<SampleRate>, required = false)]
    sample_rate: Option<f64>,
}

/// The rows of a span of time.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct TimeRange {
    /// Rows with a marker from here on.
    #[param(value_type = TimeMeasure, required = true)]
    from: String,
    /// The first moment that is no longer wanted.
    #[param(value_type = TimeMeasure, required = true)]
    to: String,
    /// Offsets count by this rate, from the first row on; values stay as they are.
    #[param(value_type = Option<SampleRate>, required = false)]
    sample_rate: Option<f64>,
}

/// How a picture is drawn.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Drawn {
    /// How much of the newest; 10 s without it.
    #[param(value_type = TimeMeasure, required = false)]
    interval: Option<String>,
    /// Pixels; 800 without it.
    #[param(minimum = 100, maximum = 4000)]
    width: Option<u32>,
    /// Pixels; 300 without it.
    #[param(minimum = 100, maximum = 4000)]
    height: Option<u32>,
}

/// What is to be heard.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct Sound {
    /// 16 without it.
    #[param(value_type = BitDepth, required = false)]
    bit_depth: Option<u8>,
    /// How far before the newest sample to begin.
    #[param(value_type = TimeMeasure, required = false)]
    offset: Option<String>,
    /// How much to send. Without it, a table that is not finished is followed without an end.
    #[param(value_type = TimeMeasure, required = false)]
    limit: Option<String>,
}

shapes! {
    Binary = json!({"type": "string", "format": "binary"});
    TableName = json!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[^/\x00-\x1f\x7f-\x9f]+$", "examples": ["tone"]});
    TimeMeasure = json!({
        "description": "A number and a unit, with nothing between: `ns`, `us`, `ms`, `s`, `m`, `h` or `d`. Fractions are dropped.",
        "type": "string", "pattern": r"^-?[0-9]{1,15}(\.[0-9]{0,15})?([eE]-?[0-9]{1,2})?[fFlL]?([nNuUmM]?[sS]|[mMhHdD])$", "examples": ["100ms"],
    });
    SampleRate = json!({
        "description": "Samples a second, with nine decimals at most.",
        "type": "number", "minimum": 1e-6, "maximum": 1e9, "examples": [44100],
    });
    BitDepth = json!({"type": "integer", "enum": [8, 16, 24, 32, 64]});
    Operation = json!({
        "description": "What is made of the elements before.",
        "oneOf": [
            {"type": "object", "title": "windows", "required": ["window"], "additionalProperties": false, "properties": {"window": {
                "type": "object", "required": ["size"], "additionalProperties": false, "properties": {
                    "size": {"type": "integer", "minimum": 2, "maximum": 1_048_576, "description": "Elements of a window."},
                    "step": {"type": ["integer", "null"], "minimum": 1, "maximum": 1_048_576, "description": "Elements from one window to the next; `size` without it."},
                },
            }}},
            {"type": "object", "title": "a window function", "required": ["windowFunction"], "additionalProperties": false, "properties": {
                "windowFunction": {"type": "string", "enum": ["rectangle", "triangular", "blackman", "hamming"]},
            }},
            {"type": "object", "title": "spectra", "required": ["fft"], "additionalProperties": false, "properties": {"fft": {
                "type": "object", "required": ["binCount"], "additionalProperties": false, "properties": {
                    "binCount": {"type": "integer", "minimum": 2, "maximum": 1_048_576, "description": "A power of two, and not less than the window."},
                },
            }}},
        ],
    });
    Source = json!({
        "description": "Where elements come from.",
        "oneOf": [
            {"type": "object", "title": "a signal", "required": ["signal"], "additionalProperties": false, "properties": {
                "signal": {"$ref": "#/components/schemas/Signal"},
            }},
            {"type": "object", "title": "another table", "required": ["table"], "additionalProperties": false, "properties": {
                "table": {"$ref": "#/components/schemas/TableName"},
            }},
            {"type": "object", "title": "a stream", "required": ["stream"], "additionalProperties": false, "properties": {"stream": {
                "type": "object", "required": ["stream", "field"], "additionalProperties": false, "properties": {
                    "namespace": {"type": "string", "pattern": "^[A-Za-z0-9_]{1,255}$", "description": "`default` without it."},
                    "stream": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,255}$"},
                    "field": {"type": "string", "minLength": 1, "description": "The member that holds the number; a dot leads into an object."},
                    "headers": {"type": "object", "additionalProperties": {"type": "string"}, "description": "Headers that an event must have."},
                    "time": {"type": "string", "enum": ["rate", "event"], "description": "Each number is the next sample (`rate`), or holds until the next one (`event`)."},
                },
            }}},
        ],
    });
    Signal = json!({
        "description": "What fills the table: one kind of signal, of a `length` or without an end.",
        "type": "object", "minProperties": 1, "additionalProperties": false,
        "properties": {
            "sine": {"type": "object", "description": "`frequency`, `amplitude`, `phase`"},
            "sweep": {"type": "object", "description": "`from`, `to`, `duration`, `amplitude`"},
            "square": {"type": "object", "description": "`frequency`, `amplitude`, `duty`"},
            "saw": {"type": "object", "description": "`frequency`, `amplitude`"},
            "noise": {"type": "object", "description": "`seed`, `amplitude`"},
            "sum": {"type": "array", "items": {"type": "object"}, "description": "Signals that are added."},
            "length": {"$ref": "#/components/schemas/TimeMeasure"},
        },
        "examples": [{"sine": {"frequency": 440}, "length": "10s"}],
    });
}

/// What a table is to hold.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[serde(rename_all = "camelCase")]
#[schema(as = TableDefinition, example = json!({"element": "sample", "sampleRate": 8000, "source": {"signal": {"sine": {"frequency": 440}}}}))]
pub(crate) struct Definition {
    element: Element,
    /// 44100 without it, or that of the table that is the source.
    #[schema(value_type = Option<SampleRate>)]
    sample_rate: Option<f64>,
    /// How far back from the newest row rows are kept; `1d` without it.
    #[schema(value_type = Option<TimeMeasure>)]
    retention: Option<String>,
    /// How many samples a `json` element spans.
    #[schema(minimum = 1, maximum = 1_000_000)]
    measure: Option<u32>,
    /// What is made of the elements, in order.
    #[schema(max_items = 8)]
    operations: Option<Vec<Operation>>,
    /// Where elements come from; without it they are appended.
    source: Option<Source>,
}

/// What is put in.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum Element {
    Sample,
    Vector,
    List,
    Json,
}

/// A table.
#[derive(ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "name": "tone", "element": "sample", "sampleRate": 8000, "retention": "1d", "measure": 1, "operations": [],
    "source": {"signal": {"sine": {"frequency": 440.0}}}, "rows": 55000, "firstMarker": 0, "lastMarker": 6_874_875_000_u64, "finished": false,
}))]
pub(crate) struct Table {
    name: String,
    element: Element,
    sample_rate: f64,
    retention: String,
    measure: u32,
    #[schema(value_type = Vec<Operation>)]
    operations: Value,
    #[schema(value_type = Option<Source>)]
    source: Option<Value>,
    /// How many rows there are.
    rows: u64,
    /// The marker of the oldest row, in nanoseconds.
    #[schema(required = true)]
    first_marker: Option<i64>,
    /// The marker of the newest row, in nanoseconds.
    #[schema(required = true)]
    last_marker: Option<i64>,
    /// Whether no more will come.
    finished: bool,
    /// What is wrong with its source.
    trouble: Option<String>,
}

/// What has been appended.
#[derive(ToSchema)]
#[schema(example = json!({"appended": 2}))]
pub(crate) struct Appended {
    /// How many elements.
    #[schema(example = 2)]
    appended: u64,
}
