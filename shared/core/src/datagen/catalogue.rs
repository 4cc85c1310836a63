//! The specifications that come with the program, and the port through which more are found.

use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;

use crate::ids::{SourceName, SpecName};
use crate::ports::PortError;

/// Where specifications and the data files that they replay are found by name.
#[async_trait]
pub trait Specifications: Send + Sync + Debug {
    /// All names, sorted.
    async fn list(&self) -> Result<Vec<SpecName>, PortError>;

    /// A specification's text.
    async fn read(&self, name: &SpecName) -> Result<Option<Bytes>, PortError>;

    /// A data file that a replay names.
    async fn source(&self, name: &SourceName) -> Result<Option<Bytes>, PortError>;
}

macro_rules! stock {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../../../specs/", $name)))),*]
    };
}

/// Everything under `specs/` in the repository; a test holds the two against each other.
const STOCK: &[(&str, &[u8])] = stock![
    "clickstream/clickstream.json",
    "clickstream/sales_forecast.json",
    "clickstream/users_changes.json",
    "clickstream/users_init.json",
    "data_files/iot_sample.csv",
    "examples/flights.json",
    "examples/langmap.json",
    "examples/missing.json",
    "examples/nested.json",
    "examples/nulls.json",
    "examples/quotes.json",
    "examples/types.json",
    "iot/iot_twin.json",
    "iot/iot_twin_nulls_time_skips.json",
    "iot/sensors.json",
    "shop/orders.json",
    "social/social_posts.json",
];

/// The stock specifications, in the program itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stock;

impl Stock {
    fn find(name: &str) -> Option<Bytes> {
        STOCK.iter().find(|(stock, _)| *stock == name).map(|(_, text)| Bytes::from_static(text))
    }
}

#[async_trait]
impl Specifications for Stock {
    async fn list(&self) -> Result<Vec<SpecName>, PortError> {
        Ok(STOCK.iter().filter_map(|(name, _)| SpecName::try_from(*name).ok()).collect())
    }

    async fn read(&self, name: &SpecName) -> Result<Option<Bytes>, PortError> {
        Ok(Self::find(name.as_str()))
    }

    async fn source(&self, name: &SourceName) -> Result<Option<Bytes>, PortError> {
        Ok(Self::find(name.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::datagen::{Plan, source_of};

    fn files(folder: &Path, below: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, below, found);
            } else {
                found.push(path.strip_prefix(below).unwrap().to_str().unwrap().replace('\\', "/"));
            }
        }
    }

    #[test]
    fn the_stock_is_what_lies_in_the_folder() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../specs");
        let mut found = Vec::new();
        files(&folder, &folder, &mut found);
        found.retain(|name| name != "README.md");
        found.sort();
        assert_eq!(found, STOCK.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    }

    #[test]
    fn every_stock_specification_compiles() {
        for (name, text) in STOCK.iter().filter(|(name, _)| SpecName::try_from(*name).is_ok()) {
            let specification = serde_json::from_slice(text).unwrap();
            let source = source_of(&specification).and_then(|source| Stock::find(source.as_str()));
            let plan = Plan::compile(&specification, 1, source.as_deref());
            assert!(plan.is_ok(), "{name}: {}", plan.unwrap_err());
        }
    }
}
