//! A compiled specification: every name resolved, every distribution ready, every constant text rendered.

use super::draws::{Chance, Index, Integer, Real};
use super::text::Pieces;
use crate::random::FieldId;

/// A state machine ready to run. The first state is the initial one.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) states: Vec<State>,
    pub(super) emitters: Vec<Emitter>,
    pub(super) interarrival: Wait,
    pub(super) counters: Vec<CounterPlan>,
    /// Slots of variables whose values are all prepared: an entity holds an index into the variable's dictionary, in which 0
    /// is null.
    pub(super) prepared_slots: usize,
    /// Slots of variables whose values are rendered when they are drawn: an entity holds the text.
    pub(super) rendered_slots: usize,
    pub(super) pieces: Pieces,
}

impl Machine {
    /// Whether job time can never pass: no state that can be reached waits, and entities either never end or follow each other
    /// at once.
    pub(super) fn stands_still(&self) -> bool {
        let mut reached = vec![false; self.states.len()];
        let mut ahead = vec![0];
        while let Some(state) = ahead.pop() {
            if std::mem::replace(&mut reached[state], true) {
                continue;
            }
            let State { delay, next, .. } = &self.states[state];
            if delay.can_pass() || (next.contains(&None) && self.interarrival.can_pass()) {
                return false;
            }
            ahead.extend(next.iter().flatten().map(|&next| next as usize));
        }
        true
    }
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) setters: Vec<Setter>,
    pub(super) emitter: usize,
    pub(super) delay: Wait,
    pub(super) transition_id: FieldId,
    pub(super) transition: Index,
    /// For each transition the next state, `None` for the end.
    pub(super) next: Vec<Option<u32>>,
}

/// A time to wait.
#[derive(Debug)]
pub(super) struct Wait {
    pub(super) id: FieldId,
    pub(super) seconds: Real,
}

impl Wait {
    fn can_pass(&self) -> bool {
        self.seconds.greatest().is_none_or(|greatest| greatest > 0.0)
    }
}

/// Sets a variable on entering a state.
#[derive(Debug)]
pub(super) enum Setter {
    /// The value is entry `base + index` of the variable's dictionary.
    Prepared { slot: usize, id: FieldId, null: Chance, index: Index, base: u32 },
    /// The value is rendered now.
    Rendered { slot: usize, field: Field },
}

/// Where a variable is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    /// The entity holds an index into the variable's dictionary, whose pieces begin at `base`.
    Prepared { slot: usize, base: u32 },
    /// The entity holds the text.
    Rendered { slot: usize },
}

/// The shape of a record, after its `time`.
#[derive(Debug)]
pub(super) struct Emitter {
    pub(super) members: Vec<Member>,
}

/// A member of a record, with its comma and name already in the piece where that is possible.
#[derive(Debug)]
pub(super) enum Member {
    /// A variable with prepared values: piece `joined + value` is `,"name":value`.
    PreparedVariable { slot: usize, joined: u32 },
    /// A variable with rendered values.
    RenderedVariable { slot: usize, prefix: u32 },
    /// One of several prepared values: piece `joined + index` is `,"name":value`.
    Choice { id: FieldId, missing: Chance, null: Chance, null_piece: u32, index: Index, joined: u32 },
    /// Any other field.
    Field { prefix: u32, field: Field },
}

/// A field generator.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) id: FieldId,
    pub(super) missing: Chance,
    pub(super) null: Chance,
    pub(super) value: Value,
}

/// How a field's value is made; what is written is JSON.
#[derive(Debug)]
pub(super) enum Value {
    /// Piece `base + index`.
    Prepared {
        index: Index,
        base: u32,
    },
    Counter {
        counter: usize,
    },
    /// Characters are pieces from `alphabet` on, `letters` of them.
    Text {
        length: Real,
        alphabet: u32,
        letters: u32,
    },
    Integer {
        draw: Integer,
        quoted: bool,
    },
    Float {
        draw: Real,
        precision: Option<usize>,
        quoted: bool,
    },
    /// Microseconds since 1970.
    Moment {
        draw: MomentDraw,
    },
    Address {
        draw: Integer,
    },
    Variable(Slot),
    Object {
        members: Vec<(u32, Field)>,
    },
    List {
        elements: Vec<Field>,
        length: Real,
        selection: Index,
    },
}

/// A moment in microseconds since 1970.
#[derive(Debug)]
pub(super) enum MomentDraw {
    Even(Integer),
    Normal { mean: i64, stddev: Real },
}

/// A counter, as specified.
#[derive(Debug, Clone, Copy)]
pub(super) struct CounterPlan {
    pub(super) start: Count,
    pub(super) increment: Count,
}

/// A counter's number: whole as long as both start and increment are.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) enum Count {
    Whole(i128),
    Real(f64),
}

impl Count {
    #[expect(clippy::cast_precision_loss, reason = "what Python does when an int meets a float")]
    pub(super) fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => Self::Whole(a.wrapping_add(b)),
            (Self::Whole(a), Self::Real(b)) => Self::Real(a as f64 + b),
            (Self::Real(a), Self::Whole(b)) => Self::Real(a + b as f64),
            (Self::Real(a), Self::Real(b)) => Self::Real(a + b),
        }
    }
}
