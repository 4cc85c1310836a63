//! Randomness that is a pure function of where it is used.
//!
//! A draw depends on (seed, entity, step, field) and on nothing else: not on the order of drawing, not on what else is
//! drawn. So adding a field leaves the values of all others alone, a resumed run draws what an undisturbed one would, and
//! work can be split by entity.
//!
//! The keys form a tree of SplitMix64 sequences: the child of a key is an output of the sequence that the key starts, and
//! so are the words of a draw. SplitMix64 is Steele, Lea and Flood's, "Fast splittable pseudorandom number generators"
//! (OOPSLA 2014), with Stafford's thirteenth mixing function. The bytes are fixed by a golden test: changing them would
//! change every seeded stream in the world.

use std::convert::Infallible;

use rand_core::TryRng;

/// The odd integer nearest to 2^64 divided by the golden ratio: SplitMix64's increment.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

#[inline]
const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[inline]
const fn nth(key: u64, n: u64) -> u64 {
    mix(key.wrapping_add(GOLDEN.wrapping_mul(n.wrapping_add(1))))
}

/// Starts the tree of keys of one job or simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeedKey(u64);

/// The draws of one entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntityKey(u64);

/// The draws of one step of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepKey(u64);

/// Names a field by the path of its names, so that it keeps its draws when others are added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FieldId(u64);

impl SeedKey {
    /// The tree of a seed.
    #[must_use]
    #[inline]
    pub const fn new(seed: i64) -> Self {
        Self(mix(seed.cast_unsigned()))
    }

    /// The key of an entity.
    #[must_use]
    #[inline]
    pub const fn entity(self, entity: u64) -> EntityKey {
        EntityKey(nth(self.0, entity))
    }
}

impl EntityKey {
    /// The key of a step.
    #[must_use]
    #[inline]
    pub const fn step(self, step: u64) -> StepKey {
        StepKey(nth(self.0, step))
    }
}

impl StepKey {
    /// The draw of a field.
    #[must_use]
    #[inline]
    pub const fn draw(self, field: FieldId) -> Draw {
        Draw(self.0 ^ field.0)
    }

    /// The key of a place inside a field, such as a place of a list.
    #[must_use]
    #[inline]
    pub const fn place(self, field: FieldId, place: u64) -> Self {
        Self(nth(!(self.0 ^ field.0), place))
    }
}

impl FieldId {
    /// The root that all fields descend from.
    pub const ROOT: Self = Self(0);

    /// The field called `name` below this one.
    #[must_use]
    pub const fn child(self, name: &str) -> Self {
        let mut id = nth(self.0, name.len() as u64);
        let bytes = name.as_bytes();
        let mut i = 0;
        while i < bytes.len() {
            id = nth(id, bytes[i] as u64);
            i += 1;
        }
        Self(id)
    }
}

/// One draw: as many words as its distribution needs.
#[derive(Debug, Clone)]
pub struct Draw(u64);

impl Draw {
    /// The next 64 bits.
    #[inline]
    pub const fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// A number from [0, 1), a multiple of 2^-53.
    #[inline]
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit exactly")]
    pub const fn unit(&mut self) -> f64 {
        (self.word() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// An integer from [0, n), each as likely as the others up to n / 2^64.
    #[inline]
    pub const fn below(&mut self, n: u64) -> u64 {
        ((self.word() as u128 * n as u128) >> 64) as u64
    }
}

impl TryRng for Draw {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.word() >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.word())
    }

    fn try_fill_bytes(&mut self, destination: &mut [u8]) -> Result<(), Infallible> {
        for chunk in destination.chunks_mut(8) {
            chunk.copy_from_slice(&self.word().to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rand_core::Rng as _;

    use super::*;

    #[test]
    fn golden_bytes() {
        let field = FieldId::ROOT.child("emitters").child("click").child("user_id");
        let mut draw = SeedKey::new(42).entity(7).step(3).draw(field);
        let mut bytes = [0; 24];
        draw.fill_bytes(&mut bytes);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "a88ed6062dd275cabca2e4384b609d38154480188a6ccb0b");
    }

    #[test]
    fn draws_of_neighbours_are_unrelated() {
        // Bits of draws at neighbouring entities, steps, fields and words agree about half the time.
        let field = |name: &str| FieldId::ROOT.child(name);
        let words = |entity, step, name: &str, word: usize| {
            let mut draw = SeedKey::new(1).entity(entity).step(step).draw(field(name));
            (0..=word).map(|_| draw.word()).last().unwrap()
        };
        let mut agreeing = [0u32; 4];
        for n in 0..2000 {
            let base = words(n, n, "a", 0);
            for (agreed, other) in
                agreeing.iter_mut().zip([words(n + 1, n, "a", 0), words(n, n + 1, "a", 0), words(n, n, "b", 0), words(n, n, "a", 1)])
            {
                *agreed += (!(base ^ other)).count_ones();
            }
        }
        for agreed in agreeing {
            assert!((63_100..64_900).contains(&agreed), "{agreed} of 128000 bits agree"); // 64000 ± 5 sigma
        }
    }

    #[test]
    fn field_ids_depend_on_where_names_end() {
        let root = FieldId::ROOT;
        assert_ne!(root.child("ab").child("c"), root.child("a").child("bc"));
        assert_ne!(root.child("a"), root.child("a").child(""));
    }
}
