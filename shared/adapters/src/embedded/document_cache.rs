//! Small documents as they were read last, so that what every request looks up costs no transaction.

use std::collections::HashMap;
use std::sync::Mutex;

use headwater_core::ports::{Document, Key};

use crate::blocking::held;

/// Longest document that is kept, and bytes of all of them.
const LONGEST: usize = 16 << 10;
const MOST: usize = 8 << 20;

/// What a document's place in the cache takes besides it.
const OVERHEAD: usize = 128;

#[derive(Debug, Default)]
pub(super) struct DocumentCache {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    documents: HashMap<Key, Document>,
    bytes: usize,
    /// How often something was written.
    writes: u64,
}

/// What was known when a document was not found in the cache.
#[derive(Debug, Clone, Copy)]
pub(super) struct Missed {
    writes: u64,
}

impl DocumentCache {
    pub(super) fn get(&self, key: &Key) -> Result<Document, Missed> {
        let kept = held(&self.kept);
        kept.documents.get(key).cloned().ok_or(Missed { writes: kept.writes })
    }

    /// Keeps what a transaction has read that began after the miss, unless it may be older than a write.
    pub(super) fn keep(&self, key: &Key, document: &Document, missed: Missed) {
        let mut kept = held(&self.kept);
        let size = key.as_str().len() + document.body.len() + OVERHEAD;
        if kept.writes != missed.writes || document.body.len() > LONGEST {
            return;
        }
        if kept.bytes + size > MOST {
            kept.documents.clear();
            kept.bytes = 0;
        }
        kept.bytes += size;
        kept.documents.insert(key.clone(), document.clone());
    }

    /// Forgets what was written. Called once that is committed, before anybody is told.
    pub(super) fn forget(&self, keys: &[Key]) {
        if keys.is_empty() {
            return;
        }
        let mut kept = held(&self.kept);
        kept.writes += 1;
        for key in keys {
            if let Some(document) = kept.documents.remove(key) {
                kept.bytes -= key.as_str().len() + document.body.len() + OVERHEAD;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use headwater_core::ports::Etag;

    use super::*;

    #[test]
    fn what_was_read_before_a_write_is_not_kept_after_it() {
        let cache = DocumentCache::default();
        let (key, other) = (Key::root("tests").child("a").unwrap(), Key::root("tests").child("b").unwrap());
        let document = Document { body: "old".into(), etag: Etag::new("1".to_owned()) };
        let missed = cache.get(&key).unwrap_err();
        cache.forget(std::slice::from_ref(&key));
        cache.keep(&key, &document, missed);
        let missed = cache.get(&key).expect_err("a document from before a write");
        cache.keep(&key, &document, missed);
        assert_eq!(cache.get(&key).unwrap().etag, document.etag);
        cache.forget(&[other]);
        assert!(cache.get(&key).is_ok(), "a write to another document forgets this one");
        cache.forget(std::slice::from_ref(&key));
        assert!(cache.get(&key).is_err());
    }

    #[test]
    fn the_cache_does_not_grow_without_end() {
        let cache = DocumentCache::default();
        for i in 0..2000 {
            let key = Key::root("tests").child(&i.to_string()).unwrap();
            let missed = cache.get(&key).unwrap_err();
            let document = Document { body: vec![0; 10_000].into(), etag: Etag::new("1".to_owned()) };
            cache.keep(&key, &document, missed);
            assert!(cache.get(&key).is_ok());
            assert!(held(&cache.kept).bytes <= MOST);
        }
    }
}
