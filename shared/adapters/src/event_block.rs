//! A run of events as bytes, as the logs on disk and in the cloud hold them.
//!
//! ```text
//! block  = count, sets, set × sets, event × count
//! set    = pairs, (length, name, length, value) × pairs      one set of headers, which events refer to by its index
//! event  = set, length, body
//! ```
//!
//! All numbers are unsigned LEB128. Positions are not in a block: whoever stores it knows where its first event stands. Headers
//! stand once in a block however many events share them; an Avro batch has its whole schema among them.

use std::collections::HashMap;

use bytes::{Buf as _, BufMut as _, Bytes};
use headwater_core::ports::{Event, Headers};

/// Puts a block together.
#[derive(Debug, Default)]
pub(crate) struct BlockBuilder {
    count: u64,
    sets: Vec<u8>,
    indices: HashMap<Headers, u64>,
    /// The set of the last event: most events have the same as the one before.
    last: Option<(Headers, u64)>,
    events: Vec<u8>,
}

/// A block that is not one.
#[derive(Debug, thiserror::Error)]
#[error("a block of events is damaged: {0}")]
pub(crate) struct Damaged(&'static str);

/// Most bytes of a number.
const NUMBER: usize = 10;

fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.put_u8(number as u8 | 0x80);
        number >>= 7;
    }
    out.put_u8(number as u8);
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_number(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

impl BlockBuilder {
    /// Adds an event.
    pub(crate) fn push(&mut self, event: &Event) {
        let set = match &self.last {
            Some((headers, set)) if headers.is_same(&event.headers) => *set,
            _ => self.set(&event.headers),
        };
        put_number(&mut self.events, set);
        put_number(&mut self.events, event.body.len() as u64);
        self.events.extend_from_slice(&event.body);
        self.count += 1;
    }

    fn set(&mut self, headers: &Headers) -> u64 {
        let next = self.indices.len() as u64;
        let set = *self.indices.entry(headers.clone()).or_insert_with(|| {
            put_number(&mut self.sets, headers.len() as u64);
            for (name, value) in headers.iter() {
                put_text(&mut self.sets, name);
                put_text(&mut self.sets, value);
            }
            next
        });
        self.last = Some((headers.clone(), set));
        set
    }

    /// Events so far.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Bytes so far, at most.
    pub(crate) fn size(&self) -> usize {
        2 * NUMBER + self.sets.len() + self.events.len()
    }

    /// The block; the builder begins a new one.
    #[cfg(any(test, feature = "aws"))]
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        self.finish_behind(&[])
    }

    /// The block, behind other bytes.
    pub(crate) fn finish_behind(&mut self, before: &[u8]) -> Vec<u8> {
        let mut block = Vec::with_capacity(before.len() + self.size());
        block.extend_from_slice(before);
        put_number(&mut block, self.count);
        put_number(&mut block, self.indices.len() as u64);
        block.extend_from_slice(&self.sets);
        block.extend_from_slice(&self.events);
        self.count = 0;
        self.sets.clear();
        self.indices.clear();
        self.last = None;
        self.events.clear();
        block
    }
}

/// The events of a block, in order. Their bodies are slices of it.
#[derive(Debug)]
pub(crate) struct Block {
    rest: Bytes,
    sets: Vec<Headers>,
    left: u64,
}

impl Block {
    /// Opens a block.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn open(mut rest: Bytes) -> Result<Self, Damaged> {
        let left = number(&mut rest)?;
        let sets = number(&mut rest)?;
        let sets = (0..sets).map(|_| set(&mut rest)).collect::<Result<_, _>>()?;
        Ok(Self { rest, sets, left })
    }

    fn event(&mut self) -> Result<Event, Damaged> {
        let set = usize::try_from(number(&mut self.rest)?).map_err(|_| Damaged("no such headers"))?;
        let headers = self.sets.get(set).ok_or(Damaged("no such headers"))?.clone();
        Ok(Event { headers, body: bytes(&mut self.rest)? })
    }
}

impl Iterator for Block {
    type Item = Result<Event, Damaged>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let event = self.event();
        if event.is_err() {
            self.left = 0; // What follows cannot be told apart any more.
        }
        Some(event)
    }
}

fn number(from: &mut Bytes) -> Result<u64, Damaged> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = from.try_get_u8().map_err(|_| Damaged("it breaks off"))?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(Damaged("a number is too long"))
}

fn bytes(from: &mut Bytes) -> Result<Bytes, Damaged> {
    let length = usize::try_from(number(from)?).ok().filter(|&length| length <= from.len());
    Ok(from.split_to(length.ok_or(Damaged("it breaks off"))?))
}

fn text(from: &mut Bytes) -> Result<String, Damaged> {
    String::from_utf8(bytes(from)?.into()).map_err(|_| Damaged("a header is not UTF-8"))
}

fn set(from: &mut Bytes) -> Result<Headers, Damaged> {
    let pairs = number(from)?;
    let pairs: Vec<_> = (0..pairs).map(|_| Ok((text(from)?, text(from)?))).collect::<Result<_, Damaged>>()?;
    Ok(pairs.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events() -> Vec<Event> {
        let set = |name: &str| Headers::from(vec![(name.to_owned(), "é\n".to_owned()), (String::new(), String::new())]);
        let (one, other) = (set("one"), set("other"));
        let bodies = [vec![], vec![7; 1], vec![0; 127], vec![1; 128], vec![255; 70_000]];
        let sets = [Headers::default(), one.clone(), one.clone(), other, set("one")];
        sets.into_iter().zip(bodies).map(|(headers, body)| Event { headers, body: body.into() }).collect()
    }

    fn build(events: &[Event]) -> Bytes {
        let mut builder = BlockBuilder::default();
        events.iter().for_each(|event| builder.push(event));
        let size = builder.size();
        let block = builder.finish();
        assert!(block.len() <= size && size < block.len() + 2 * NUMBER);
        block.into()
    }

    #[test]
    fn a_block_gives_back_its_events() {
        let events = events();
        let block = Block::open(build(&events)).unwrap();
        assert_eq!(block.sets.len(), 3, "equal sets stand in it more than once");
        assert_eq!(block.left, 5);
        assert_eq!(block.collect::<Result<Vec<_>, _>>().unwrap(), events);
        assert!(Block::open(build(&[])).unwrap().next().is_none());
    }

    #[test]
    fn a_builder_begins_anew_after_a_block() {
        let mut builder = BlockBuilder::default();
        for _ in 0..2 {
            events().iter().for_each(|event| builder.push(event));
            assert_eq!(builder.count(), 5);
            assert_eq!(Block::open(builder.finish().into()).unwrap().map(Result::unwrap).collect::<Vec<_>>(), events());
        }
        assert_eq!(builder.count(), 0);
    }

    #[test]
    fn a_block_that_is_cut_or_changed_is_no_reason_to_panic() {
        let whole = build(&events());
        for cut in (0..300).chain(whole.len() - 300..whole.len()) {
            let read = Block::open(whole.slice(..cut)).and_then(Iterator::collect::<Result<Vec<_>, _>>);
            assert!(read.is_err(), "a block of {} bytes was taken for whole after {cut}", whole.len());
        }
        for index in 0..300 {
            let mut changed = whole.to_vec();
            changed[index] ^= 0xff;
            let _ = Block::open(changed.into()).map(|block| block.take(1000).filter(Result::is_ok).count());
        }
    }
}
