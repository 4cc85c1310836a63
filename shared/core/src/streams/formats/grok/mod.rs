//! `grok` and `syslog`: regular expressions made of named parts.
//!
//! The engine takes time in proportion to the text, whatever the pattern, so that no pattern and no text can stall it. The price: look-around
//! and back-references do not exist in it. How long one search may take is bounded all the same, by the weight of the pattern and the length
//! of the text.

mod expand;
mod library;

use regex_automata::meta;
use regex_automata::nfa::thompson;
use regex_automata::util::syntax;
use regex_automata::{Input, Span};

use self::expand::Expanded;
use super::charset::Charset;
use super::column::{Column, Columns, Rest};
use super::json::Members;
use super::json::null;
use super::misfit::Misfit;
use crate::limits;

/// The pattern of `syslog`.
pub(super) const SYSLOG: &str = "%{SYSLOGLINE:syslogline}";

/// The pattern of `grok` where none is given.
pub(super) const DEFAULT: &str = "%{GREEDYDATA:body}";

/// Reads texts by a compiled pattern.
#[derive(Debug)]
pub(super) struct Grok {
    regex: meta::Regex,
    /// The columns, each with the groups that capture its value, in the order of the pattern.
    columns: Vec<(Column, Vec<usize>)>,
    rest: Option<Rest>,
    slots: usize,
    longest_body: usize,
}

impl Grok {
    /// Compiles a pattern for the fields of a schema.
    ///
    /// # Errors
    /// What is wrong with the pattern: a name that the library lacks, a mistake in the expression, or a size beyond the limits.
    pub(super) fn new(pattern: &str, columns: Columns) -> Result<Self, String> {
        let Columns { simple, rest } = columns;
        let mut columns: Vec<_> = simple.into_iter().map(|column| (column, Vec::new())).collect();
        let Expanded { expression, captured } =
            expand::expand(pattern, |name| columns.iter().position(|(column, _)| column.name() == name))?;
        let slots = 2 * (captured.len() + 1);
        let weight = weight(&expression, slots)?;
        let regex = compile(&expression)?;
        for (group, column) in captured.into_iter().enumerate() {
            columns[column].1.push(group + 1);
        }
        Ok(Self { regex, columns, rest, slots, longest_body: limits::GROK_STEPS / weight })
    }

    /// Reads the first place of a text that the pattern fits; where it fits nowhere, no field has a value.
    pub(super) fn read(&self, body: &[u8], out: &mut Vec<u8>) -> Result<(), Misfit> {
        if body.len() > self.longest_body {
            return Err(Misfit::of_body(format!("has {} bytes; this pattern reads at most {}", body.len(), self.longest_body)));
        }
        let text = Charset::UTF_8.decode(body);
        let mut slots = vec![None; self.slots];
        self.regex.search_slots(&Input::new(text.as_ref()), &mut slots);
        let captured = |&group: &usize| match (slots[2 * group], slots[2 * group + 1]) {
            (Some(start), Some(end)) => Some(&text[Span { start: start.get(), end: end.get() }.range()]),
            _ => None,
        };
        let mut record = Members::begin(out);
        for (column, groups) in &self.columns {
            column.write(groups.iter().find_map(captured).map(without_quotes), record.next(column.key()))?;
        }
        match &self.rest {
            Some(rest) if rest.nullable => null(record.next(&rest.key)),
            Some(rest) => return Err(Misfit::missing(&rest.name)),
            None => {}
        }
        record.end();
        Ok(())
    }
}

/// A value between two quotes of one kind stands for what is between them.
fn without_quotes(value: &str) -> &str {
    let between = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
    between('"').or_else(|| between('\'')).unwrap_or(value)
}

/// How much work a search may be for each byte of a text, in the time that a state without captures takes.
fn weight(expression: &str, slots: usize) -> Result<usize, String> {
    let config = thompson::Config::new().nfa_size_limit(Some(NFA_BYTES)).which_captures(thompson::WhichCaptures::All);
    let nfa = thompson::Compiler::new().syntax(syntax()).configure(config).build(expression).map_err(|error| readable(&error))?;
    // A step into a state carries all captures along, which are copied some sixteen at a time; and a byte is some work for any pattern.
    let weight = (nfa.states().len().saturating_mul(16 + slots) / 16).saturating_add(100);
    if weight > limits::GROK_WEIGHT { Err("is too great".to_owned()) } else { Ok(weight) }
}

/// Bytes that a compiled pattern may take; well above what the limit on its weight lets pass.
const NFA_BYTES: usize = 8 * 1024 * 1024;

fn syntax() -> syntax::Config {
    syntax::Config::new().nest_limit(100)
}

fn compile(expression: &str) -> Result<meta::Regex, String> {
    let config = meta::Config::new().nfa_size_limit(Some(NFA_BYTES)).onepass_size_limit(Some(1 << 20)).hybrid_cache_capacity(1 << 20);
    meta::Builder::new().configure(config).syntax(syntax()).build(expression).map_err(|error| readable(&error))
}

/// The last line of an error: those before it draw the expression, which after the expansion nobody recognises.
fn readable(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let text = cause.to_string();
    let last = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("is no regular expression");
    let last = last.strip_prefix("error: ").unwrap_or(last);
    if last.contains("size limit") { "is too great".to_owned() } else { format!("is no regular expression: {last}") }
}

#[cfg(test)]
mod tests;
