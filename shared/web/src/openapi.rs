//! The description of an API in OpenAPI 3.1: what handlers say of themselves, and what holds for all of them.
//!
//! A handler's attribute `utoipa::path` says what is its own. A [`Group`] adds what every operation shares: the statuses that the house
//! answers with, ids of requests, the token, and problems in the words and the form in which the group tells them, rendered by the same
//! function as the real ones. So an attribute gives the example of a problem as text (or as an object with a `message`), and the body
//! follows from it.

use std::sync::LazyLock;

use axum::routing::{MethodRouter, get};
use bytes::Bytes;
use headwater_core::limits;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde_json::{Map, Value, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Schema};

use crate::dialect::{Dialect, Told};
use crate::problem;

/// The extension that a schema travels in.
const PACKED: &str = "x-headwater-schema";

/// The name of the security scheme.
const BEARER: &str = "bearer";

const ABOUT: &str = "Headwater makes streams of events, lets devices make them, keeps them, looks into them, and records what load did to \
a system. Its endpoints are in groups; each group tells its problems in a form of its own.\n\n\
`HEAD` works wherever `GET` does. Every answer has an `X-Request-Id`, which the server's log has as well. A server that has a token wants \
it with every request but `/healthz`, save from a browser that has signed in; one without takes requests with or without.";

/// A group of endpoints, as its description introduces it.
#[derive(Debug, Clone, Copy)]
pub struct Group {
    /// Its name: the tag of its operations.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// How it tells problems, and at which paths; elsewhere it does as the house.
    pub dialects: &'static [Dialect],
    /// Operations, by their ids, that take a body and do without one as well.
    pub bodies_left_out: &'static [&'static str],
    /// The JSON schema of a problem's body in its dialects, under its name. Problems that are plain text need none.
    pub problem: Option<fn() -> (&'static str, Value)>,
}

