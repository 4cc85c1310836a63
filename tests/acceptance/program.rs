//! The binary under test, as a command.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// The binary: `HEADWATER_BIN`, or the one built beside this test.
pub(crate) fn path() -> PathBuf {
    if let Some(path) = std::env::var_os("HEADWATER_BIN") {
        return path.into();
    }
    let test = std::env::current_exe().expect("a program knows its path");
    let beside = test.parent().and_then(|deps| deps.parent()).expect("tests are built into a folder").join("headwater");
    assert!(beside.exists(), "{} is missing: build it with `cargo build -p headwater`, or run tests/run", beside.display());
    beside
}

/// The binary with these arguments, and nothing of ours in its environment.
pub(crate) fn headwater(arguments: &[&str]) -> Command {
    let mut command = Command::new(path());
    command.args(arguments).env_remove("RUST_LOG").env_remove("PORT").stdin(Stdio::null());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HEADWATER_")) {
        command.env_remove(name);
    }
    command
}

/// What a run wrote and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        Self { code: output.status.code(), stdout: output.stdout, stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8") }
    }

    /// Checks that it ended well and said nothing beside its output.
    #[track_caller]
    pub(crate) fn quietly(self) -> Vec<u8> {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""));
        self.stdout
    }

    /// Checks that it failed with this code and one line, which names all of these.
    #[track_caller]
    pub(crate) fn fails_naming(&self, code: i32, named: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(self.stdout.is_empty(), "{self:?}");
        for part in named {
            assert!(self.stderr.contains(part), "{part:?} is not in {:?}", self.stderr);
        }
    }

    #[track_caller]
    pub(crate) fn says_one_line(&self) {
        assert_eq!(self.stderr.trim_end().lines().count(), 1, "{:?}", self.stderr);
    }
}

/// Runs the binary to its end.
pub(crate) fn run(arguments: &[&str]) -> Ran {
    Ran::of(headwater(arguments).output().expect("the binary starts"))
}

/// Runs the binary to its end with this on standard input.
pub(crate) fn run_with_input(arguments: &[&str], input: &[u8]) -> Ran {
    let mut child =
        headwater(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    child.stdin.take().expect("stdin is piped").write_all(input).expect("the binary reads its input");
    Ran::of(child.wait_with_output().expect("the binary ends"))
}
