//! `streams ls`: names, and what is set about the streams.

use std::process::ExitCode;

use serde_json::{Map, Value};

use super::client::Client;
use crate::args::List;
use crate::output::write_out;
use crate::remote::RequestError;

/// The ttl of what never expires.
const INFINITE: u64 = headwater_core::streams::times::Ttl::INFINITE.seconds();

pub(super) async fn run(client: &Client, options: &List) -> anyhow::Result<ExitCode> {
    let mut names = client.streams().await?;
    if let Some(pattern) = &options.pattern {
        names.retain(|name| is_like(name, pattern));
    }
    let mut text =
        if options.long { long(client, &names).await? } else { names.iter().map(|name| format!("{name}\n")).collect() }.into_bytes();
    write_out(&mut text)?;
    Ok(ExitCode::SUCCESS)
}

async fn long(client: &Client, names: &[String]) -> anyhow::Result<String> {
    let mut rows = Vec::new();
    for name in names {
        match client.properties(name).await {
            Ok(properties) => rows.push(row(name, &properties)),
            Err(error) if is_not_found(&error) => {} // It was removed meanwhile.
            Err(error) => return Err(error),
        }
    }
    Ok(table(&rows))
}

fn is_not_found(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(RequestError::Refused { status: reqwest::StatusCode::NOT_FOUND, .. }))
}

fn row(name: &str, properties: &Map<String, Value>) -> [String; 4] {
    let ttl = properties.get("ttl").and_then(Value::as_u64).map_or_else(String::new, span);
    let format = properties.get("format").and_then(|format| format["name"].as_str()).unwrap_or_default();
    let description = properties.get("description").and_then(Value::as_str).unwrap_or_default();
    // A description may have lines; a row is one.
    let description = description.split_whitespace().collect::<Vec<_>>().join(" ");
    [name.to_owned(), ttl, format.to_owned(), description]
}

/// Seconds in the largest unit that they are whole in.
fn span(seconds: u64) -> String {
    if seconds >= INFINITE {
        return "forever".to_owned();
    }
    let units = [(24 * 60 * 60, "d"), (60 * 60, "h"), (60, "m")];
    match units.iter().find(|(unit, _)| seconds >= *unit && seconds.is_multiple_of(*unit)) {
        Some((unit, letter)) => format!("{}{letter}", seconds / unit),
        None => format!("{seconds}s"),
    }
}

fn table(rows: &[[String; 4]]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let head = ["NAME", "TTL", "FORMAT", "DESCRIPTION"].map(str::to_owned);
    let all: Vec<&[String; 4]> = std::iter::once(&head).chain(rows).collect();
    let width = |column: usize| all.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (name, ttl, format) = (width(0), width(1), width(2));
    let line =
        |row: &&[String; 4]| format!("{:name$}  {:ttl$}  {:format$}  {}", row[0], row[1], row[2], row[3]).trim_end().to_owned() + "\n";
    all.iter().map(line).collect()
}

/// Whether a name is like a pattern: `*` stands for any characters, `?` for one.
fn is_like(name: &str, pattern: &str) -> bool {
    let (name, pattern) = (name.as_bytes(), pattern.as_bytes());
    let (mut at, mut in_pattern) = (0, 0);
    // Where to go on when what follows the last star does not fit: the star takes one byte more.
    let mut star = None;
    while at < name.len() {
        match pattern.get(in_pattern) {
            Some(b'*') => {
                star = Some((at, in_pattern));
                in_pattern += 1;
                continue;
            }
            Some(&byte) if byte == b'?' || byte == name[at] => (at, in_pattern) = (at + 1, in_pattern + 1),
            _ => match &mut star {
                None => return false,
                Some((taken, of_star)) => {
                    *taken += 1;
                    (at, in_pattern) = (*taken, *of_star + 1);
                }
            },
        }
    }
    pattern[in_pattern..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn patterns_have_stars_and_question_marks() {
        for (name, pattern) in
            [("a", "a"), ("abc", "a*"), ("abc", "*"), ("abc", "a?c"), ("abcbc", "*bc"), ("aXbXc", "a*b*c"), ("", "*"), ("a", "a**")]
        {
            assert!(is_like(name, pattern), "{name} {pattern}");
        }
        for (name, pattern) in [("a", ""), ("ab", "a"), ("a", "ab"), ("abc", "a?"), ("abcb", "*bc"), ("A", "a"), ("a", "?a"), ("", "?")] {
            assert!(!is_like(name, pattern), "{name} {pattern}");
        }
        assert!(!is_like(&"a".repeat(10_000), &format!("{}b", "a*".repeat(20))));
    }

    #[test]
    fn spans_are_in_the_largest_whole_unit() {
        for (seconds, text) in [(0, "0s"), (59, "59s"), (60, "1m"), (90, "90s"), (7200, "2h"), (86_400, "1d"), (INFINITE, "forever")] {
            assert_eq!(span(seconds), text);
        }
    }

    #[test]
    fn rows_are_aligned_and_one_line_each() {
        let rows = [
            row("clicks", json!({"ttl": 3600, "format": {"name": "csv"}, "description": "of the\n shop"}).as_object().unwrap()),
            row("s", json!({"ttl": INFINITE, "format": {"name": "text"}}).as_object().unwrap()),
        ];
        let wanted = "NAME    TTL      FORMAT  DESCRIPTION\nclicks  1h       csv     of the shop\ns       forever  text\n";
        assert_eq!(table(&rows), wanted);
        assert_eq!(table(&[]), "");
    }
}
