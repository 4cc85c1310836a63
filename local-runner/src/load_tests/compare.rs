//! `load-tests compare`: two runs, of the server or in files.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use headwater_core::load_tests::{Comparison, RunId, Subject, Verdict, compare};
use serde_json::Value;

use super::{UNDECIDED, table};
use crate::args::{Compare, Form, ServerOptions};
use crate::output::write_out;
use crate::remote::{Remote, RequestError, body};

pub(super) fn run(server: &ServerOptions, options: &Compare) -> anyhow::Result<ExitCode> {
    let comparison = compared(server, options)?;
    let text = match options.format {
        Form::Table => table::render(&comparison, &options.base, &options.candidate),
        Form::Json => serde_json::to_string_pretty(&comparison).context("the comparison cannot be written")? + "\n",
    };
    let code = match comparison.verdict {
        Verdict::Pass => ExitCode::SUCCESS,
        Verdict::Fail => ExitCode::FAILURE,
        Verdict::Unjudged => ExitCode::from(UNDECIDED),
    };
    // The verdict counts, also when nobody reads the table to its end.
    match write_out(&mut text.into_bytes()) {
        Err(error) if !error.is::<crate::output::ReaderGone>() => Err(error),
        _ => Ok(code),
    }
}

fn compared(server: &ServerOptions, options: &Compare) -> anyhow::Result<Comparison> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("the runtime cannot be started")?;
    let server = Remote::new(server)?;
    let (base, candidate) = (options.base.as_str(), options.candidate.as_str());
    if RunId::parse(base).is_some() && RunId::parse(candidate).is_some() {
        let mut url = server.url(&["apiv0.1", "events", "compare"]);
        url.query_pairs_mut().append_pair("base", base).append_pair("candidate", candidate);
        url.query_pairs_mut().extend_pairs(options.fail_on.iter().map(|rule| ("failOn", rule.to_string())));
        let answer = runtime.block_on(asked(&server, url))?;
        return serde_json::from_slice(&answer).context("the server's answer is no comparison");
    }
    let subject = |name: &str| -> anyhow::Result<Subject> {
        let document = match RunId::parse(name) {
            Some(uuid) => runtime
                .block_on(asked(&server, server.url(&["apiv0.1", "events", "runs", uuid.as_str()])))
                .with_context(|| name.to_owned())?,
            None => {
                std::fs::read(Path::new(name)).with_context(|| format!("{name} is no id of a run, and cannot be read as a file"))?.into()
            }
        };
        let document: Value = serde_json::from_slice(&document).with_context(|| format!("{name} is not JSON"))?;
        Subject::read(&document).with_context(|| format!("{name} cannot be compared"))
    };
    Ok(compare(&subject(base)?, &subject(candidate)?, &options.fail_on))
}

/// What the server answers; of its problems, what they say.
async fn asked(server: &Remote, url: reqwest::Url) -> anyhow::Result<bytes::Bytes> {
    match server.send(server.request(reqwest::Method::GET, url)).await {
        Ok(answer) => Ok(body(answer).await?),
        Err(RequestError::Refused { status, message }) => {
            let problem: Option<Value> = serde_json::from_str(&message).ok();
            let said = problem.as_ref().and_then(|problem| problem["error"]["message"].as_str()).map(str::to_owned);
            Err(RequestError::Refused { status, message: said.unwrap_or(message) }.into())
        }
        Err(unanswered) => Err(unanswered.into()),
    }
}
