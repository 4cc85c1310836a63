//! Reads one datum: bytes in, JSON out.

use super::plan::{Fields, Number, Plan, Step, StepId};
use super::types::{Id, Node, Types};
use crate::limits;
use crate::streams::formats::json::{self, Members};
use crate::streams::formats::misfit::Misfit;
use crate::streams::formats::schema::Simple;

/// Appends the record that a datum is.
///
/// # Errors
/// The datum does not follow the writer's schema to its last byte, is not one that the reader can take, or is beyond the limits.
pub(super) fn read(writer: &Types, plan: &Plan, body: &[u8], out: &mut Vec<u8>) -> Result<(), Misfit> {
    let values = limits::AVRO_FREE_VALUES.saturating_add(body.len().saturating_mul(VALUES_PER_BYTE));
    let mut datum = Datum { writer, plan, body, at: 0, values, depth: 0, longest: out.len().saturating_add(limits::RECORD_BYTES) };
    datum.write(Plan::ROOT, out)?;
    match body.len() - datum.at {
        0 => Ok(()),
        left => Err(Misfit::of_body(format!("{left} bytes are left behind its value"))),
    }
}

/// Values that a byte may stand for: records around it and others that take no bytes, and that a field which is out of order is gone over
/// twice.
const VALUES_PER_BYTE: usize = 8;

struct Datum<'a> {
    writer: &'a Types,
    plan: &'a Plan,
    body: &'a [u8],
    at: usize,
    /// Values that may still be read or skipped.
    values: usize,
    depth: usize,
    /// Where the output must end.
    longest: usize,
}

impl<'a> Datum<'a> {
    fn write(&mut self, step: StepId, out: &mut Vec<u8>) -> Result<(), Misfit> {
        self.count()?;
        if out.len() > self.longest {
            return Err(Misfit::of_body("its record is too great"));
        }
        let plan = self.plan;
        match plan.get(step) {
            Step::Null => json::null(out),
            Step::Boolean => json::boolean(self.boolean()?, out),
            Step::Int(number) => write_integer(self.int()?, *number, out),
            Step::Long(number) => write_integer(self.long()?, *number, out),
            Step::Float(number) => {
                let float = f32::from_le_bytes(self.array()?);
                if matches!(number, Number::Double) { json::double(float.into(), out) } else { json::float(float, out) }
            }
            Step::Double => json::double(f64::from_le_bytes(self.array()?), out),
            Step::String => json::text(&String::from_utf8_lossy(self.sized()?), out),
            Step::Bytes => json::bytes(self.sized()?.iter().copied(), out),
            Step::Enum(symbols) => {
                let symbol = self.index(symbols.len())?;
                let text = symbols[symbol].as_ref().ok_or_else(|| Misfit::of_body("has a symbol that the schema lacks"))?;
                out.extend_from_slice(text.as_bytes());
            }
            Step::Array(item) => self.deeper(|datum| datum.write_array(*item, out))?,
            Step::Map(value) => self.deeper(|datum| datum.write_map(*value, out))?,
            Step::Record(fields) => self.deeper(|datum| datum.write_record(fields, out))?,
            Step::Union(branches) => {
                let branch = self.index(branches.len())?;
                self.deeper(|datum| datum.write(branches[branch], out))?;
            }
            Step::Never(reason) => return Err(Misfit::of_body(reason.as_str())),
        }
        Ok(())
    }

    fn write_array(&mut self, item: StepId, out: &mut Vec<u8>) -> Result<(), Misfit> {
        out.push(b'[');
        let mut first = true;
        while let Some((items, _)) = self.block()? {
            for _ in 0..items {
                if !std::mem::take(&mut first) {
                    out.push(b',');
                }
                self.write(item, out)?;
            }
        }
        out.push(b']');
        Ok(())
    }

    fn write_map(&mut self, value: StepId, out: &mut Vec<u8>) -> Result<(), Misfit> {
        let mut members = Members::begin(out);
        while let Some((items, _)) = self.block()? {
            for _ in 0..items {
                let key = String::from_utf8_lossy(self.sized()?);
                self.write(value, members.next_named(&key))?;
            }
        }
        members.end();
        Ok(())
    }

    fn write_record(&mut self, fields: &Fields, out: &mut Vec<u8>) -> Result<(), Misfit> {
        let mut record = Members::begin(out);
        if fields.in_order {
            let mut next = 0;
            for field in &fields.read {
                fields.written[next..field.place].iter().try_for_each(|&skipped| self.skip(skipped))?;
                next = field.place + 1;
                self.write(field.step, record.next(&field.key)).map_err(|misfit| misfit.within(&field.name))?;
            }
            fields.written[next..].iter().try_for_each(|&skipped| self.skip(skipped))?;
        } else {
            let mut starts = Vec::with_capacity(fields.written.len());
            for &skipped in &fields.written {
                starts.push(self.at);
                self.skip(skipped)?;
            }
            let end = self.at;
            for field in &fields.read {
                self.at = starts[field.place];
                self.write(field.step, record.next(&field.key)).map_err(|misfit| misfit.within(&field.name))?;
            }
            self.at = end;
        }
        record.end();
        Ok(())
    }

