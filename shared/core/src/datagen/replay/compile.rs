//! Reads a replay specification and its file.

use super::times::TimeFormat;
use super::{Column, Replay, Row, Skipping};
use crate::datagen::draws::{Chance, Real};
use crate::datagen::text::{Pieces, json_string};
use crate::ids::SourceName;
use crate::limits;
use crate::mistakes::Node;
use crate::random::FieldId;

/// Compiles a replay. `None` after noting at least one mistake.
pub(in crate::datagen) fn compile(node: &Node<'_>, source: Option<&[u8]>) -> Option<Replay> {
    let file = node.required("source_file").and_then(|file| find(&file, source));
    let time_field = node.required("time_field").and_then(|field| field.text());
    let format = match node.optional("time_format") {
        None => Some(TimeFormat::default()),
        Some(format) => format.text().map(TimeFormat::from_word),
    };
    let nulls = injections(node);
    let skipping = match node.optional("time_skipping") {
        None => Some(None),
        Some(skipping) => read_skipping(&skipping).map(Some),
    };
    let (file, time_field, format, nulls, skipping) = (file?, time_field?, format?, nulls?, skipping?);
    let table = Table::read(&node.get("source_file")?, file)?;
    let Some(time_column) = table.columns.iter().position(|column| column == time_field) else {
        return node.get("time_field")?.wrong(format!("the file has no column {time_field:?}; it has {}", table.columns.join(", ")));
    };
    table.prepare(node, time_column, &format, &nulls, skipping)
}

fn find<'s>(file: &Node<'_>, source: Option<&'s [u8]>) -> Option<&'s [u8]> {
    let name = file.text()?;
    if let Err(error) = SourceName::try_from(name) {
        return file.wrong(error.to_string());
    }
    match source {
        None => file.wrong(format!("there is no file {name:?} among the specifications or in the files folder")),
        Some(bytes) if bytes.len() > limits::REPLAY_SOURCE => {
            file.wrong(format!("{name:?} has {} bytes, at most {} can be replayed", bytes.len(), limits::REPLAY_SOURCE))
        }
        Some(bytes) => Some(bytes),
    }
}

/// `null_injection`, or `null_injections` as the original's documentation writes it.
fn injections<'a>(node: &Node<'a>) -> Option<Vec<(Node<'a>, &'a str, Chance)>> {
    let member = node.optional("null_injection").or_else(|| node.optional("null_injections"));
    let Some(member) = member else { return Some(Vec::new()) };
    let read: Vec<_> = member.elements()?.iter().map(injection).collect();
    read.into_iter().collect()
}

fn injection<'a>(node: &Node<'a>) -> Option<(Node<'a>, &'a str, Chance)> {
    node.expect_object()?;
    let field = node.required("field");
    let probability = node.required("null_probability").and_then(|probability| share(&probability));
    let field = field?;
    let name = field.text()?;
    Some((field, name, probability?))
}

fn share(node: &Node<'_>) -> Option<Chance> {
    let share = node.number()?;
    if (0.0..=1.0).contains(&share) { Some(Chance::of(share)) } else { node.wrong(format!("must be from 0 to 1, not {share}")) }
}

fn read_skipping(node: &Node<'_>) -> Option<Skipping> {
    let seconds = |member: &str| {
        let member = node.required(member)?;
        let seconds = member.number()?;
        if seconds < 0.0 { member.wrong("must not be negative") } else { Some(seconds) }
    };
    node.expect_object()?;
    let chance = node.required("skip_probability").and_then(|probability| share(&probability));
    let (min, max) = (seconds("min_skip_duration"), seconds("max_skip_duration"));
    let (min, max) = (min?, max?);
    if min > max {
        return node.get("min_skip_duration")?.wrong(format!("is greater than max_skip_duration: {min} > {max}"));
    }
    Some(Skipping { chance: chance?, seconds: Real::Uniform { min, span: max - min } })
}

/// The file as it was read: a short row has nulls, what a row has beyond the header is left out.
struct Table<'f> {
    file: &'f [u8],
    columns: Vec<String>,
    rows: Vec<csv::StringRecord>,
}

impl<'f> Table<'f> {
    fn read(node: &Node<'_>, file: &'f [u8]) -> Option<Self> {
        let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(file);
        let wrong = |error: csv::Error| format!("cannot be read as CSV: {error}");
        let columns: Vec<String> = match reader.headers() {
            Ok(header) => header.iter().map(str::to_owned).collect(),
            Err(error) => return node.wrong(wrong(error)),
        };
        if let Some(double) = columns.iter().enumerate().find_map(|(i, column)| columns[..i].contains(column).then_some(column)) {
            return node.wrong(format!("has two columns called {double:?}"));
        }
        let rows: Vec<csv::StringRecord> = match reader.records().collect() {
            Ok(rows) => rows,
            Err(error) => return node.wrong(wrong(error)),
        };
        if rows.is_empty() {
            return node.wrong("has no rows below its header line");
        }
        Some(Self { file, columns, rows })
    }

    /// The line that a row begins in. The reader tells where it stood before it passed over empty lines.
    fn line_of(&self, row: &csv::StringRecord) -> u64 {
        let Some(position) = row.position() else { return 0 };
        let ahead = usize::try_from(position.byte()).ok().and_then(|byte| self.file.get(byte..)).unwrap_or_default();
        let empty = ahead.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).filter(|byte| **byte == b'\n').count();
        position.line() + empty as u64
    }

    fn prepare(
        &self,
        node: &Node<'_>,
        time_column: usize,
        format: &TimeFormat,
        nulls: &[(Node<'_>, &str, Chance)],
        skipping: Option<Skipping>,
    ) -> Option<Replay> {
        let mut pieces = Pieces::default();
        let mut columns: Vec<Column> = Vec::with_capacity(self.columns.len());
        for (i, name) in self.columns.iter().enumerate() {
            let before: &[u8] = if i == 0 { b"{" } else { b"," };
            let piece = pieces.add(&[before, json_string(name).as_slice(), b":"].concat());
            columns.push(Column { name: piece, id: FieldId::ROOT.child("null_injection").child(name), null: Chance::NEVER });
        }
        for (field, name, chance) in nulls {
            match self.columns.iter().position(|column| column == name) {
                Some(column) => columns[column].null = *chance,
                None => return field.wrong(format!("the file has no column {name:?}")),
            }
        }
        let mut rows = Vec::with_capacity(self.rows.len());
        for record in &self.rows {
            let Some(time) = record.get(time_column).and_then(|text| format.parse(text)) else {
                let line = self.line_of(record);
                let shown = record.get(time_column).unwrap_or_default();
                return node
                    .get("time_field")?
                    .wrong(format!("line {line} of the file has the time {shown:?}, which is not of the format {format}"));
            };
            let cells: Vec<u32> =
                (0..columns.len()).map(|column| pieces.add(&record.get(column).map_or_else(|| b"null".to_vec(), json_string))).collect();
            rows.push(Row { time, cells: cells[0] });
        }
        Some(Replay { rows, columns, time_column, skipping, pieces })
    }
}
