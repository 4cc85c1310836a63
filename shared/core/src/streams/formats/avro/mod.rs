//! `avro`: the body of an event is one datum in Avro's binary encoding.
//!
//! The datum is written in one schema, the writer's, and read in another, the format's. What the one means in the other is worked out once
//! for each writer's schema; after that a datum becomes JSON in one pass, without values in between. Sizes and counts in a datum are never
//! believed: a value is made when its bytes are there, and values that take no bytes are bounded in number.

mod datum;
mod plan;
mod types;

use std::sync::{Arc, Mutex, PoisonError};

use self::plan::Plan;
use self::types::Types;
use super::misfit::Misfit;
use super::schema::Schema;
use crate::limits;

/// Reads data in Avro's binary encoding.
#[derive(Debug)]
pub(super) struct Avro {
    reader: Types,
    /// For events that do not say what they were written in.
    own: Resolved,
    /// For the writers' schemas of late, by their text; the latest first. The text and not its hash, which senders could get wrong.
    others: Mutex<Vec<(Box<str>, Other)>>,
}

type Other = Result<Arc<Resolved>, Misfit>;

/// A writer's schema, and what it means in the reader's.
#[derive(Debug)]
struct Resolved {
    writer: Types,
    plan: Plan,
}

impl Avro {
    /// Compiles the schema of a format.
    ///
    /// # Errors
    /// Why the schema is none of Avro's.
    pub(super) fn new(schema: &Schema) -> Result<Self, String> {
        let reader = Types::of_schema(schema)?;
        let plan = Plan::new(&reader, &reader)?;
        Ok(Self { own: Resolved { writer: reader.clone(), plan }, reader, others: Mutex::default() })
    }

    /// Reads a datum that is written in this schema, or in the format's own where there is none.
    pub(super) fn read(&self, body: &[u8], schema: Option<&str>, out: &mut Vec<u8>) -> Result<(), Misfit> {
        match schema {
            None => self.own.read(body, out),
            Some(schema) => self.other(schema)?.read(body, out),
        }
    }

    fn other(&self, schema: &str) -> Other {
        if schema.len() > limits::AVRO_SCHEMA_BYTES {
            return Err(Misfit::of_body(format!("the schema that it was written in has more than {} bytes", limits::AVRO_SCHEMA_BYTES)));
        }
        let lock = || self.others.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mut others = lock();
            if let Some(at) = others.iter().position(|(text, _)| **text == *schema) {
                others[..=at].rotate_right(1);
                return others[0].1.clone();
            }
        }
        // Outside of the lock: others need not wait for it, and that two may do the same work is no harm.
        let resolved = self.resolve(schema).map(Arc::new);
        let resolved = resolved.map_err(|problem| Misfit::of_body(format!("the schema that it was written in cannot be read: {problem}")));
        let mut others = lock();
        others.truncate(limits::AVRO_SCHEMAS - 1);
        others.insert(0, (schema.into(), resolved.clone()));
        resolved
    }

    fn resolve(&self, schema: &str) -> Result<Resolved, String> {
        let writer = Types::parse(schema)?;
        let plan = Plan::new(&writer, &self.reader)?;
        Ok(Resolved { writer, plan })
    }
}

impl Resolved {
    fn read(&self, body: &[u8], out: &mut Vec<u8>) -> Result<(), Misfit> {
        datum::read(&self.writer, &self.plan, body, out)
    }
}

#[cfg(test)]
mod tests;
