//! Where a log lives: which shard takes its records, and which keys its objects have.

use headwater_core::ports::{Key, LogName};

/// Below this key lie the manifests of all logs.
const MANIFESTS: &str = "logs";

/// Below this prefix lie the events of all logs.
const EVENTS: &str = "events";

/// How many characters of a name stand in keys when all of it would be too long.
const KEPT: usize = 64;

/// Where a log lives. A function of its name alone, so that whoever knows the name finds it.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Where it stands among the hashes that the shards divide among themselves. All records of a log go there, so they are in one
    /// shard at any time, and their order is that of the shard.
    pub(super) hash: u128,
    /// Key of the manifest.
    pub(super) manifest: Key,
    /// What the keys of the log's objects begin with; ends in a slash.
    pub(super) objects: String,
}

impl Place {
    pub(super) fn of(log: &LogName) -> Self {
        let hash = hash(&log.0);
        let root = Key::root(MANIFESTS);
        let manifest = root.child(&log.0).unwrap_or_else(|_| {
            let beginning: String = log.0.chars().take(KEPT).collect();
            root.child(&format!("{beginning}~{hash:032x}")).expect("so few characters fit into a key")
        });
        let objects = format!("{EVENTS}{}/", &manifest.as_str()[MANIFESTS.len()..]);
        Self { hash, manifest, objects }
    }

    /// The partition key of the log's records. The hash is given with each record, so this only tells them apart.
    pub(super) fn partition_key(&self) -> String {
        format!("{:032x}", self.hash)
    }

    /// Whether some log has this partition key.
    pub(super) fn is_partition_key(text: &str) -> bool {
        text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    }
}

/// 128 bits that depend on all of a text, evenly spread: two chains of SplitMix64's mixing function. Part of the format: a change
/// moves logs to other shards.
fn hash(text: &str) -> u128 {
    let chain = |start: u64| text.bytes().fold(mix(start ^ text.len() as u64), |state, byte| mix(state ^ u64::from(byte)));
    (u128::from(chain(1 << 32)) << 64) | u128::from(chain(2 << 32))
}

fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> Place {
        Place::of(&LogName(name.to_owned()))
    }

    #[test]
    fn a_log_keeps_its_place() {
        let place = place("default/clicks/1");
        assert_eq!(place.partition_key(), format!("{:032x}", hash("default/clicks/1")));
        assert_eq!(place.manifest.as_str(), "logs/default%2Fclicks%2F1");
        assert_eq!(place.objects, "events/default%2Fclicks%2F1/");
        assert_eq!(hash(""), 0xc42c_5a1a_a382_0138_e7b2_5ad2_7bcc_b532, "records of logs that are there would go elsewhere");
    }

    #[test]
    fn a_name_of_any_length_has_a_place_of_its_own() {
        let long = "é".repeat(2000);
        let (one, other) = (place(&long), place(&format!("{long}x")));
        assert!(one.objects.len() < 600 && one.objects != other.objects, "{one:?}");
    }

    #[test]
    fn logs_are_spread_evenly_over_shards() {
        let mut shards = [0_u32; 16];
        for number in 0..16_000 {
            shards[usize::try_from(place(&format!("default/stream{number}")).hash >> 124).unwrap()] += 1;
        }
        assert!(shards.iter().all(|count| (850..1150).contains(count)), "{shards:?}");
    }
}
