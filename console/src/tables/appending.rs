//! Elements that somebody typed or pasted.

use headwater_core::ids::TableName;
use headwater_core::tables::ingest::{Ingest, IngestKind};
use headwater_core::tables::{Append, ElementType, Rows, TableError, TableService};

/// Why what was typed is not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotTaken {
    /// It is not what the table holds.
    #[error("{0}")]
    Elements(String),
    /// The table does not take it.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// Appends elements: lines of JSON, or numbers with commas between them. All of them, or none.
pub(super) async fn append(tables: &TableService, name: &TableName, format: &str, text: &str) -> Result<u64, NotTaken> {
    let mut append = tables.append(name).await?;
    let rows = match format {
        "csv" => numbers(&append, text)?,
        _ => lines(&append, text)?,
    };
    match append.push(rows).await {
        Ok(()) => Ok(append.commit().await?),
        Err(error) => {
            append.abandon().await;
            Err(error.into())
        }
    }
}

/// Lines of JSON.
fn lines(append: &Append, text: &str) -> Result<Rows, NotTaken> {
    let wrong = |error: headwater_core::tables::ingest::IngestError| NotTaken::Elements(error.to_string());
    let mut ingest = Ingest::new(IngestKind::Lines, append.element(), append.rate(), append.measure()).map_err(wrong)?;
    let mut rows = ingest.push(text.as_bytes()).map_err(wrong)?;
    let last = ingest.finish().map_err(wrong)?;
    rows.append(&last, 0..last.len());
    Ok(rows)
}

/// Numbers, with commas, semicolons, tabs or blanks between them: each a sample, or each line a vector.
fn numbers(append: &Append, text: &str) -> Result<Rows, NotTaken> {
    let mut rows = Rows::new(append.element(), append.measure());
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let cells = line.split([',', ';', '\t', ' ']).map(str::trim).filter(|cell| !cell.is_empty());
        let numbers = cells.map(|cell| match cell.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => Err(NotTaken::Elements(format!("line {}: {cell:?} is not a number", at + 1))),
        });
        let numbers: Vec<f64> = numbers.collect::<Result<_, _>>()?;
        match append.element() {
            ElementType::Sample => rows.push_samples(&numbers),
            ElementType::Vector => {
                let json = serde_json::to_vec(&numbers).expect("numbers serialise");
                rows.push_json(&json).map_err(|error| NotTaken::Elements(format!("line {}: {error}", at + 1)))?;
            }
            other => {
                return Err(NotTaken::Elements(format!(
                    "numbers are for tables of samples and vectors; {} is given as JSON",
                    other.described()
                )));
            }
        }
    }
    Ok(rows)
}
