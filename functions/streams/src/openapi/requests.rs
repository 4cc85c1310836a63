//! What requests say.

use headwater_web::shapes;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

shapes! {
    NamespaceId = json!({"type": "string", "pattern": "^[A-Za-z0-9_]{1,255}$", "examples": ["default"]});
    StreamId = json!({"type": "string", "pattern": "^[A-Za-z0-9_-]{1,255}$", "examples": ["purchases"]});
    Skip = json!({"type": "integer", "minimum": 0});
    Seconds = json!({"type": "integer", "minimum": 0});
    Binary = json!({"type": "string", "format": "binary"});
    Instant = json!({
        "description": "Milliseconds since 1970, or `now` followed by any number of terms such as `-1h` or `+30m`; units are `s`, `m`, `h` and `d`.",
        "type": "string", "pattern": "^([0-9]{1,18}|now([+-][0-9]{1,6}[smhd]){0,8})$", "examples": ["now-1h"],
    });
    Principal = json!({
        "description": "Who owns the stream: `primary`, `primary@REALM` or `primary/host@REALM`. A name, and no access control.",
        "type": "string", "minLength": 1, "examples": ["tom@EXAMPLE"],
    });
    Schema = json!({
        "description": "What a record has, in a JSON that is close to Avro's: the name of a simple type, a union, or an object.",
        "examples": [{"type": "record", "name": "purchase", "fields": [{"name": "who", "type": "string"}]}],
    });
    Format = json!({
        "description": "How a body is read as a record.",
        "type": "object", "required": ["name"], "properties": {
            "name": {"type": "string", "description": "In letters of either case.", "pattern": "^([tT][eE][xX][tT]|[cC][sS][vV]|[tT][sS][vV]|[cC][lL][fF]|[gG][rR][oO][kK]|[sS][yY][sS][lL][oO][gG]|[aA][vV][rR][oO])$"},
            "schema": {"$ref": "#/components/schemas/Schema"},
            "settings": {
                "type": ["object", "null"], "description": "Such as `charset`, `delimiter`, `mapping` or `pattern`.",
                "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
            },
        },
        "examples": [{"name": "csv", "settings": {"delimiter": ", "}}],
    });
}

/// The namespace that a path names.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfNamespace {
    /// A namespace; `default` is always there.
    #[param(value_type = NamespaceId, example = "default")]
    namespace: String,
}

/// The stream that a path names.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfStream {
    /// A namespace; `default` is always there.
    #[param(value_type = NamespaceId, example = "default")]
    namespace: String,
    /// The id of a stream.
    #[param(value_type = StreamId, example = "purchases")]
    stream: String,
}

/// The view that a path names.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfView {
    /// The id of a view.
    #[param(value_type = StreamId, example = "words")]
    view: String,
}

/// The application that a path names.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfApplication {
    /// A namespace.
    #[param(value_type = NamespaceId, example = "default")]
    namespace: String,
    /// An application.
    #[param(min_length = 1, example = "datagen")]
    application: String,
}

/// The program that a path names.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfProgram {
    /// Of which type it is: `flows`, `mapreduce`, `services`, `spark`, `workflows` or `workers`.
    #[param(pattern = "^(flows|mapreduce|services|spark|workflows|workers)$", example = "workflows")]
    kind: String,
    /// A program.
    #[param(min_length = 1, example = "clicks")]
    program: String,
}

/// Who asks.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct Program {
    /// The program that the request comes from: `APPLICATION/TYPE/PROGRAM`. It is listed as a user of the stream.
    #[param(
        rename = "X-Headwater-Program",
        example = "shop/flows/basket",
        pattern = "^([A-Za-z0-9_.-]{1,80}/(flows|mapreduce|services|spark|workflows|workers)/[A-Za-z0-9_.-]{1,80})?$"
    )]
    program: Option<String>,
}

/// Which events are wanted.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Window {
    /// The first time; 0 without it.
    #[param(value_type = Instant, required = false)]
    start: Option<String>,
    /// The first time that is no longer wanted.
    #[param(value_type = Instant, required = false)]
    end: Option<String>,
    /// Most events.
    #[param(minimum = 1, maximum = 2_147_483_647)]
    limit: Option<u32>,
    /// Events of the window that are passed over first.
    #[param(value_type = Skip, required = false)]
    skip: Option<u64>,
    /// Whether each event has a record besides.
    format: Option<bool>,
    /// A view: each event has its record under that. It wins over `format`.
    #[param(value_type = StreamId, required = false)]
    view: Option<String>,
}

/// What a subscriber knows.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct Known {
    /// The number of the last notice that has come: what was missed since then is sent first.
    #[param(rename = "Last-Event-ID", example = "1")]
    last_event_id: Option<String>,
}

/// What is set about a stream. What is not named stays as it is, or as it is for a new stream; members that nobody knows are ignored.
#[derive(ToSchema)]
#[schema(as = StreamProperties, example = json!({"ttl": 604_800, "format": {"name": "csv", "settings": {"delimiter": ", "}}}))]
pub(crate) struct Properties {
    /// Seconds for which an event can be read.
    #[schema(value_type = Seconds, required = false)]
    ttl: Option<u64>,
    #[schema(value_type = Format, required = false)]
    format: Option<Value>,
    /// After so many MiB of new bodies there is a notice.
    #[schema(rename = "notification.threshold.mb", value_type = u32, required = false, minimum = 1, maximum = 2_147_483_647)]
    notification_threshold_mb: Option<u32>,
    /// For people.
    #[schema(value_type = String, required = false)]
    description: Option<String>,
    #[schema(value_type = Principal, required = false)]
    principal: Option<String>,
}

/// A view.
#[derive(ToSchema)]
#[schema(as = StreamView, example = json!({"format": {"name": "csv", "settings": {"delimiter": " "}}}))]
pub(crate) struct View {
    format: Format,
}
