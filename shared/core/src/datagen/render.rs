//! Renders the value of a field: the part of the hot path that depends on the kind of field.

use super::calendar;
use super::draws::Index;
use super::plan::{Count, CounterPlan, Field, MomentDraw, Slot, Value};
use super::text::{Output, Pieces, push_float};
use crate::limits;
use crate::random::{Draw, FieldId, StepKey};

/// Salts that keep the decisions about a field apart from its value, so that giving a field nulls leaves its values alone.
const MISSING: FieldId = FieldId::ROOT.child("missing");
const NULL: FieldId = FieldId::ROOT.child("null");

/// The text of a rendered variable, without an allocation where it is short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fragment {
    Short(u8, [u8; Self::SHORT]),
    Long(Box<[u8]>),
}

impl Fragment {
    const SHORT: usize = 30;

    pub(super) fn new(text: &[u8]) -> Self {
        match u8::try_from(text.len()) {
            Ok(length) if text.len() <= Self::SHORT => {
                let mut bytes = [0; Self::SHORT];
                bytes[..text.len()].copy_from_slice(text);
                Self::Short(length, bytes)
            }
            _ => Self::Long(text.into()),
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Short(length, bytes) => &bytes[..usize::from(*length)],
            Self::Long(text) => text,
        }
    }

    pub(super) fn null() -> Self {
        Self::new(b"null")
    }
}

/// What a field sees while it is rendered.
pub(super) struct Scope<'a> {
    pub(super) pieces: &'a Pieces,
    pub(super) plans: &'a [CounterPlan],
    pub(super) counters: &'a mut [Count],
    /// The entity's variables.
    pub(super) prepared: &'a [u32],
    pub(super) rendered: &'a [Fragment],
}

#[inline]
pub(super) fn is_missing(key: StepKey, id: FieldId, chance: super::draws::Chance) -> bool {
    !chance.is_never() && chance.happens(key.place(id, 0).draw(MISSING).word())
}

#[inline]
pub(super) fn is_null(key: StepKey, id: FieldId, chance: super::draws::Chance) -> bool {
    !chance.is_never() && chance.happens(key.place(id, 1).draw(NULL).word())
}

impl Scope<'_> {
    /// Writes the field's value, `null` included; `missing` is the caller's to decide.
    pub(super) fn write(&mut self, field: &Field, key: StepKey, output: &mut Output) {
        if is_null(key, field.id, field.null) {
            output.push(b"null");
            return;
        }
        let mut draw = key.draw(field.id);
        match &field.value {
            Value::Prepared { index, base } => output.piece(self.pieces, base + index.draw(&mut draw)),
            Value::Integer { draw: integer, quoted } => quoted_if(*quoted, output, |output| {
                output.push(itoa::Buffer::new().format(integer.draw(&mut draw)).as_bytes());
            }),
            Value::Float { draw: real, precision, quoted } => quoted_if(*quoted, output, |output| {
                let value = real.draw(&mut draw).clamp(f64::MIN, f64::MAX);
                match precision {
                    None => push_float(output, value),
                    Some(decimals) => output.push(format!("{value:.decimals$}").as_bytes()),
                }
            }),
            Value::Text { length, alphabet, letters } => {
                output.byte(b'"');
                for _ in 0..length.draw_length(&mut draw) {
                    output.piece(self.pieces, alphabet + letter(&mut draw, *letters));
                }
                output.byte(b'"');
            }
            Value::Moment { draw: moment } => {
                output.byte(b'"');
                output.push(&calendar::with_millis(moment.draw(&mut draw)));
                output.byte(b'"');
            }
            Value::Address { draw: integer } => write_address(integer.draw(&mut draw), output),
            Value::Counter { counter } => self.write_counter(*counter, output),
            Value::Variable(Slot::Prepared { slot, base }) => output.piece(self.pieces, base + self.prepared[*slot]),
            Value::Variable(Slot::Rendered { slot }) => output.push(self.rendered[*slot].as_bytes()),
            Value::Object { members } => self.write_object(members, key, output),
            Value::List { elements, length, selection } => {
                let length = length.draw_length(&mut draw);
                self.write_list(elements, length, selection, key, field.id, output);
            }
        }
    }

    fn write_counter(&mut self, counter: usize, output: &mut Output) {
        output.byte(b'"');
        match self.counters[counter] {
            Count::Whole(number) => output.push(itoa::Buffer::new().format(number).as_bytes()),
            Count::Real(number) => push_float(output, number),
        }
        output.byte(b'"');
        self.counters[counter] = self.counters[counter].plus(self.plans[counter].increment);
    }

    fn write_object(&mut self, members: &[(u32, Field)], key: StepKey, output: &mut Output) {
        output.byte(b'{');
        let start = output.len();
        for (name, member) in members {
            if is_missing(key, member.id, member.missing) {
                continue;
            }
            if output.len() > start {
                output.byte(b',');
            }
            output.piece(self.pieces, *name);
            self.write(member, key, output);
        }
        output.byte(b'}');
    }

    fn write_list(&mut self, elements: &[Field], length: usize, selection: &Index, key: StepKey, id: FieldId, output: &mut Output) {
        output.byte(b'[');
        let start = output.len();
        for place in 0..length {
            // Each place has draws of its own, so that a longer list begins like a shorter one.
            let here = key.place(id, 2 + place as u64);
            let element = &elements[selection.draw(&mut here.draw(id)) as usize];
            if is_missing(here, element.id, element.missing) {
                continue;
            }
            if output.len() > start {
                output.byte(b',');
            }
            self.write(element, here, output);
            if output.len() - start > limits::DRAWN_LENGTH * 10 {
                break; // Lists of lists of long texts: what a broker would never take.
            }
        }
        output.byte(b']');
    }
}

impl MomentDraw {
    pub(super) fn draw(&self, draw: &mut Draw) -> i64 {
        let micros = match self {
            Self::Even(integer) => integer.draw(draw),
            #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
            Self::Normal { mean, stddev } => mean.saturating_add((stddev.draw(draw) * 1e6) as i64),
        };
        micros.clamp(calendar::FIRST, calendar::LAST)
    }
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "below the number of letters")]
fn letter(draw: &mut Draw, letters: u32) -> u32 {
    draw.below(u64::from(letters)) as u32
}

fn quoted_if(quoted: bool, output: &mut Output, write: impl FnOnce(&mut Output)) {
    if quoted {
        output.byte(b'"');
    }
    write(output);
    if quoted {
        output.byte(b'"');
    }
}

/// A dotted quad, most significant byte first. Draws without bounds are clamped to the ends of the range.
fn write_address(number: i64, output: &mut Output) {
    output.byte(b'"');
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 32 bits")]
    for (i, byte) in (number.clamp(0, i64::from(u32::MAX)) as u32).to_be_bytes().into_iter().enumerate() {
        if i > 0 {
            output.byte(b'.');
        }
        output.push(itoa::Buffer::new().format(byte).as_bytes());
    }
    output.byte(b'"');
}
