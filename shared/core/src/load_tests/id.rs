//! The ids of runs.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ports::Entropy;

/// Letters and digits that nobody takes for another one.
const ALPHABET: &[u8; 55] = b"23456789ABCDEFGHJKLMNPQRSTWXYZabcdefghijkmnopqrstuvwxyz";

/// How many of them an id has: some 98 bits, so nobody guesses one.
const LENGTH: usize = 17;

/// The id of a run: 17 characters of an alphabet of 55, made by the recorder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// A new one.
    pub(super) fn draw(entropy: &dyn Entropy) -> Self {
        let mut id = String::with_capacity(LENGTH);
        while id.len() < LENGTH {
            // Ten pieces of six bits; those that name no letter are passed over, so each letter is as likely as any other.
            let bits = entropy.draw();
            let letters = (0..10).filter_map(|piece| ALPHABET.get((bits >> (6 * piece)) as usize & 63));
            id.extend(letters.take(LENGTH - id.len()).map(|letter| char::from(*letter)));
        }
        Self(id)
    }

    /// What somebody takes for an id, if it can be one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == LENGTH && text.bytes().all(|byte| ALPHABET.contains(&byte))).then(|| Self(text.to_owned()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Which of so many shards the run is in.
    pub(super) fn shard(&self, shards: u64) -> u64 {
        let value = |byte: u8| ALPHABET.iter().position(|letter| *letter == byte).unwrap_or_default() as u64;
        self.0.bytes().fold(0, |sum: u64, byte| sum.wrapping_mul(55).wrapping_add(value(byte))) % shards
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[derive(Debug, Default)]
    struct Counting(AtomicU64);

    impl Entropy for Counting {
        fn draw(&self) -> u64 {
            // SplitMix64.
            let mut z = self.0.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^ (z >> 31)
        }
    }

    #[test]
    fn ids_are_of_the_alphabet_and_all_letters_are_as_likely() {
        let entropy = Counting::default();
        let ids: BTreeSet<RunId> = (0..10_000).map(|_| RunId::draw(&entropy)).collect();
        assert_eq!(ids.len(), 10_000);
        let mut letters: BTreeMap<char, u32> = BTreeMap::new();
        for id in &ids {
            assert_eq!(RunId::parse(id.as_str()).as_ref(), Some(id));
            id.as_str().chars().for_each(|letter| *letters.entry(letter).or_default() += 1);
        }
        // 170 000 letters: 3091 of each, with a deviation of 55.
        assert_eq!(letters.len(), 55);
        assert!(letters.values().all(|count| (2700..3500).contains(count)), "{letters:?}");
        assert!(!letters.keys().any(|letter| "01IOUVl".contains(*letter)));
    }

    #[test]
    fn shards_are_filled_evenly() {
        let (entropy, mut shards) = (Counting::default(), [0; 16]);
        for _ in 0..16_000 {
            shards[usize::try_from(RunId::draw(&entropy).shard(16)).unwrap()] += 1;
        }
        assert!(shards.iter().all(|count| (850..1150).contains(count)), "{shards:?}");
    }

    #[test]
    fn other_texts_are_no_ids() {
        for text in
            ["", "23456789ABCDEFGH", "23456789ABCDEFGHJK", "23456789ABCDEFGHI", "23456789ABCDEFGH/", "xkjpw-ajta-jwt", "é3456789ABCDEFGHJ"]
        {
            assert_eq!(RunId::parse(text), None, "{text:?}");
        }
    }
}
