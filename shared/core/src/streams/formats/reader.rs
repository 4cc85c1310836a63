//! Reads events.

use std::fmt;
use std::sync::Arc;

use super::avro::Avro;
use super::charset::Charset;
use super::clf::Clf;
use super::grok::Grok;
use super::json::{self, Members};
use super::misfit::Misfit;
use super::separated::Separated;
use crate::limits;

/// Reads the bodies of events under one format. It is cheap to clone, and may be shared between threads.
#[derive(Clone)]
pub struct FormatReader(Arc<Reader>);

pub(super) enum Reader {
    Text { key: String, charset: Charset },
    Separated(Separated),
    Clf(Clf),
    Grok(Grok),
    Avro(Avro),
}

impl Reader {
    pub(super) fn text(field: &str, charset: Charset) -> Self {
        Self::Text { key: json::key(field), charset }
    }
}

impl FormatReader {
    pub(super) fn new(reader: Reader) -> Self {
        Self(Arc::new(reader))
    }

    /// Appends the record of an event to `out`, as a JSON object with the fields of the schema in their order.
    ///
    /// Bytes become a string in which each byte that is not printable ASCII is `\xHH`; numbers that are not finite become the strings
    /// `NaN`, `Infinity` and `-Infinity`; an enum is its symbol. `header` looks up a header of the event: `avro` takes the schema that the
    /// body was written with from `schema`, where there is one.
    ///
    /// # Errors
    /// The body is no record of the schema, or its record would be beyond [`limits::RECORD_BYTES`]. `out` is then as it was.
    pub fn read<'h>(&self, body: &[u8], header: &dyn Fn(&str) -> Option<&'h str>, out: &mut Vec<u8>) -> Result<(), Misfit> {
        let start = out.len();
        let read = self.append(body, header, out);
        let read = match read {
            Ok(()) if out.len() - start > limits::RECORD_BYTES => Err(Misfit::of_body("its record is too great")),
            read => read,
        };
        if read.is_err() {
            out.truncate(start);
        }
        read
    }

    fn append<'h>(&self, body: &[u8], header: &dyn Fn(&str) -> Option<&'h str>, out: &mut Vec<u8>) -> Result<(), Misfit> {
        match &*self.0 {
            Reader::Text { key, charset } => {
                let mut record = Members::begin(out);
                json::text(&charset.decode(body), record.next(key));
                record.end();
                Ok(())
            }
            Reader::Separated(separated) => separated.read(body, out),
            Reader::Clf(clf) => clf.read(body, out),
            Reader::Grok(grok) => grok.read(body, out),
            Reader::Avro(avro) => avro.read(body, header("schema"), out),
        }
    }
}

impl fmt::Debug for FormatReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = match &*self.0 {
            Reader::Text { .. } => "text",
            Reader::Separated(_) => "separated",
            Reader::Clf(_) => "clf",
            Reader::Grok(_) => "grok",
            Reader::Avro(_) => "avro",
        };
        f.debug_tuple("FormatReader").field(&format).finish()
    }
}
