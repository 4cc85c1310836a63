//! The seven formats: their names, their default schemas, and which schemas and settings they take.

use serde_json::{Map, Value};

use super::FormatError;
use super::avro::Avro;
use super::charset::Charset;
use super::clf::Clf;
use super::column::Columns;
use super::grok::{self, Grok};
use super::reader::{FormatReader, Reader};
use super::schema::{Schema, Simple, Type};
use super::separated::Separated;
use crate::streams::quoted::quoted;

/// One of the formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Csv,
    Tsv,
    Clf,
    Grok,
    Syslog,
    Avro,
}

impl Kind {
    pub(super) const ALL: [Self; 7] = [Self::Avro, Self::Csv, Self::Tsv, Self::Text, Self::Clf, Self::Grok, Self::Syslog];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Clf => "clf",
            Self::Grok => "grok",
            Self::Syslog => "syslog",
            Self::Avro => "avro",
        }
    }

    /// The format of this name, which is read ignoring case.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }

    /// The schema where none is given; `avro` has none.
    pub(super) fn default_schema(self) -> Option<Schema> {
        const TEXT: Type = Type::Simple(Simple::String);
        let nullable = |simple| Type::Union(vec![Type::Simple(simple), Type::Simple(Simple::Null)]);
        let texts = |names: &[&'static str]| names.iter().map(|&name| (name, nullable(Simple::String))).collect::<Vec<_>>();
        let (name, fields) = match self {
            Self::Text => ("stringBody", vec![("body", TEXT)]),
            Self::Csv | Self::Tsv => ("streamEvent", vec![("body", Type::Array(Box::new(TEXT)))]),
            Self::Clf => {
                let mut fields = texts(&["remote_host", "remote_login", "auth_user", "request_time", "request"]);
                fields.extend(["status", "content_length"].map(|name| (name, nullable(Simple::Int))));
                fields.extend(texts(&["referrer", "user_agent"]));
                ("streamEvent", fields)
            }
            Self::Grok => ("streamEvent", texts(&["body"])),
            Self::Syslog => ("streamEvent", texts(&["timestamp", "logsource", "program", "message", "pid"])),
            Self::Avro => return None,
        };
        Some(Schema::of(name, fields))
    }

    /// Makes what reads events, which checks that the schema and the settings are ones that this format takes.
    pub(super) fn reader(self, schema: &Schema, settings: &Map<String, Value>) -> Result<FormatReader, FormatError> {
        let setting = |name: &str| settings.get(name).and_then(Value::as_str);
        let wrong_setting = |name: &str, problem: String| FormatError::at(&format!("format.settings.{name}"), problem);
        let charset = || match setting("charset") {
            None => Ok(Charset::UTF_8),
            Some(name) => Charset::of_name(name).ok_or_else(|| wrong_setting("charset", format!("{} is no known charset", quoted(name)))),
        };
        let reader = match self {
            Self::Text => match schema.fields() {
                [field] if field.kind == Type::Simple(Simple::String) => Reader::text(&field.name, charset()?),
                _ => return Err(FormatError::at("format.schema", "must have exactly one field, of type string, for the format text")),
            },
            Self::Csv | Self::Tsv => {
                let columns = self.columns(schema)?;
                let delimiter = setting("delimiter").unwrap_or(if self == Self::Csv { "," } else { "\t" });
                if delimiter.is_empty() {
                    return Err(wrong_setting("delimiter", "must not be empty".to_owned()));
                }
                let separated = Separated::new(charset()?, delimiter, columns, setting("mapping"));
                Reader::Separated(separated.map_err(|problem| wrong_setting("mapping", problem))?)
            }
            Self::Clf => {
                let columns = self.columns(schema)?;
                if columns.rest.is_some() {
                    return Err(self.unfit(schema, schema.fields().len() - 1));
                }
                Reader::Clf(Clf { columns: columns.simple })
            }
            Self::Grok | Self::Syslog => {
                let default = if self == Self::Grok { grok::DEFAULT } else { grok::SYSLOG };
                let grok = Grok::new(setting("pattern").unwrap_or(default), self.columns(schema)?);
                Reader::Grok(grok.map_err(|problem| wrong_setting("pattern", problem))?)
            }
            Self::Avro => {
                let avro = Avro::new(schema);
                Reader::Avro(avro.map_err(|problem| FormatError::at("format.schema", format!("is no schema of Avro: {problem}")))?)
            }
        };
        Ok(FormatReader::new(reader))
    }

    fn columns(self, schema: &Schema) -> Result<Columns, FormatError> {
        Columns::of(schema).map_err(|index| self.unfit(schema, index))
    }

    fn unfit(self, schema: &Schema, index: usize) -> FormatError {
        let last = if self == Self::Clf { "" } else { "; the last field may be an array of strings" };
        let problem = format!("the field {} must be of a simple type, or nullable{last}", quoted(&schema.fields()[index].name));
        FormatError::at(&format!("format.schema.fields[{index}].type"), problem)
    }
}