/// How problems are told at some paths of a group.
#[derive(Clone, Copy)]
struct Telling {
    /// What the names of common answers begin with.
    name: &'static str,
    render: fn(&Told) -> (&'static str, String),
    problem: Option<fn() -> (&'static str, Value)>,
}

/// As the house does.
const HOUSE: Telling = Telling { name: "house", render: problem::render, problem: Some(house_problem) };

/// A problem in the house's own form.
fn house_problem() -> (&'static str, Value) {
    let schema = json!({
        "type": "object",
        "description": "What is wrong.",
        "required": ["message"],
        "properties": {
            "message": {"type": "string", "description": "All that is wrong, for people."},
            "mistakes": {
                "type": "array", "items": {"type": "string"},
                "description": "Each mistake of a request or a specification, with its path.",
            },
            "exception": {"type": "string", "description": "Of a file that cannot be had: why."},
        },
    });
    ("Problem", schema)
}

impl Group {
    /// The whole description of the group: what its handlers say, completed.
    #[must_use]
    pub fn describe(&self, said: &utoipa::openapi::OpenApi) -> Value {
        let mut document = serde_json::to_value(said).unwrap_or_default();
        unpack(&mut document);
        let mut paths = taken(&mut document, "paths");
        let mut tellings: Vec<Telling> = Vec::new();
        for (path, item) in &mut paths {
            let telling = self.telling(path);
            if tellings.iter().all(|known| known.name != telling.name) {
                tellings.push(telling);
            }
            for operation in item.as_object_mut().into_iter().flat_map(Map::values_mut) {
                if self.bodies_left_out.iter().any(|id| operation["operationId"] == *id) {
                    operation["requestBody"]["required"] = false.into();
                }
                operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten().for_each(never_null);
                telling.complete(operation);
            }
        }
        // A segment that takes slashes is spelled so in routes only.
        let paths: Map<String, Value> = paths.into_iter().map(|(path, item)| (path.replace("{*", "{"), item)).collect();
        let mut components = taken(&mut document, "components");
        let mut schemas = object(components.remove("schemas"));
        schemas.extend(
            tellings.iter().filter_map(|telling| telling.problem).map(|problem| problem()).map(|(name, schema)| (name.to_owned(), schema)),
        );
        let common: Map<String, Value> = tellings.iter().flat_map(Telling::common).collect();
        json!({
            "openapi": "3.1.0",
            "info": {
                "title": "Headwater",
                "version": env!("CARGO_PKG_VERSION"),
                "description": ABOUT,
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "servers": [{"url": "/"}],
            "security": [{BEARER: []}],
            "tags": [{"name": self.name, "description": self.about}],
            "paths": paths,
            "components": {
                "schemas": schemas,
                "responses": common,
                "headers": {
                    "RequestId": {
                        "description": "The id of the request; the server's log has it, too.",
                        "schema": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
                    },
                },
                "securitySchemes": {BEARER: {
                    "type": "http", "scheme": "bearer",
                    "description": "The token that the server was started with (`--token`), if it has one.",
                }},
            },
        })
    }

    fn telling(&self, path: &str) -> Telling {
        Dialect::at(path, self.dialects).map_or(HOUSE, |dialect| Telling { name: self.name, render: dialect.render, problem: self.problem })
    }
}

impl Telling {
    /// Adds what every operation shares to what this one says.
    fn complete(&self, operation: &mut Value) {
        let takes_body = operation.get("requestBody").is_some();
        let is_public = operation.get("security").is_some();
        let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
        for (status, response) in responses.iter_mut() {
            self.tell(status, response);
            if let Some(response) = response.as_object_mut() {
                let headers = response.entry("headers").or_insert_with(|| json!({}));
                headers["x-request-id"] = json!({"$ref": "#/components/headers/RequestId"});
            }
        }
        for common in COMMON {
            let wanted = match common.when {
                When::Always => true,
                When::Secured => !is_public,
                When::WithBody => takes_body,
            };
            if wanted {
                let known = json!({"$ref": format!("#/components/responses/{}", self.response_name(common))});
                responses.entry(common.status.as_str()).or_insert(known);
            }
        }
        responses.sort_keys();
    }

    /// Gives a problem its body.
    fn tell(&self, status: &str, response: &mut Value) {
        let status = status.parse().ok().and_then(|status: u16| StatusCode::from_u16(status).ok());
        let Some(status) = status.filter(|status| status.is_client_error() || status.is_server_error()) else { return };
        let Some(example) = response.pointer("/content/text~1plain/example").cloned() else { return };
        response["content"] = self.problem_content(status, example);
    }

    fn problem_content(&self, status: StatusCode, example: Value) -> Value {
        let (message, members) = match example {
            Value::Object(mut members) => {
                let message = members.remove("message").and_then(|message| message.as_str().map(str::to_owned));
                (message.unwrap_or_default(), members)
            }
            text => (text.as_str().unwrap_or_default().to_owned(), Map::new()),
        };
        let told = Told { status, message, members };
        let (kind, body) = (self.render)(&told);
        let schema = match self.problem {
            Some(problem) => json!({"$ref": format!("#/components/schemas/{}", problem().0)}),
            None => json!({"type": "string"}),
        };
        let example = if self.problem.is_some() { serde_json::from_str(&body).unwrap_or_default() } else { Value::from(body) };
        json!({kind: {"schema": schema, "example": example}})
    }

    fn response_name(&self, common: &Common) -> String {
        format!("{}-{}", self.name, common.status.as_str())
    }

    /// The answers that every operation may give.
    fn common(&self) -> impl Iterator<Item = (String, Value)> {
        COMMON.iter().map(|common| {
            let mut headers = json!({"x-request-id": {"$ref": "#/components/headers/RequestId"}});
            if let Some((name, description, example)) = common.header {
                headers[name] = json!({"description": description, "schema": {"type": "string"}, "example": example});
            }
            let example = common.example.replace("4 MiB", &format!("{} bytes", limits::REQUEST_BODY));
            let content = self.problem_content(common.status, example.into());
            (self.response_name(common), json!({"description": common.description, "headers": headers, "content": content}))
        })
    }
}

enum When {
    Always,
    Secured,
    WithBody,
}

/// An answer that any operation may give.
struct Common {
    status: StatusCode,
    when: When,
    description: &'static str,
    example: &'static str,
    header: Option<(&'static str, &'static str, &'static str)>,
}

const COMMON: &[Common] = &[
    Common {
        status: StatusCode::UNAUTHORIZED,
        when: When::Secured,
        description: "The token is missing or wrong.",
        example: "this server wants a token: send it as `Authorization: Bearer TOKEN`",
        header: Some(("WWW-Authenticate", "How to say who asks.", "Bearer")),
    },
    Common {
        status: StatusCode::METHOD_NOT_ALLOWED,
        when: When::Always,
        description: "The path does not take this method.",
        example: "/path does not take the method TRACE",
        header: Some(("Allow", "The methods that it takes.", "GET,HEAD")),
    },
    Common {
        status: StatusCode::PAYLOAD_TOO_LARGE,
        when: When::WithBody,
        description: "The body is too large.",
        example: "the body is larger than 4 MiB, which is the most that is taken",
        header: None,
    },
    Common {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        when: When::Always,
        description: "Our fault: the log tells more.",
        example: "something went wrong on our side",
        header: None,
    },
    Common {
        status: StatusCode::SERVICE_UNAVAILABLE,
        when: When::Always,
        description: "The store cannot be used for now.",
        example: "the store is not available; try again later",
        header: None,
    },
    Common {
        status: StatusCode::INSUFFICIENT_STORAGE,
        when: When::WithBody,
        description: "No space is left.",
        example: "there is no space left to store this; try again later",
        header: None,
    },
];

/// A schema written as JSON, for what no type of Rust says: a text or a number, each with its bounds. It goes through utoipa's types as an
/// extension, since they do not know every keyword; [`Group::describe`] unpacks it.
#[must_use]
pub fn schema(json: Value) -> RefOr<Schema> {
    ObjectBuilder::new().extensions(Some(ExtensionsBuilder::new().add(PACKED, json).build())).into()
}

/// A parameter that may be left out is a text or nothing at all, and no `null`, which the schema of an optional member allows.
fn never_null(parameter: &mut Value) {
    let Some(schema) = parameter.get_mut("schema") else { return };
    if let Some(types) = schema.get_mut("type").and_then(Value::as_array_mut) {
        types.retain(|name| name != "null");
        if let [one] = types.as_slice() {
            schema["type"] = one.clone();
        }
    }
    let is_null = |choice: &Value| choice.get("type").is_some_and(|name| name == "null");
    let choices = schema.get("oneOf").and_then(Value::as_array).filter(|choices| choices.iter().any(is_null));
    if let Some(choice) = choices.and_then(|choices| choices.iter().find(|choice| !is_null(choice))) {
        *schema = choice.clone();
    }
}

/// Puts schemas that were packed in the place of what they were packed in.
fn unpack(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if let Some(schema) = members.remove(PACKED) {
                *value = schema;
            } else {
                members.values_mut().for_each(unpack);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(unpack),
        _ => {}
    }
}

/// Types that stand for schemas written as JSON: `shapes! { Count = json!({"type": ["integer", "string"]}); }`.
#[macro_export]
macro_rules! shapes {
    ($($name:ident = $schema:expr;)*) => {$(
        pub(crate) struct $name;

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                $crate::openapi::schema($schema)
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )*};
}

/// One description of several.
#[must_use]
pub fn merged(all: impl IntoIterator<Item = Value>) -> Value {
    all.into_iter().reduce(merge).unwrap_or_default()
}

fn merge(one: Value, other: Value) -> Value {
    match (one, other) {
        (Value::Object(mut one), Value::Object(other)) => {
            for (key, value) in other {
                let merged = match one.remove(&key) {
                    Some(there) => merge(there, value),
                    None => value,
                };
                one.insert(key, merged);
            }
            one.sort_keys();
            Value::Object(one)
        }
        (Value::Array(mut one), Value::Array(other)) => {
            one.extend(other.into_iter().filter(|item| !one.contains(item)).collect::<Vec<_>>());
            Value::Array(one)
        }
        (one, _) => one,
    }
}

/// The route of a description: made once, when it is asked for first.
pub fn served<S: Clone + Send + Sync + 'static>(document: &'static LazyLock<Bytes>) -> MethodRouter<S> {
    get(async move || ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-cache")], Bytes::clone(document)))
}

/// The methods that a description has of each path, in capitals.
pub fn operations(document: &Value) -> impl Iterator<Item = (&str, Vec<String>)> {
    let paths = document.get("paths").and_then(Value::as_object).into_iter().flatten();
    paths.map(|(path, item)| {
        let methods = item.as_object().into_iter().flatten().map(|(method, _)| method.to_ascii_uppercase());
        (path.as_str(), methods.collect())
    })
}

fn taken(value: &mut Value, member: &str) -> Map<String, Value> {
    object(value.as_object_mut().and_then(|object| object.remove(member)))
}

fn object(value: Option<Value>) -> Map<String, Value> {
    match value {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    }
}
