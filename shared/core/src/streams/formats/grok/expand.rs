//! Turns a grok pattern into a regular expression of the engine.
//!
//! `%{NAME}` is replaced by the library's pattern of that name; `%{NAME:field}` and `(?<field>…)` capture. Only what a schema asks for is
//! captured. Shorthands such as `\d` mean ASCII, as they do where grok patterns come from. An atomic group, which other engines are given
//! lest they try too much, is an ordinary one here.

use super::library;
use crate::limits;
use crate::streams::quoted::quoted;

/// A pattern as the engine takes it.
#[derive(Debug)]
pub(super) struct Expanded {
    pub(super) expression: String,
    /// For each group, from the first: the column that it captures.
    pub(super) captured: Vec<usize>,
}

/// Expands a pattern; `column` says which column a field is, if any.
pub(super) fn expand(pattern: &str, column: impl Fn(&str) -> Option<usize>) -> Result<Expanded, String> {
    let mut expansion = Expansion { expanded: Expanded { expression: String::new(), captured: Vec::new() }, column, depth: 0 };
    expansion.pattern(pattern)?;
    Ok(expansion.expanded)
}

struct Expansion<F> {
    expanded: Expanded,
    column: F,
    depth: usize,
}

impl<F: Fn(&str) -> Option<usize>> Expansion<F> {
    /// Deepest nesting of the library's patterns in one another.
    const NESTING: usize = 32;

    fn pattern(&mut self, pattern: &str) -> Result<(), String> {
        let mut rest = pattern;
        while let Some(c) = rest.chars().next() {
            if self.expanded.expression.len() > limits::GROK_EXPANDED_BYTES {
                return Err("is too great".to_owned());
            }
            rest = match c {
                '\\' => self.escape(rest, false),
                '[' => self.class(rest)?,
                '(' => self.group(rest)?,
                '%' if rest.starts_with("%{") => self.reference(rest)?,
                _ => self.copy(rest, c.len_utf8()),
            };
        }
        Ok(())
    }

    /// Copies that many bytes; answers what follows.
    fn copy<'a>(&mut self, rest: &'a str, bytes: usize) -> &'a str {
        let (copied, rest) = rest.split_at(bytes);
        self.expanded.expression.push_str(copied);
        rest
    }

    /// Begins a group, which captures if the field is one of the schema's.
    fn open(&mut self, field: Option<&str>) {
        match field.and_then(&self.column) {
            Some(column) => {
                self.expanded.captured.push(column);
                self.expanded.expression.push('(');
            }
            None => self.expanded.expression.push_str("(?:"),
        }
    }

    fn reference<'a>(&mut self, rest: &'a str) -> Result<&'a str, String> {
        let Some((reference, rest)) = rest["%{".len()..].split_once('}') else {
            return Err("has a %{ without its }".to_owned());
        };
        // A third part says the type, which is the schema's to say.
        let mut parts = reference.splitn(3, ':');
        let name = parts.next().unwrap_or_default();
        let field = parts.next().filter(|field| !field.is_empty());
        let definition = library::definition(name).ok_or_else(|| format!("names {}, which is not in the library", quoted(name)))?;
        if self.depth == Self::NESTING {
            return Err("is too great".to_owned());
        }
        self.depth += 1;
        self.open(field);
        self.pattern(definition)?;
        self.expanded.expression.push(')');
        self.depth -= 1;
        Ok(rest)
    }

    fn group<'a>(&mut self, rest: &'a str) -> Result<&'a str, String> {
        let Some(inner) = rest.strip_prefix("(?") else {
            self.open(None);
            return Ok(&rest[1..]);
        };
        if ["=", "!", "<=", "<!"].iter().any(|sign| inner.starts_with(sign)) {
            return Err("looks ahead or behind, which is not supported".to_owned());
        }
        if let Some(after) = inner.strip_prefix('>') {
            self.open(None);
            return Ok(after);
        }
        let Some(named) = inner.strip_prefix('<').or_else(|| inner.strip_prefix("P<")) else {
            return Ok(self.copy(rest, 2));
        };
        match named.split_once('>') {
            Some(("", _)) | None => Err("has a group whose name is missing".to_owned()),
            Some((field, after)) => {
                self.open(Some(field));
                Ok(after)
            }
        }
    }

    /// Copies a class of characters, in which only escapes are other than they look.
    fn class<'a>(&mut self, rest: &'a str) -> Result<&'a str, String> {
        let mut rest = self.copy(rest, 1);
        let mut depth = 1;
        if rest.starts_with('^') {
            rest = self.copy(rest, 1);
        }
        if rest.starts_with(']') {
            rest = self.copy(rest, 1);
        }
        while let Some(c) = rest.chars().next() {
            rest = match c {
                '\\' => self.escape(rest, true),
                _ => self.copy(rest, c.len_utf8()),
            };
            match c {
                '[' => depth += 1,
                ']' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Ok(rest);
            }
        }
        Err("has a [ without its ]".to_owned())
    }

    fn escape<'a>(&mut self, rest: &'a str, in_class: bool) -> &'a str {
        let after = &rest[1..];
        let meaning = match after.chars().next() {
            Some('d') => "[0-9]",
            Some('D') => "[^0-9]",
            Some('w') => "[0-9A-Za-z_]",
            Some('W') => "[^0-9A-Za-z_]",
            Some('s') => r"[\t-\r ]",
            Some('S') => r"[^\t-\r ]",
            Some('b') if !in_class => r"(?-u:\b)",
            // Where grok patterns come from these two are no more than themselves.
            Some('<') => r"\x3C",
            Some('>') => r"\x3E",
            Some(c) => return self.copy(rest, 1 + c.len_utf8()),
            None => return self.copy(rest, 1),
        };
        self.expanded.expression.push_str(meaning);
        &after[1..]
    }
}
