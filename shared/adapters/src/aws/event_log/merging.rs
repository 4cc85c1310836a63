//! Large segments of small ones: fewer objects to read, and a short manifest.

use headwater_core::ports::{Condition, Etag, PortError, StoredEvent, TimeRange};

use super::flusher::{Flusher, name};
use super::manifest::Manifest;
use super::place::Place;
use super::scan::{Piece, Scan, Wanted};
use super::segment::{Encoder, Segment};

/// So many neighbours of one level become one segment of the next. An event is written again for each level: three times at most.
const NEIGHBOURS: usize = 16;

/// Bytes of segments that are merged at once, so that a flush does not take long.
const MERGED: u64 = 64 << 20;

/// A segment of this length stays as it is, whatever its level.
const LARGE: u64 = 32 << 20;

/// The level of segments that stay as they are.
const TOP: u64 = 3;

fn level(segment: &Segment) -> u64 {
    if segment.length >= LARGE { TOP } else { segment.level }
}

/// The segments to merge, if there are enough of a level beside each other.
fn run(segments: &[Segment]) -> Option<&[Segment]> {
    let runs = segments.chunk_by(|one, other| level(one) == level(other));
    let run = runs.rev().find(|run| run.len() >= NEIGHBOURS && level(&run[0]) < TOP)?;
    let mut length = 0;
    let fitting = run.iter().take_while(|segment| {
        length += segment.length;
        length <= MERGED
    });
    let count = fitting.count().min(NEIGHBOURS);
    (count > 1).then(|| &run[..count])
}

impl Flusher {
    /// Merges segments, if there are enough small ones.
    pub(super) async fn merge(&self, place: &Place, manifest: Manifest, etag: Etag) -> Result<(), PortError> {
        let Some(run) = run(&manifest.segments).map(<[Segment]>::to_vec) else { return Ok(()) };
        let merged = self.merged(place, &run).await?;
        let objects: Vec<&str> = run.iter().map(|segment| segment.object.as_str()).collect();
        let (mut manifest, mut etag) = (manifest, etag);
        for _ in 0..NEIGHBOURS {
            let at = manifest.segments.iter().position(|segment| segment.object == objects[0]);
            let there = at.and_then(|at| manifest.segments.get(at..at + objects.len()));
            // Somebody else has merged them meanwhile, or some were trimmed.
            let (Some(at), Some(_)) = (at, there.filter(|there| **there == run)) else { break };
            manifest.segments.splice(at..at + run.len(), [merged.clone()]);
            let now = self.logs.clock.now();
            for object in &objects {
                manifest.discard((*object).to_owned(), now);
            }
            match self.logs.manifests.save(&place.manifest, &manifest, Condition::Match(etag)).await {
                Ok(_) => return Ok(()),
                Err(error) if error.is_conflict() => match self.logs.manifests.load(&place.manifest).await? {
                    Some(loaded) => (manifest, etag) = loaded,
                    None => break,
                },
                Err(error) => return Err(error),
            }
        }
        if manifest.knows(&merged.object) { Ok(()) } else { self.remove(place, vec![merged.object]).await }
    }

    /// Writes the events of some neighbours as one segment.
    async fn merged(&self, place: &Place, run: &[Segment]) -> Result<Segment, PortError> {
        let (first, last) = (run[0].first, run[run.len() - 1].last);
        let level = run.iter().map(|segment| segment.level).max().unwrap_or_default() + 1;
        let object = name(first, last, level);
        let mut writer = self.logs.objects.writer(self.logs.key(place, &object));
        let mut encoder = Encoder::default();
        let wanted = Wanted::new(TimeRange::ALL, None);
        for segment in run {
            let mut scan = Scan::open(&self.logs.objects, self.logs.key(place, &segment.object), segment.clone(), &wanted).await?;
            let mut more = true;
            while more {
                let mut piece = Piece::default();
                more = scan.fill(&mut piece, &wanted).await?;
                for StoredEvent { position, event } in piece.events {
                    encoder.push(position.millis, &event);
                }
                writer.write(&encoder.take()).await?;
            }
        }
        writer.write(&encoder.finish()).await?;
        let length = writer.finish().await?;
        Ok(Segment { object, length, skip: 0, first, last, level })
    }
}

#[cfg(test)]
mod tests {
    use headwater_core::ports::Position;

    use super::*;

    fn segments(lengths: &[(u64, u64)]) -> Vec<Segment> {
        let position = |sequence| Position { millis: 0, sequence };
        let numbered = lengths.iter().zip(1..);
        let segment = |(&(level, length), number): (&(u64, u64), u64)| {
            let (first, last) = (position(number), position(number));
            Segment { object: number.to_string(), length, skip: 0, first, last, level }
        };
        numbered.map(segment).collect()
    }

    #[test]
    fn sixteen_neighbours_of_a_level_are_merged() {
        assert_eq!(run(&segments(&[(0, 10); 15])), None);
        assert_eq!(run(&segments(&[(0, 10); 16])).map(<[_]>::len), Some(16));
        assert_eq!(run(&segments(&[vec![(1, 10); 15], vec![(0, 10); 15]].concat())), None);
        let both = segments(&[vec![(1, 10); 20], vec![(0, 10); 17]].concat());
        assert_eq!(run(&both).map(|run| run[0].level), Some(0), "the newest first");
        assert_eq!(run(&segments(&[(TOP, 10); 40])), None);
    }

    #[test]
    fn what_is_large_stays_as_it_is() {
        assert_eq!(run(&segments(&[(0, LARGE); 40])), None);
        assert_eq!(run(&segments(&[vec![(0, 10); 15], vec![(0, LARGE)], vec![(0, 10); 15]].concat())), None);
        assert_eq!(run(&segments(&[(0, 20 << 20); 16])).map(<[_]>::len), Some(3));
    }
}
