//! The patterns that a grok pattern may name.
//!
//! The names, and the names of the fields that some of them capture, are those which grok patterns use everywhere. What they match is
//! written for the engine at hand: without look-around, and with few states, because the length of the texts that a pattern may be given
//! depends on them.

mod applications;
mod general;
mod systems;

/// A name and what it stands for.
type Entry = (&'static str, &'static str);

const SETS: [&[Entry]; 12] = [
    general::PATTERNS,
    systems::LINUX_SYSLOG,
    systems::FIREWALLS,
    systems::JUNOS,
    systems::HAPROXY,
    systems::NAGIOS,
    applications::JAVA,
    applications::MCOLLECTIVE,
    applications::MONGODB,
    applications::POSTGRESQL,
    applications::REDIS,
    applications::RUBY,
];

/// What a name stands for.
pub(super) fn definition(name: &str) -> Option<&'static str> {
    SETS.iter().flat_map(|set| set.iter()).find(|(entry, _)| *entry == name).map(|(_, definition)| *definition)
}

/// Every name.
#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    SETS.iter().flat_map(|set| set.iter()).map(|(name, _)| *name)
}
