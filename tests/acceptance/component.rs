//! The small components that `tests/run` starts: where they are, and how they are taken away.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

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
        Self::in_folder(name, folder)
    }

    fn in_folder(name: &'static str, folder: PathBuf) -> Self {
        let settings = std::fs::read_to_string(folder.join("env")).expect("the folder has a file `env` once the component runs");
        let settings = settings.lines().filter_map(|line| line.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { name, folder, settings: settings.collect() }
    }

    pub(crate) fn setting(&self, name: &str) -> &str {
        self.settings.get(name).unwrap_or_else(|| panic!("{}/env has no {name}", self.folder.display()))
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).expect("a component keeps a log")
    }

    /// Runs `start`, `stop` or `kill`.
    pub(crate) fn run(&self, command: &str) {
        run(self.name, command, &self.folder);
    }
}

fn script(name: &str, command: &str, folder: &Path) -> Command {
    let mut script = Command::new(format!("{}/components/{name}", env!("CARGO_MANIFEST_DIR")));
    script.arg(command).arg(folder);
    script
}

fn run(name: &str, command: &str, folder: &Path) {
    let status = script(name, command, folder).status().expect("the component can be run");
    assert!(status.success(), "{name} {command}: {status}");
}

/// A component of one test, which ends with it.
pub(crate) struct Own {
    component: Component,
    folder: TempDir,
}

impl Own {
    /// Starts a component that has been installed.
    pub(crate) fn start(name: &'static str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        run(name, "start", folder.path());
        Self { component: Component::in_folder(name, folder.path().to_owned()), folder }
    }
}

impl Deref for Own {
    type Target = Component;

    fn deref(&self) -> &Component {
        &self.component
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = script(self.name, "kill", self.folder.path()).status(); // A test that fails has other worries.
    }
}
