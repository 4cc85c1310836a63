//! The values of a record as JSON.

/// The members of one JSON object, as they are written.
pub(super) struct Members<'a> {
    out: &'a mut Vec<u8>,
    any: bool,
}

impl<'a> Members<'a> {
    /// Begins an object.
    pub(super) fn begin(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, any: false }
    }

    /// Writes the key of the next member, as [`key`] has made it; its value is to be written next.
    pub(super) fn next(&mut self, key: &str) -> &mut Vec<u8> {
        self.separate();
        self.out.extend_from_slice(key.as_bytes());
        self.out
    }

    /// As [`Self::next`], with a name that is not known beforehand.
    pub(super) fn next_named(&mut self, name: &str) -> &mut Vec<u8> {
        self.separate();
        text(name, self.out);
        self.out.push(b':');
        self.out
    }

    /// Ends the object.
    pub(super) fn end(self) {
        self.out.push(b'}');
    }

    fn separate(&mut self) {
        if self.any {
            self.out.push(b',');
        }
        self.any = true;
    }
}

/// The name of a member, ready to be written: quoted, escaped, and with its colon.
pub(super) fn key(name: &str) -> String {
    format!("{}:", serde_json::Value::from(name))
}

pub(super) fn null(out: &mut Vec<u8>) {
    out.extend_from_slice(b"null");
}

pub(super) fn boolean(value: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

pub(super) fn integer(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// The shortest text that reads as the same number; JSON has no text for what is not finite, which becomes a string.
pub(super) fn double(value: f64, out: &mut Vec<u8>) {
    if value.is_finite() {
        out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
    } else {
        not_finite(value, out);
    }
}

/// As [`double`]: the text is the shortest that reads as the same `float`.
pub(super) fn float(value: f32, out: &mut Vec<u8>) {
    if value.is_finite() {
        out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
    } else {
        not_finite(f64::from(value), out);
    }
}

fn not_finite(value: f64, out: &mut Vec<u8>) {
    let name: &[u8] = if value.is_nan() {
        b"\"NaN\""
    } else if value > 0.0 {
        b"\"Infinity\""
    } else {
        b"\"-Infinity\""
    };
    out.extend_from_slice(name);
}

/// A JSON string.
pub(super) fn text(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("a Vec takes every byte, and a text is always JSON");
}

/// Bytes as the text that stands for them: printable ASCII, the backslash included, as itself, and any other byte as `\x` and two
/// hexadecimal digits.
pub(super) fn bytes(bytes: impl IntoIterator<Item = u8>, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.push(b'"');
    for byte in bytes {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b' '..=b'~' => out.push(byte),
            _ => out.extend_from_slice(&[b'\\', b'\\', b'x', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]),
        }
    }
    out.push(b'"');
}

/// A list of values, each written by `write`.
pub(super) fn list<T, E>(
    items: impl IntoIterator<Item = T>,
    out: &mut Vec<u8>,
    mut write: impl FnMut(T, &mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    out.push(b'[');
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write(item, out)?;
    }
    out.push(b']');
    Ok(())
}
