//! The compiler: a specification becomes a plan, or all its mistakes with their paths.
//!
//! Reading and checking are one pass over the JSON, so whatever runs has been checked. Variables come first, because a
//! variable whose every value is known beforehand (enums, pools) is kept as an index into its *dictionary*, and the emitters
//! that show it get that dictionary rendered together with their member's name.

mod distributions;
mod fields;
mod pools;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::draws::Index;
use super::plan::{CounterPlan, Emitter, Machine, Member, Setter, Slot, State, Value, Wait};
use super::text::{Pieces, json_string};
use crate::limits;
use crate::mistakes::Node;
use crate::random::{FieldId, SeedKey};
use distributions::Reading;
use fields::Place;

/// Compiles the specification of a state machine. `None` after noting at least one mistake.
pub(super) fn machine(node: &Node<'_>, seed: SeedKey) -> Option<Machine> {
    node.expect_object()?;
    let mut compiler = Compiler::new(seed);
    let states = node.required("states").and_then(|states| states.elements());
    let emitters = node.required("emitters").and_then(|emitters| emitters.elements());
    let interarrival = compiler.wait(node, "interarrival", FieldId::ROOT);
    if let Some(states) = &states {
        compiler.dictionaries(states);
    }
    let emitter_names = emitters.as_deref().map(|emitters| names(emitters, "emitter"));
    let state_names = states.as_deref().map(|states| state_names(states));
    let compiled_states = states.and_then(|states| {
        if states.is_empty() {
            return node.get("states")?.wrong("must hold at least one state");
        }
        let state_names = state_names?;
        all(states.iter().map(|state| compiler.state(state, &state_names, emitter_names.as_ref())))
    });
    let compiled_emitters = emitters.and_then(|emitters| all(emitters.iter().map(|emitter| compiler.emitter(emitter))));
    if compiler.fields > limits::FIELDS {
        return node.wrong(format!("has {} dimensions and variables, at most {} are allowed", compiler.fields, limits::FIELDS));
    }
    Some(Machine {
        states: compiled_states?,
        emitters: compiled_emitters?,
        interarrival: interarrival?,
        counters: compiler.counters,
        prepared_slots: compiler.variables.values().filter(|variable| matches!(variable.slot, Slot::Prepared { .. })).count(),
        rendered_slots: compiler.variables.values().filter(|variable| matches!(variable.slot, Slot::Rendered { .. })).count(),
        pieces: compiler.pieces,
    })
}

struct Compiler {
    seed: SeedKey,
    pieces: Pieces,
    counters: Vec<CounterPlan>,
    variables: BTreeMap<String, Variable>,
    /// For each state variable with prepared values, by its path: where its values begin in the dictionary, and how one is
    /// picked.
    choices: BTreeMap<String, Choice>,
    fields: usize,
}

struct Variable {
    slot: Slot,
    /// The texts of all values that a prepared variable can have; the first is null.
    dictionary: Vec<Vec<u8>>,
}

/// Values prepared at compile time and the draw that picks one.
struct Choice {
    base: u32,
    index: Index,
}

/// All values, or `None` when one is missing; goes through all of them first, so that each can note its mistakes.
fn all<T>(values: impl Iterator<Item = Option<T>>) -> Option<Vec<T>> {
    let values: Vec<Option<T>> = values.collect();
    values.into_iter().collect()
}

