//! Who waits for which table to grow.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::ids::TableName;

/// Tells those of this process who wait for a table that it has changed. Those of others have to look.
#[derive(Debug, Default)]
pub(super) struct News(Mutex<HashMap<TableName, Arc<Notify>>>);

impl News {
    /// Where news of a table are told.
    pub(super) fn of(&self, table: &TableName) -> Arc<Notify> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= 1024 {
            all.retain(|_, notify| Arc::strong_count(notify) > 1);
        }
        Arc::clone(all.entry(table.clone()).or_default())
    }

    /// Says that a table has changed.
    pub(super) fn tell(&self, table: &TableName) {
        if let Some(notify) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(table) {
            notify.notify_waiters();
        }
    }

    /// Wakes everybody.
    pub(super) fn tell_all(&self) {
        for notify in self.0.lock().unwrap_or_else(PoisonError::into_inner).values() {
            notify.notify_waiters();
        }
    }
}
