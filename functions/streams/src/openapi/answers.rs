//! What answers say.

use serde_json::Value;
use utoipa::ToSchema;

use super::requests::Format;

/// A namespace.
#[derive(ToSchema)]
#[schema(as = Namespace, example = json!({"name": "default"}))]
pub(crate) struct NamespaceShown {
    #[schema(example = "default")]
    name: String,
}

/// A stream of a list.
#[derive(ToSchema)]
#[schema(as = ListedStream, example = json!({"name": "purchases"}))]
pub(crate) struct StreamShown {
    #[schema(example = "purchases")]
    name: String,
}

/// What is set about a stream.
#[derive(ToSchema)]
#[schema(as = Stream, example = json!({
    "ttl": 9_223_372_036_854_775_u64, "format": {"name": "text", "schema": {"type": "record", "name": "stringBody", "fields": [{"name": "body", "type": "string"}]}, "settings": {}},
    "notification.threshold.mb": 1024,
}))]
pub(crate) struct Shown {
    /// Seconds for which an event can be read.
    ttl: u64,
    format: Format,
    /// After so many MiB of new bodies there is a notice.
    #[schema(rename = "notification.threshold.mb")]
    notification_threshold_mb: u32,
    description: Option<String>,
    principal: Option<String>,
}

/// A view.
#[derive(ToSchema)]
#[schema(as = ViewShown, example = json!({
    "id": "words",
    "format": {
        "name": "csv",
        "schema": {"type": "record", "name": "streamEvent", "fields": [{"name": "body", "type": {"type": "array", "items": "string"}}]},
        "settings": {"delimiter": " "},
    },
    "tableName": "stream_logins_words",
}))]
pub(crate) struct ViewShown {
    #[schema(example = "words")]
    id: String,
    format: Format,
    /// What SQL clients of the original called the view.
    #[schema(example = "stream_logins_words")]
    #[serde(rename = "tableName")]
    table_name: String,
}

/// An event.
#[derive(ToSchema)]
#[schema(example = json!({"timestamp": 1_795_275_859_504_u64, "headers": {"shop": "Berlin"}, "body": "Tom, 5, pear, $1.50"}))]
pub(crate) struct Event {
    /// Milliseconds since 1970.
    timestamp: i64,
    #[schema(value_type = HashMap<String, String>)]
    headers: Value,
    /// Bytes: the printable ones of ASCII as they are, any other as `\x` and two hexadecimal digits.
    body: String,
    /// The body as a record, where one is asked for and the body fits.
    record: Option<Value>,
    /// Where a record is asked for: why the body is none.
    error: Option<String>,
}

/// A program that uses a stream.
#[derive(ToSchema)]
#[schema(as = ProgramRecord, example = json!({
    "namespace": "default", "application": "datagen", "type": "Workflow", "program": "clicks", "entity": "PROGRAM",
}))]
pub(crate) struct UsedBy {
    namespace: String,
    application: String,
    r#type: String,
    program: String,
    entity: String,
}

/// A stream that is used.
#[derive(ToSchema)]
#[schema(as = StreamRecord, example = json!({"namespace": "default", "stream": "clicks", "entity": "STREAM"}))]
pub(crate) struct Uses {
    namespace: String,
    stream: String,
    entity: String,
}