    fn skip(&mut self, kind: Id) -> Result<(), Misfit> {
        self.count()?;
        let writer = self.writer;
        match writer.get(kind) {
            Node::Simple(Simple::Null) => {}
            Node::Simple(Simple::Boolean) => drop(self.boolean()?),
            Node::Simple(Simple::Int) => drop(self.int()?),
            Node::Simple(Simple::Long) => drop(self.long()?),
            Node::Simple(Simple::Float) => drop(self.take(4)?),
            Node::Simple(Simple::Double) => drop(self.take(8)?),
            Node::Simple(Simple::Bytes | Simple::String) => drop(self.sized()?),
            Node::Fixed(size) => drop(self.take(*size)?),
            Node::Enum { symbols, .. } => drop(self.index(symbols.len())?),
            Node::Array(item) => self.deeper(|datum| datum.skip_blocks(*item, false))?,
            Node::Map { values, .. } => self.deeper(|datum| datum.skip_blocks(*values, true))?,
            Node::Record(record) => self.deeper(|datum| record.fields.iter().try_for_each(|(_, field)| datum.skip(*field)))?,
            Node::Union(branches) => {
                let branch = self.index(branches.len())?;
                self.deeper(|datum| datum.skip(branches[branch]))?;
            }
        }
        Ok(())
    }

    fn skip_blocks(&mut self, item: Id, with_keys: bool) -> Result<(), Misfit> {
        while let Some((items, bytes)) = self.block()? {
            if let Some(bytes) = bytes {
                self.take(bytes)?;
                continue;
            }
            for _ in 0..items {
                if with_keys {
                    self.sized()?;
                }
                self.skip(item)?;
            }
        }
        Ok(())
    }

    fn count(&mut self) -> Result<(), Misfit> {
        self.values = self.values.checked_sub(1).ok_or_else(|| Misfit::of_body("has too many values for its length"))?;
        Ok(())
    }

    fn deeper(&mut self, read: impl FnOnce(&mut Self) -> Result<(), Misfit>) -> Result<(), Misfit> {
        if self.depth == limits::AVRO_RECORD_NESTING {
            return Err(Misfit::of_body(format!("its values are nested more than {} deep", limits::AVRO_RECORD_NESTING)));
        }
        self.depth += 1;
        read(self)?;
        self.depth -= 1;
        Ok(())
    }

    /// The next bytes, which must be there: so no length is believed before.
    fn take(&mut self, bytes: usize) -> Result<&'a [u8], Misfit> {
        let taken = self.body[self.at..].get(..bytes).ok_or_else(|| Misfit::of_body("breaks off before its value ends"))?;
        self.at += bytes;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Misfit> {
        Ok(self.take(N)?.try_into().expect("that many bytes were taken"))
    }

    /// Bytes behind their number.
    fn sized(&mut self) -> Result<&'a [u8], Misfit> {
        let bytes = usize::try_from(self.long()?).map_err(|_| Misfit::of_body("has a negative length"))?;
        self.take(bytes)
    }

    fn boolean(&mut self) -> Result<bool, Misfit> {
        match self.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            [other] => Err(Misfit::of_body(format!("the byte {other} is no boolean"))),
        }
    }

    fn int(&mut self) -> Result<i64, Misfit> {
        let long = self.long()?;
        i32::try_from(long).map(i64::from).map_err(|_| Misfit::of_body(format!("{long} is no int")))
    }

    fn long(&mut self) -> Result<i64, Misfit> {
        let mut zigzag = 0_u64;
        for (i, &byte) in self.body[self.at..].iter().take(10).enumerate() {
            // The tenth byte has one bit of the number.
            if i == 9 && byte > 1 {
                break;
            }
            zigzag |= u64::from(byte & 0x7F) << (7 * i);
            if byte & 0x80 == 0 {
                self.at += i + 1;
                return Ok((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed());
            }
        }
        Err(Misfit::of_body("has a number that does not end"))
    }

    /// The number of a symbol or a branch.
    fn index(&mut self, known: usize) -> Result<usize, Misfit> {
        let index = self.long()?;
        let known = usize::try_from(index).ok().filter(|&index| index < known);
        known.ok_or_else(|| Misfit::of_body(format!("{index} is no branch or symbol of its type")))
    }

    /// The number of items of the next block, and that of its bytes where the block says it; none behind the last block.
    fn block(&mut self) -> Result<Option<(u64, Option<usize>)>, Misfit> {
        self.count()?;
        match self.long()? {
            0 => Ok(None),
            items @ 1.. => Ok(Some((items.unsigned_abs(), None))),
            items => {
                let bytes = usize::try_from(self.long()?).map_err(|_| Misfit::of_body("has a block of a negative length"))?;
                Ok(Some((items.unsigned_abs(), Some(bytes))))
            }
        }
    }
}

fn write_integer(value: i64, number: Number, out: &mut Vec<u8>) {
    #[expect(clippy::cast_precision_loss, reason = "Avro reads an integer as the nearest number")]
    match number {
        Number::Integer => json::integer(value, out),
        Number::Float => json::float(value as f32, out),
        Number::Double => json::double(value as f64, out),
    }
}
