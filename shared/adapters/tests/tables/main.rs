//! The tables service over stores in memory, held against what a table is said to be.
#![allow(missing_docs, reason = "tests")]

mod keeping;
mod model;
mod sources;

use std::sync::Arc;
use std::time::Duration;

use headwater_adapters::{ManualClock, OsEntropy, Stores};
use headwater_core::ids::TableName;
use headwater_core::ports::{Clock, Entropy, Key, Timestamp};
use headwater_core::tables::{Defined, Definition, ElementType, Numbered, Rows, Selection, TableError, TableService, TimeMeasure};
use serde_json::{Value, json};

/// Stores, and as many services over them as a test wants: each is a process of its own.
struct Bench {
    stores: Stores,
    clock: Arc<ManualClock>,
}

impl Bench {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)));
        let port: Arc<dyn Clock> = clock.clone();
        Self { stores: Stores::in_memory(&port), clock }
    }

    fn service(&self) -> TableService {
        let (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) = (self.clock.clone(), Arc::new(OsEntropy));
        let streams = self.stores.streams(&clock, &entropy);
        self.stores.tables(&streams, &clock, &entropy)
    }

    /// How many chunks there are of all tables.
    async fn chunks(&self) -> usize {
        self.stores.chunks.list(&Key::root("tables"), None, 100_000).await.unwrap().len()
    }

    fn advance(&self, span: Duration) {
        self.clock.advance(span);
    }
}

fn name(text: &str) -> TableName {
    text.try_into().unwrap()
}

async fn define(service: &TableService, table: &str, definition: Value) {
    assert_eq!(service.define(&name(table), parsed(&definition)).await.unwrap(), Defined::New);
}

fn parsed(definition: &Value) -> Definition {
    Definition::parse(definition.to_string().as_bytes()).unwrap()
}

async fn push(service: &TableService, table: &str, elements: &[Value]) -> Result<u64, TableError> {
    let mut append = service.append(&name(table)).await?;
    let mut rows = Rows::new(append.element(), append.measure());
    for element in elements {
        rows.push_json(element.to_string().as_bytes()).unwrap();
    }
    append.push(rows).await?;
    append.commit().await
}

async fn push_samples(service: &TableService, table: &str, samples: Vec<f64>) -> Result<u64, TableError> {
    let mut append = service.append(&name(table)).await?;
    append.push(Rows::of_samples(samples)).await?;
    append.commit().await
}

/// The lines of a selection: offsets and values.
async fn selected(service: &TableService, table: &str, selection: Selection) -> Vec<(i64, Value)> {
    let mut lines = service.select(&name(table), selection, None).await.unwrap();
    let mut text = Vec::new();
    while let Some(piece) = lines.next().await {
        text.extend_from_slice(&piece.unwrap());
    }
    let text = String::from_utf8(text).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    let lines = text.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        (line["offset"].as_i64().unwrap(), line["value"].clone())
    });
    lines.collect()
}

fn range(from: i64, to: i64) -> Selection {
    Selection::Range { from: TimeMeasure::from_nanos(from), to: TimeMeasure::from_nanos(to) }
}

async fn all(service: &TableService, table: &str) -> Vec<(i64, Value)> {
    selected(service, table, range(i64::MIN, i64::MAX)).await
}

fn samples(values: impl IntoIterator<Item = f64>) -> Vec<Value> {
    values.into_iter().map(|value| json!(value)).collect()
}
