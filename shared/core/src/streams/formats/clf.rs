//! `clf`: the lines of a web server's log in the Combined Log Format.

use super::charset::Charset;
use super::column::Column;
use super::json::Members;
use super::misfit::Misfit;

/// Reads the lines of a web server's log.
#[derive(Debug)]
pub(super) struct Clf {
    pub(super) columns: Vec<Column>,
}

impl Clf {
    pub(super) fn read(&self, body: &[u8], out: &mut Vec<u8>) -> Result<(), Misfit> {
        let text = Charset::UTF_8.decode(body);
        let mut tokens = Tokens(&text);
        let mut record = Members::begin(out);
        for column in &self.columns {
            let token = tokens.next().map_err(|problem| Misfit::of_field(column.name(), problem))?;
            let value = token.filter(|token| *token != "-" || column.is_plain_string());
            column.write(value, record.next(column.key()))?;
        }
        record.end();
        Ok(())
    }
}

/// What is left of a line.
struct Tokens<'a>(&'a str);

impl<'a> Tokens<'a> {
    /// The next token without its quotes or brackets, if the line has one.
    ///
    /// # Errors
    /// The token does not end.
    fn next(&mut self) -> Result<Option<&'a str>, String> {
        let line = self.0.trim_start_matches(|c: char| c.is_ascii_whitespace());
        let (token, rest) = match line.as_bytes().first() {
            None => return Ok(None),
            Some(b'"') => enclosed(line, b'"')?,
            Some(b'[') => enclosed(line, b']')?,
            Some(_) => {
                let end = line.find(|c: char| c.is_ascii_whitespace()).ok_or("no blank follows its value")?;
                line.split_at(end)
            }
        };
        self.0 = rest;
        Ok(Some(token))
    }
}

/// What stands between the first character and the closing one, and what follows; a closing character right behind a backslash is a part
/// of the token, and so is the backslash.
fn enclosed(line: &str, close: u8) -> Result<(&str, &str), String> {
    let bytes = line.as_bytes();
    let end = (1..bytes.len()).find(|&at| bytes[at] == close && bytes[at - 1] != b'\\');
    let end = end.ok_or_else(|| format!("no {} closes its value", char::from(close)))?;
    Ok((&line[1..end], &line[end + 1..]))
}
