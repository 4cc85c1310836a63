//! Values on their way into a script and out of it.

use std::sync::Arc;

use headwater_core::simulations::StateValue;
use rquickjs::object::{Filter, Property};
use rquickjs::{Ctx, Error, Exception, IntoJs, Null, Object, Result, String as JsString, Type, Value};
use serde_json::{Map, Value as Json};

/// Sets a member as JSON does: a member called `__proto__` is one like any other.
fn put<'js>(object: &Object<'js>, key: &str, value: impl IntoJs<'js>) -> Result<()> {
    object.prop(key, Property::from(value).writable().enumerable().configurable())
}

/// An object of texts.
pub(super) fn texts<'js>(ctx: &Ctx<'js>, members: &[(Arc<str>, Arc<str>)]) -> Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    for (key, text) in members {
        put(&object, key, &**text)?;
    }
    Ok(object)
}

/// A state.
#[expect(clippy::cast_precision_loss, reason = "a script knows no other numbers")]
pub(super) fn state<'js>(ctx: &Ctx<'js>, members: &[(Arc<str>, StateValue)]) -> Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    for (key, value) in members {
        match value {
            StateValue::Null => put(&object, key, Null)?,
            StateValue::Bool(truth) => put(&object, key, *truth)?,
            StateValue::Integer(whole) => put(&object, key, *whole as f64)?,
            StateValue::Number(number) => put(&object, key, *number)?,
            StateValue::Text(text) => put(&object, key, &**text)?,
            StateValue::Json(json) => put(&object, key, ctx.json_parse(&**json)?)?,
        }
    }
    Ok(object)
}

/// An object of any values.
pub(super) fn properties<'js>(ctx: &Ctx<'js>, members: &Map<String, Json>) -> Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    for (key, value) in members {
        put(&object, key, json(ctx, value)?)?;
    }
    Ok(object)
}

/// Any value.
pub(super) fn json<'js>(ctx: &Ctx<'js>, value: &Json) -> Result<Value<'js>> {
    match value {
        Json::Null => Null.into_js(ctx),
        Json::Bool(truth) => truth.into_js(ctx),
        Json::Number(number) => number.as_f64().unwrap_or(f64::NAN).into_js(ctx),
        Json::String(text) => text.as_str().into_js(ctx),
        Json::Array(_) | Json::Object(_) => ctx.json_parse(value.to_string()),
    }
}

/// What a script gave to `updateState`, and about how many bytes it is; [`Taken::TooMuch`] when they are more than `most`.
pub(super) enum Taken<T> {
    /// The value, and its bytes.
    Value(T, usize),
    /// It is too large, or nests too deeply.
    TooMuch(String),
}

/// Entries of a state.
type Entries = Vec<(Arc<str>, StateValue)>;

/// The entries of an object, with what its getters say.
pub(super) fn entries<'js>(ctx: &Ctx<'js>, object: &Object<'js>, most: usize) -> Result<Taken<Entries>> {
    let mut entries = Vec::new();
    let mut bytes = 0;
    for key in object.own_keys::<JsString<'js>>(Filter::new().string().enum_only()) {
        let key = key?;
        let value = object.get::<_, Value<'js>>(key.clone())?;
        let key = text(ctx, &key)?;
        let value = match state_value(ctx, value)? {
            Ok(value) => value,
            Err(why) => return Ok(Taken::TooMuch(format!("{key}: {why}"))),
        };
        bytes += key.len() + size_of::<StateValue>() + bytes_of(&value);
        if bytes > most {
            return Ok(Taken::TooMuch(super::desk::too_many_bytes()));
        }
        entries.push((key.into(), value));
    }
    Ok(Taken::Value(entries, bytes))
}

/// What a script gave to `updateProperty`.
pub(super) fn property<'js>(ctx: &Ctx<'js>, value: Value<'js>) -> Result<Taken<Json>> {
    Ok(match state_value(ctx, value)? {
        Err(why) => Taken::TooMuch(why),
        Ok(value) => {
            let bytes = size_of::<StateValue>() + bytes_of(&value);
            Taken::Value(plain(value), bytes)
        }
    })
}

/// JSON as scripts write it: a whole number has no fraction.
fn plain(value: StateValue) -> Json {
    /// Up to here every whole number is one of JavaScript's.
    const WHOLE: f64 = 9_007_199_254_740_992.0;
    match value {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and within bounds")]
        StateValue::Number(number) if number.fract() == 0.0 && number.abs() <= WHOLE => Json::from(number as i64),
        other => other.to_json(),
    }
}

fn bytes_of(value: &StateValue) -> usize {
    match value {
        StateValue::Text(text) | StateValue::Json(text) => text.len(),
        _ => 0,
    }
}

fn state_value<'js>(ctx: &Ctx<'js>, value: Value<'js>) -> Result<std::result::Result<StateValue, String>> {
    Ok(Ok(match value.type_of() {
        Type::Bool => StateValue::Bool(value.as_bool().unwrap_or_default()),
        Type::Int | Type::Float => StateValue::Number(value.as_number().unwrap_or(f64::NAN)),
        Type::String => StateValue::Text(text(ctx, &JsString::from_value(value)?)?.into()),
        Type::BigInt => return Err(Exception::throw_type(ctx, "a BigInt cannot be kept")),
        Type::Uninitialized | Type::Undefined | Type::Null | Type::Symbol => StateValue::Null,
        _ => return nested(ctx, value),
    }))
}

/// An object: what `JSON.stringify` makes of it.
fn nested<'js>(ctx: &Ctx<'js>, value: Value<'js>) -> Result<std::result::Result<StateValue, String>> {
    let Some(written) = ctx.json_stringify(value)? else { return Ok(Ok(StateValue::Null)) };
    let written = with_whole_characters(written.to_string()?);
    if written.starts_with(['{', '[']) {
        // Whoever reads it again reads no deeper than this.
        return Ok(match serde_json::from_str::<Json>(&written) {
            Ok(_) => Ok(StateValue::Json(written.into())),
            Err(_) => Err("an object that nests too deeply".to_owned()),
        });
    }
    Ok(Ok(match serde_json::from_str::<Json>(&written) {
        Ok(Json::Number(number)) => StateValue::Number(number.as_f64().unwrap_or(f64::NAN)),
        Ok(other) => StateValue::from(&other),
        Err(_) => StateValue::Null,
    }))
}

/// A script's text. A half of a character of two halves, which no text of ours can hold, becomes the replacement character.
pub(super) fn text<'js>(ctx: &Ctx<'js>, text: &JsString<'js>) -> Result<String> {
    match text.to_string() {
        Err(Error::Utf8(_)) => {
            let written = ctx.json_stringify(text.clone())?.map_or_else(|| Ok(String::new()), |written| written.to_string())?;
            Ok(serde_json::from_str(&with_whole_characters(written)).unwrap_or_default())
        }
        other => other,
    }
}

/// Replaces the escapes of half characters. `JSON.stringify` writes no others of that range.
fn with_whole_characters(mut json: String) -> String {
    let mut from = 0;
    while let Some(at) = json[from..].find('\\').map(|at| from + at) {
        // Six bytes, or one that is escaped.
        let half =
            json.get(at + 1..at + 4).is_some_and(|escape| matches!(&escape[..2], "ud") && matches!(escape.as_bytes()[2], b'8'..=b'f'));
        if half {
            json.replace_range(at + 2..at + 6, "fffd");
        }
        from = at + 2;
    }
    json
}
