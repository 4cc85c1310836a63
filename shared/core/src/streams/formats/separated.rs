//! `csv` and `tsv`: values between delimiters, without quotes or escapes.

use super::charset::Charset;
use super::column::{Column, Columns, Rest};
use super::json::{self, Members};
use super::misfit::Misfit;
use crate::streams::quoted::quoted;

/// Reads values between delimiters.
#[derive(Debug)]
pub(super) struct Separated {
    charset: Charset,
    delimiter: String,
    columns: Vec<Column>,
    places: Places,
}

/// Which value is whose.
#[derive(Debug)]
enum Places {
    /// The columns take the values in order, and the last field whatever remains.
    InOrder(Option<Rest>),
    /// The value at an index is the column's; sorted by the index.
    Mapped(Vec<(usize, usize)>),
}

impl Separated {
    /// Compiles the settings of a schema.
    ///
    /// # Errors
    /// What is wrong with the mapping.
    pub(super) fn new(charset: Charset, delimiter: &str, columns: Columns, mapping: Option<&str>) -> Result<Self, String> {
        let Columns { simple, rest } = columns;
        let places = match (mapping, rest) {
            (None, rest) => Places::InOrder(rest),
            (Some(_), Some(rest)) => return Err(format!("cannot fill the array {}", quoted(&rest.name))),
            (Some(mapping), None) => Places::Mapped(places(mapping, &simple)?),
        };
        Ok(Self { charset, delimiter: delimiter.to_owned(), columns: simple, places })
    }

    pub(super) fn read(&self, body: &[u8], out: &mut Vec<u8>) -> Result<(), Misfit> {
        let text = self.charset.decode(body);
        let mut values = text.split(self.delimiter.as_str());
        match &self.places {
            Places::InOrder(rest) => self.in_order(rest.as_ref(), &mut values, out),
            Places::Mapped(places) => self.mapped(places, values, out),
        }
    }

    fn in_order<'a>(&self, rest: Option<&Rest>, values: &mut impl Iterator<Item = &'a str>, out: &mut Vec<u8>) -> Result<(), Misfit> {
        let mut record = Members::begin(out);
        for column in &self.columns {
            write(column, values.next(), record.next(column.key()))?;
        }
        if let Some(rest) = rest {
            json::list(values, record.next(&rest.key), |value, out| {
                if value.is_empty() && rest.nullable_items {
                    json::null(out);
                } else {
                    json::text(value, out);
                }
                Ok(())
            })?;
        }
        record.end();
        Ok(())
    }

    fn mapped<'a>(&self, places: &[(usize, usize)], mut values: impl Iterator<Item = &'a str>, out: &mut Vec<u8>) -> Result<(), Misfit> {
        let mut found = vec![None; self.columns.len()];
        let mut next = 0;
        for &(index, column) in places {
            found[column] = values.nth(index - next);
            if found[column].is_none() {
                break;
            }
            next = index + 1;
        }
        let mut record = Members::begin(out);
        for (column, value) in self.columns.iter().zip(found) {
            write(column, value, record.next(column.key()))?;
        }
        record.end();
        Ok(())
    }
}

/// An empty value is none, except where only a text can stand.
fn write(column: &Column, value: Option<&str>, out: &mut Vec<u8>) -> Result<(), Misfit> {
    column.write(value.filter(|value| !value.is_empty() || column.is_plain_string()), out)
}

/// Reads `index:field,index:field`, in which every column stands once and no index twice.
fn places(mapping: &str, columns: &[Column]) -> Result<Vec<(usize, usize)>, String> {
    let mut places: Vec<(usize, usize)> = Vec::with_capacity(columns.len());
    let mut seen = vec![false; columns.len()];
    for entry in mapping.split(',') {
        let Some((index, name)) = entry.split_once(':') else {
            return Err(format!("must be like 0:name,1:age, but has {}", quoted(entry)));
        };
        let digits = index.bytes().all(|byte| byte.is_ascii_digit());
        let Some(index) = index.parse::<u32>().ok().filter(|_| digits) else {
            return Err(format!("{} is not the index of a value", quoted(index)));
        };
        let Some(column) = columns.iter().position(|column| column.name() == name) else {
            return Err(format!("{} is no field of the schema", quoted(name)));
        };
        if std::mem::replace(&mut seen[column], true) {
            return Err(format!("has the field {} twice", quoted(name)));
        }
        places.push((index as usize, column));
    }
    if let Some(column) = seen.iter().position(|seen| !seen) {
        return Err(format!("lacks the field {}", quoted(columns[column].name())));
    }
    places.sort_unstable();
    match places.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => Err(format!("has the index {} twice", pair[0].0)),
        None => Ok(places),
    }
}
