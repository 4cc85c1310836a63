//! The files that points go into where there is no database: one for each day.

use serde::{Deserialize, Serialize};

use crate::ids::FileName;
use crate::ports::{FileWriter, Files, Owner, PortError, Timestamp};

/// A file, and up to where what it holds counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FilePlace {
    pub(super) name: FileName,
    pub(super) length: u64,
}

/// Most files of one day that are looked at for a free name.
const NAMES: u32 = 1000;

fn begin(now: Timestamp) -> String {
    let day = jiff::Timestamp::from_microsecond(now.as_micros()).unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC).date();
    format!("load-tests/points-{day}")
}

impl FilePlace {
    /// Whether it is a file of this day.
    pub(super) fn is_for(&self, now: Timestamp) -> bool {
        self.name.as_str().starts_with(&begin(now))
    }

    /// A file for this day that is not there yet.
    pub(super) async fn free(files: &dyn Files, now: Timestamp) -> Result<Self, PortError> {
        let begin = begin(now);
        for number in 1..NAMES {
            let suffix = if number == 1 { String::new() } else { format!("-{number}") };
            let name = FileName::try_from(format!("{begin}{suffix}.lp")).expect("a date makes a good name");
            if files.info(&name).await?.is_none() {
                return Ok(Self { name, length: 0 });
            }
        }
        Err(PortError::Conflict { what: begin })
    }
}

/// A file that is open for more points.
#[derive(Debug)]
pub(super) struct PointsFile {
    place: FilePlace,
    writer: Box<dyn FileWriter>,
}

impl PointsFile {
    /// Opens it where it counts up to; what is behind that was not stored to be there. Nothing, if somebody has removed it, cut it or made
    /// it anew.
    pub(super) async fn open(files: &dyn Files, place: &FilePlace) -> Result<Option<Self>, PortError> {
        let owner = Owner("load-tests".to_owned());
        let writer = match files.append_at(&place.name, &owner, place.length).await {
            Err(PortError::NotFound { .. }) if place.length == 0 => {
                files.create(&place.name, &owner).await?;
                files.append_at(&place.name, &owner, 0).await?
            }
            Err(PortError::NotFound { .. } | PortError::Corrupt { .. } | PortError::Conflict { .. }) => return Ok(None),
            opened => opened?,
        };
        Ok(Some(Self { place: place.clone(), writer }))
    }

    /// Whether it is this file, and stands there.
    pub(super) fn is_at(&self, place: &FilePlace) -> bool {
        self.place == *place
    }

    pub(super) async fn append(&mut self, lines: bytes::Bytes) -> Result<(), PortError> {
        self.writer.write(lines).await
    }

    /// Makes it durable, and answers where it stands.
    pub(super) async fn sync(&mut self) -> Result<FilePlace, PortError> {
        self.place.length = self.writer.sync().await?;
        Ok(self.place.clone())
    }
}
