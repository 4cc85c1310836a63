use std::collections::BTreeMap;

use headwater_adapters::influxdb::{InfluxDb, InfluxDbSettings};
use serde_json::Value;

/// What a component says about itself in its file `env`.
pub(crate) fn settings(component: &str, variable: &str) -> BTreeMap<String, String> {
    let folder = std::env::var(variable).unwrap_or_else(|_| panic!("{variable} names no folder: `tests/run` starts {component}"));
    let settings =
        std::fs::read_to_string(format!("{folder}/env")).unwrap_or_else(|_| panic!("{folder}/env is there once {component} runs"));
    settings.lines().filter_map(|line| line.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A server as the variables `HEADWATER_INFLUXDB_*` name it, here without that prefix.
pub(crate) fn server(variables: &[(&str, &str)]) -> InfluxDb {
    let find = |name: &str| variables.iter().find(|(known, _)| name == format!("HEADWATER_INFLUXDB_{known}"));
    InfluxDb::new(InfluxDbSettings::from_variables(|name| find(name).map(|(_, value)| (*value).to_owned()))).unwrap().unwrap()
}

/// A client of the tests' own.
pub(crate) fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

/// A database of a test's own.
pub(crate) struct Database {
    settings: BTreeMap<String, String>,
    pub(crate) name: String,
}

impl Database {
    /// One that is there.
    pub(crate) async fn new(test: &str) -> Self {
        let database = Self::missing(test);
        database.query(&format!("CREATE DATABASE {}", database.name)).await;
        database
    }

    /// One that is not there yet.
    pub(crate) fn missing(test: &str) -> Self {
        Self { settings: settings("InfluxDB", "INFLUXDB_DIR"), name: format!("{test}_{}", std::process::id()) }
    }

    /// All series that a query answers.
    pub(crate) async fn series(&self, query: &str) -> Vec<Value> {
        let mut url = reqwest::Url::parse(&format!("{}/query", self.settings["INFLUXDB_URL"])).unwrap();
        url.query_pairs_mut().extend_pairs([("db", self.name.as_str()), ("epoch", "ns"), ("q", query)]);
        let (user, password) = (&self.settings["INFLUXDB_USERNAME"], &self.settings["INFLUXDB_PASSWORD"]);
        let request = client().post(url).basic_auth(user, Some(password));
        let answer: Value = serde_json::from_slice(&request.send().await.unwrap().bytes().await.unwrap()).unwrap();
        assert_eq!(answer["results"][0]["error"], Value::Null, "{query}");
        answer["results"][0]["series"].as_array().cloned().unwrap_or_default()
    }

    /// The first series that a query answers.
    pub(crate) async fn query(&self, query: &str) -> Value {
        self.series(query).await.into_iter().next().unwrap_or_default()
    }

    /// The server as a host knows it, with some of its variables set otherwise.
    pub(crate) fn known(&self, changes: &[(&str, &str)]) -> InfluxDb {
        let variable = |name: &str| {
            let name = name.strip_prefix("HEADWATER_").unwrap();
            let changed = changes.iter().find(|(changed, _)| *changed == name).map(|(_, value)| (*value).to_owned());
            changed.or_else(|| if name == "INFLUXDB_DATABASE" { Some(self.name.clone()) } else { self.settings.get(name).cloned() })
        };
        InfluxDb::new(InfluxDbSettings::from_variables(variable)).unwrap().unwrap()
    }
}
