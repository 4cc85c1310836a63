//! Pools: the distinct values that a dimension with a `cardinality` draws from.

use std::collections::{BTreeSet, HashSet};
use std::hash::{BuildHasherDefault, DefaultHasher};

use super::Compiler;
use super::fields::Place;
use crate::datagen::draws::{Chance, Real};
use crate::datagen::plan::{Count, Field, MomentDraw, Value};
use crate::datagen::render::Scope;
use crate::datagen::text::Output;
use crate::limits;
use crate::mistakes::Node;
use crate::random::FieldId;

/// The entity that pools are drawn for; no real one gets this far.
const POOL_ENTITY: u64 = u64::MAX;

impl Compiler {
    /// `size` distinct values in the order of drawing, rendered. Pools are drawn for an entity of their own, so they depend on
    /// the seed and the field alone.
    pub(super) fn pool(&mut self, node: &Node<'_>, id: FieldId, place: Place, depth: usize, size: usize) -> Option<Vec<Vec<u8>>> {
        // What stands in the pool has no entity, and so no variables; its own quoting stays that of its place.
        let inner = if matches!(super::type_of(node.value()).as_deref(), Some("object" | "list")) { Place::Pooled } else { place };
        let value = self.drawn_value(node, id, inner, depth)?;
        if let Some(support) = self.support(&value).filter(|support| *support < size as u64) {
            return node.get("cardinality")?.wrong(format!("asks for {size} distinct values, but only {support} can come out"));
        }
        // Distinct are the raw values: of floats before their precision is applied.
        let raw = match &value {
            Value::Float { draw, quoted, .. } => Some(Value::Float { draw: draw.clone(), precision: None, quoted: *quoted }),
            _ => None,
        };
        let field = |value| Field { id, missing: Chance::NEVER, null: Chance::NEVER, value };
        let (shown, raw) = (field(value), raw.map(field));
        let mut counters: Vec<Count> = self.counters.iter().map(|counter| counter.start).collect();
        let mut scope = Scope { pieces: &self.pieces, plans: &self.counters, counters: &mut counters, prepared: &[], rendered: &[] };
        let mut output = Output::default();
        let mut seen: HashSet<Vec<u8>, BuildHasherDefault<DefaultHasher>> = HashSet::default();
        let mut texts = Vec::with_capacity(size);
        let (mut misses, mut bytes) = (0, 0);
        // Even where all n values are needed and equally likely, n ln n + 20 n draws meet them all but once in e^20 pools.
        let budget = size as u64 * u64::from(20 + size.ilog2()) + 50_000;
        for attempt in 0.. {
            let key = self.seed.entity(POOL_ENTITY).step(attempt);
            let text = written(&mut scope, raw.as_ref().unwrap_or(&shown), key, &mut output);
            if seen.contains(text) {
                misses += 1;
                // After m misses in a row, new values come out once in m / 20 draws at most (or this is a chance of e^-20), and
                // ever more seldom: the rest would take at least this many draws.
                let (met, rest) = (texts.len(), (size - texts.len()) as u64);
                if attempt + rest * misses / 20 > budget {
                    return node
                        .get("cardinality")?
                        .wrong(format!("asks for {size} distinct values, but only {met} came out of {attempt} draws"));
                }
                continue;
            }
            misses = 0;
            seen.insert(text.to_vec());
            texts.push(if raw.is_some() { written(&mut scope, &shown, key, &mut output) } else { text }.to_vec());
            bytes += texts.last().map_or(0, Vec::len);
            if bytes > limits::POOL_BYTES {
                let (met, most) = (texts.len(), limits::POOL_BYTES);
                return node.get("cardinality")?.wrong(format!("the values of a pool may take {most} bytes; {met} of {size} take more"));
            }
            if texts.len() == size {
                break;
            }
        }
        for (plan, count) in self.counters.iter_mut().zip(counters) {
            plan.start = count; // Counters inside a pool have counted.
        }
        Some(texts)
    }

    /// How many distinct values can come out, where that is plain.
    fn support(&self, value: &Value) -> Option<u64> {
        match value {
            Value::Integer { draw, .. } | Value::Address { draw } => draw.support(),
            Value::Float { draw, .. } => draw.only().map(|_| 1),
            Value::Moment { draw: MomentDraw::Even(integer) } => integer.support(),
            Value::Text { length, letters, alphabet } => {
                let distinct = (*alphabet..alphabet + letters).map(|letter| self.pieces.get(letter)).collect::<BTreeSet<_>>().len() as u64;
                text_support(length, distinct)
            }
            _ => None,
        }
    }
}

/// Number of texts over an alphabet with lengths up to the greatest that can be drawn; `None` when it is beyond counting.
fn text_support(length: &Real, letters: u64) -> Option<u64> {
    if let Some(only) = length.only() {
        return letters.checked_pow(whole(only)?);
    }
    let longest = match length {
        Real::Uniform { min, span } => whole(min + span)?.saturating_sub(1),
        _ => whole(length.greatest()?)?,
    };
    (0..=longest).try_fold(0u64, |sum, length| sum.checked_add(letters.checked_pow(length)?))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates; a length")]
fn whole(length: f64) -> Option<u32> {
    Some(length.max(0.0) as u32)
}

fn written<'o>(scope: &mut Scope<'_>, field: &Field, key: crate::random::StepKey, output: &'o mut Output) -> &'o [u8] {
    output.clear();
    scope.write(field, key, output);
    output.since(0)
}
