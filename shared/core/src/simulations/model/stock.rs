//! The device models that come with the program.

use std::sync::LazyLock;

use serde_json::Value;

use super::DeviceModel;

macro_rules! stock {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../../../devicemodels/", $name)))),*]
    };
}

/// Everything under `devicemodels/` in the repository, in the order of its names without their ending; a test holds the two against
/// each other. A file's name need not be the id of its model.
const STOCK: &[(&str, &str)] = stock![
    "chiller-01.json",
    "chiller-02.json",
    "delivery-truck-01.json",
    "delivery-truck-02.json",
    "elevator-01.json",
    "elevator-02.json",
    "engine-01.json",
    "engine-02.json",
    "prototype-01.json",
    "prototype-02.json",
    "truck-01.json",
    "truck-01-protobuf.json",
    "truck-02.json",
];

/// The stock models in the order in which they are listed.
#[must_use]
pub fn stock() -> &'static [DeviceModel] {
    static MODELS: LazyLock<Vec<DeviceModel>> = LazyLock::new(|| STOCK.iter().filter_map(|(_, text)| parse(text)).collect());
    &MODELS
}

/// A file that does not parse is left out; a test sees that none is.
fn parse(text: &str) -> Option<DeviceModel> {
    let document: Value = serde_json::from_str(text).ok()?;
    let id = document.get("Id")?.as_str()?;
    DeviceModel::parse(&document, id).ok()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_stock_is_what_lies_in_the_folder() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../devicemodels");
        let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut found: Vec<String> = names.filter(|name| name.ends_with(".json")).collect();
        found.sort_by_key(|name| name.trim_end_matches(".json").to_owned());
        assert_eq!(found, STOCK.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    }

    #[test]
    fn every_stock_model_is_read_and_has_an_id_of_its_own() {
        let mut ids: Vec<&str> = stock().iter().map(|model| model.id.as_str()).collect();
        assert_eq!(ids.len(), STOCK.len());
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), STOCK.len());
    }

    #[test]
    fn the_fields_of_every_message_are_the_values_that_its_template_names_in_their_order() {
        for model in stock() {
            for sent in &model.telemetry {
                let mut named = sent.template.split("${").skip(1).map(|rest| rest.split('}').next().unwrap());
                let fields: Vec<&str> = sent.schema.fields.iter().map(|(name, _)| name.as_str()).collect();
                assert!(named.clone().eq(fields.iter().copied()), "{}: {}", model.id, sent.schema.name);
                assert!(named.all(|name| model.simulation.initial_state.contains_key(name)), "{}: {}", model.id, sent.schema.name);
            }
        }
    }
}
