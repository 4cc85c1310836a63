use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Task;
use crate::ids::TaskId;
use crate::ports::{Etag, Timestamp};

/// What a stepper keeps in memory of its tasks between their steps, so that the next one goes straight on.
///
/// It is only good when the task's document is exactly the version that the last step was committed as: even an attempt of another
/// process that came to nothing has left its traces at the target.
#[derive(Debug)]
pub struct Kept<L> {
    places: Mutex<HashMap<TaskId, Place<L>>>,
    most: usize,
}

#[derive(Debug)]
struct Place<L> {
    /// The step after which this is the state, and the version of the task's document that committed it, once it has.
    step: u64,
    committed: Option<Etag>,
    since: Timestamp,
    live: L,
}

impl<L> Kept<L> {
    /// Keeps so many at most. Where several processes step the same tasks, each of them keeps some whose next step goes to another.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { places: Mutex::default(), most }
    }

    /// Keeps what the next step after this one needs, from now on. The oldest makes room.
    pub fn keep(&self, task: &Task, now: Timestamp, live: L) {
        let mut places = self.places();
        if places.len() >= self.most && !places.contains_key(&task.id) {
            let oldest = places.iter().min_by_key(|(_, place)| place.since).map(|(id, _)| id.clone());
            places.remove(&oldest.unwrap_or_else(|| task.id.clone()));
        }
        places.insert(task.id.clone(), Place { step: task.step + 1, committed: None, since: now, live });
    }

    /// What was kept for a task whose document stands at this version, if it is good.
    pub fn take(&self, task: &Task, stands_at: &Etag) -> Option<L> {
        let place = self.places().remove(&task.id)?;
        (place.committed.as_ref() == Some(stands_at)).then_some(place.live)
    }

    /// See [`super::Stepper::committed`].
    pub fn committed(&self, task: &Task, etag: &Etag) {
        if let Some(place) = self.places().get_mut(&task.id).filter(|place| place.step == task.step) {
            place.committed = Some(etag.clone());
        }
    }

    /// See [`super::Stepper::forget`].
    pub fn forget(&self, id: &TaskId) {
        self.places().remove(id);
    }

    fn places(&self) -> MutexGuard<'_, HashMap<TaskId, Place<L>>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner) // The map is whole after any panic.
    }
}
