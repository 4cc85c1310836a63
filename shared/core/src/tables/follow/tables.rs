//! Tables that take over what another one gets.

use std::sync::Arc;
use std::time::Duration;

use super::{AT_ONCE, Outcome};
use crate::ids::TableName;
use crate::tables::RowReader;
use crate::tables::elements::Elements;
use crate::tables::record::Followed;
use crate::tables::service::{TableError, TableService};
use crate::tables::store::Table;

/// How often another table is looked at.
const PERIOD: Duration = Duration::from_millis(100);

impl TableService {
    pub(super) async fn follow_table(&self, table: &Table, name: &TableName) -> Result<Outcome, TableError> {
        let Some(Followed::Table { id, begun }) = &table.record.followed else { return self.end_of_source(table).await };
        let Some(source) = self.store.find(name).await?.filter(|source| *id == source.record.id) else {
            // It was removed; what it gave stays.
            return self.end_of_source(table).await;
        };
        let finished = source.record.finished;
        let mut elements = Elements::new(self.store.clone(), Arc::new(source));
        if !begun {
            // Elements keep the numbers that they have in the source, and so their moments.
            let kept = RowReader::kept(&mut elements).await?;
            let stride = elements.table().plan.stride();
            let place = elements.place_of((kept.start * stride).max(elements.first().element).min(elements.end().element)).await?;
            let followed = Followed::Table { id: id.clone(), begun: true };
            self.begin_at(table, place, |record| record.followed = Some(followed)).await?;
            return Ok(Outcome::More);
        }
        let at = table.record.end.element;
        match elements.read(at, AT_ONCE).await {
            Ok(Some(piece)) if piece.first.element > at => {
                self.begin_at(table, piece.first, |_| ()).await?;
                Ok(Outcome::More)
            }
            Ok(Some(piece)) => {
                self.take(table, piece.rows, |_| ()).await?;
                Ok(Outcome::More)
            }
            Ok(None) if finished => self.end_of_source(table).await,
            Ok(None) => Ok(Outcome::Wait(PERIOD)),
            Err(TableError::NotFound(_)) => Ok(Outcome::Wait(PERIOD)), // It was removed in between.
            Err(error) => Err(error),
        }
    }
}
