//! The small components that `tests/run` starts: where they are, and how they are taken away.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

/// A component that runs in a folder.
pub(crate) struct Component {
    name: &'static str,
    folder: PathBuf,
    settings: BTreeMap<String, String>,
}

impl Component {
    /// The component whose folder the variable names.
    pub(crate) fn named(name: &'static str, variable: &str) -> Self {
        let folder = std::env::var_os(variable).map(PathBuf::from);
        let folder = folder
            .unwrap_or_else(|| panic!("{variable} names no folder: `tests/run` starts {name}, or `tests/components/{name} start DIR`"));
        let settings = std::fs::read_to_string(folder.join("env")).expect("the folder has a file `env` once the component runs");
        let settings = settings.lines().filter_map(|line| line.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { name, folder, settings: settings.collect() }
    }

    pub(crate) fn setting(&self, name: &str) -> &str {
        self.settings.get(name).unwrap_or_else(|| panic!("{}/env has no {name}", self.folder.display()))
    }

    /// Runs `start`, `stop` or `kill`.
    pub(crate) fn run(&self, command: &str) {
        let script = format!("{}/components/{}", env!("CARGO_MANIFEST_DIR"), self.name);
        let status = Command::new(script).arg(command).arg(&self.folder).status().expect("the component can be run");
        assert!(status.success(), "{} {command}: {status}", self.name);
    }
}