/// Names of the elements to their indexes; doubles are noted.
fn names(elements: &[Node<'_>], what: &str) -> BTreeMap<String, usize> {
    let mut names = BTreeMap::new();
    for (i, element) in elements.iter().enumerate() {
        let Some(name) = element.required("name") else { continue };
        let Some(text) = name.text() else { continue };
        if names.insert(text.to_owned(), i).is_some() {
            let _: Option<()> = name.wrong(format!("another {what} is called {text:?} already"));
        }
    }
    names
}

fn is_stop(name: &str) -> bool {
    name.eq_ignore_ascii_case("stop")
}

fn state_names(states: &[Node<'_>]) -> BTreeMap<String, usize> {
    let names = names(states, "state");
    for state in states {
        if let Some(name) = state.get("name").filter(|name| name.value().as_str().is_some_and(is_stop)) {
            let _: Option<()> = name.wrong("no state can be called stop: that word ends an entity");
        }
    }
    names
}

impl Compiler {
    fn new(seed: SeedKey) -> Self {
        let (pieces, variables, choices) = (Pieces::default(), BTreeMap::new(), BTreeMap::new());
        Self { seed, pieces, counters: Vec::new(), variables, choices, fields: 0 }
    }

    fn wait(&self, parent: &Node<'_>, member: &str, id: FieldId) -> Option<Wait> {
        let seconds = distributions::real(&parent.required(member)?, Reading::Plain)?;
        Some(Wait { id: id.child(member), seconds })
    }

    /// First pass: finds all variables, prepares the values of those that can be, and gives each its slot.
    fn dictionaries(&mut self, states: &[Node<'_>]) {
        let mut found: BTreeMap<&str, Vec<(Node<'_>, FieldId)>> = BTreeMap::new();
        for state in states {
            let Some(variables) = state.optional("variables").filter(|node| node.value().is_array()) else { continue };
            let id = state_id(state).child("variables");
            for setter in variables.elements().unwrap_or_default() {
                if let Some(name) = setter.get("name").and_then(|name| name.value().as_str()) {
                    found.entry(name).or_default().push((setter, id.child(name)));
                }
            }
        }
        let (mut prepared, mut rendered) = (0, 0);
        for (name, setters) in found {
            let mut dictionary = vec![b"null".to_vec()];
            let slot = if setters.iter().all(|(setter, _)| fields::has_prepared_values(setter.value())) {
                for (setter, id) in setters {
                    let Some((texts, index)) = self.prepared_values(&setter, id, Place::Variable) else { continue };
                    let base = u32::try_from(dictionary.len()).expect("limits bound the number of values");
                    dictionary.extend(texts);
                    self.choices.insert(setter.path().to_owned(), Choice { base, index });
                }
                prepared += 1;
                let base = self.add_pieces(dictionary.iter());
                Slot::Prepared { slot: prepared - 1, base }
            } else {
                rendered += 1;
                Slot::Rendered { slot: rendered - 1 }
            };
            self.variables.insert(name.to_owned(), Variable { slot, dictionary });
        }
    }

    /// Adds texts as consecutive pieces; answers the first one's number.
    fn add_pieces<T: AsRef<[u8]>>(&mut self, texts: impl Iterator<Item = T>) -> u32 {
        let numbers: Vec<u32> = texts.map(|text| self.pieces.add(text.as_ref())).collect();
        numbers[0]
    }

    /// A state; `emitters` are absent when they cannot be read, which has been noted.
    fn state(&mut self, node: &Node<'_>, states: &BTreeMap<String, usize>, emitters: Option<&BTreeMap<String, usize>>) -> Option<State> {
        node.expect_object()?;
        let id = state_id(node);
        let setters = match node.optional("variables") {
            None => Some(Vec::new()),
            Some(variables) => self.setters(&variables, id.child("variables")),
        };
        let emitter = node.required("emitter").and_then(|emitter| {
            let name = emitter.text()?;
            emitters?.get(name).copied().or_else(|| emitter.wrong(format!("no emitter is called {name:?}")))
        });
        let delay = self.wait(node, "delay", id);
        let transitions = node.required("transitions").and_then(|transitions| read_transitions(&transitions, states));
        let (transition, next) = transitions?;
        Some(State { setters: setters?, emitter: emitter?, delay: delay?, transition_id: id.child("transitions"), transition, next })
    }

    fn setters(&mut self, variables: &Node<'_>, id: FieldId) -> Option<Vec<Setter>> {
        let mut seen = BTreeSet::new();
        all(variables.elements()?.iter().map(|setter| {
            setter.expect_object()?;
            let Some(name) = fields::name_once(setter, &mut seen, |name| format!("this state sets {name:?} already")) else {
                self.field(setter, id, Place::Variable, 0); // For its other mistakes.
                return None;
            };
            self.setter(setter, name, id.child(name))
        }))
    }

    fn setter(&mut self, node: &Node<'_>, name: &str, id: FieldId) -> Option<Setter> {
        let slot = self.variables.get(name)?.slot;
        match slot {
            Slot::Prepared { slot, .. } => {
                self.fields += 1;
                let (_, null) = fields::chances(node);
                let Choice { base, index } = self.choices.remove(node.path())?;
                Some(Setter::Prepared { slot, id, null: null?, index, base })
            }
            Slot::Rendered { slot } => Some(Setter::Rendered { slot, field: self.field(node, id, Place::Variable, 0)? }),
        }
    }

    fn emitter(&mut self, node: &Node<'_>) -> Option<Emitter> {
        node.expect_object()?;
        let name = node.get("name").and_then(|name| name.value().as_str()).unwrap_or_default();
        let id = FieldId::ROOT.child("emitters").child(name);
        let dimensions = node.required("dimensions")?.elements()?;
        let mut seen = BTreeSet::from(["time"]);
        let members = all(dimensions.iter().map(|dimension| {
            dimension.expect_object()?;
            let name = fields::name_once(dimension, &mut seen, |name| match name {
                "time" => "every record has its own member `time`".to_owned(),
                _ => format!("this emitter has {name:?} already"),
            });
            let member = self.member(dimension, name.unwrap_or_default(), id.child(name.unwrap_or_default()));
            name.and(member)
        }));
        Some(Emitter { members: members? })
    }

    fn member(&mut self, node: &Node<'_>, name: &str, id: FieldId) -> Option<Member> {
        let prefix = [b",", json_string(name).as_slice(), b":"].concat();
        let (missing, null) = fields::chances(node);
        if fields::has_prepared_values(node.value()) {
            self.fields += 1;
            let (texts, index) = self.prepared_values(node, id, Place::Member)?;
            let (missing, null) = (missing?, null?);
            let joined = self.add_pieces(texts.iter().map(|text| [prefix.as_slice(), text].concat()));
            let null_piece = self.pieces.add(&[prefix.as_slice(), b"null"].concat());
            return Some(Member::Choice { id, missing, null, null_piece, index, joined });
        }
        let field = self.field(node, id, Place::Member, 0)?;
        let (missing, null) = (missing?, null?);
        match field.value {
            Value::Variable(slot) if missing.is_never() && null.is_never() => Some(match slot {
                Slot::Prepared { slot, .. } => {
                    let variable = node.get("variable").and_then(|variable| self.variables.get(variable.value().as_str()?))?;
                    let joined: Vec<Vec<u8>> = variable.dictionary.iter().map(|text| [prefix.as_slice(), text].concat()).collect();
                    Member::PreparedVariable { slot, joined: self.add_pieces(joined.iter()) }
                }
                Slot::Rendered { slot } => Member::RenderedVariable { slot, prefix: self.pieces.add(&prefix) },
            }),
            _ => Some(Member::Field { prefix: self.pieces.add(&prefix), field }),
        }
    }
}

fn state_id(node: &Node<'_>) -> FieldId {
    let name = node.get("name").and_then(|name| name.value().as_str()).unwrap_or_default();
    FieldId::ROOT.child("states").child(name)
}

fn read_transitions(node: &Node<'_>, states: &BTreeMap<String, usize>) -> Option<(Index, Vec<Option<u32>>)> {
    let transitions = node.elements()?;
    if transitions.is_empty() {
        return node.wrong("must hold at least one transition");
    }
    let read = all(transitions.iter().map(|transition| {
        let next = transition.required("next").and_then(|next| {
            let name = next.text()?;
            match states.get(name) {
                _ if is_stop(name) => Some(None),
                Some(&state) => Some(Some(u32::try_from(state).expect("limits bound the number of states"))),
                None => next.wrong(format!("no state is called {name:?}")),
            }
        });
        let probability = transition.required("probability").and_then(|probability| {
            let weight = probability.number()?;
            if weight < 0.0 { probability.wrong("must not be negative") } else { Some(weight) }
        });
        Some((next?, probability?))
    }))?;
    let (next, weights): (Vec<_>, Vec<f64>) = read.into_iter().unzip();
    let total: f64 = weights.iter().sum();
    if total <= 0.0 || !total.is_finite() {
        return node.wrong("the probabilities must not all be 0");
    }
    Some((Index::weighted(&weights), next))
}

/// The type word of a dimension in lower case, if it has one.
fn type_of(dimension: &Json) -> Option<String> {
    dimension.get("type")?.as_str().map(str::to_ascii_lowercase)
}

#[cfg(test)]
mod tests;
