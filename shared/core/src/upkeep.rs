//! What a host does besides answering and stepping, so that nothing is lost or left over.

use std::time::Duration;

use tracing::warn;

use crate::datagen::DatagenService;
use crate::load_tests::LoadTestService;
use crate::simulations::SimulationService;
use crate::tables::TableService;
use crate::tasks::{TaskError, TaskStore};

/// How long a message may be overdue before it is taken for lost. A start takes far less: a task that has no name by then was
/// broken off.
pub const OVERDUE: Duration = Duration::from_secs(300);

/// How long an append to a table may be under way.
pub const APPENDING: Duration = Duration::from_secs(24 * 3600);

/// Looks after the tasks in a set of stores.
#[derive(Debug, Clone)]
pub struct Upkeep {
    /// The tasks.
    pub tasks: TaskStore,
    /// Whose names tell which of them were really started.
    pub datagen: DatagenService,
    /// Which simulation is to have tasks.
    pub simulations: SimulationService,
    /// Whose broken appends leave chunks behind.
    pub tables: TableService,
    /// Whose old records go, and whose points may wait for a delivery that nobody was told of.
    pub load_tests: LoadTestService,
}

impl Upkeep {
    /// Takes up what a former process left behind. For a host that is the only one on its stores, before it begins to answer.
    /// Answers how many tasks go on.
    pub async fn recover(&self) -> Result<usize, TaskError> {
        self.datagen.remove_unclaimed(Duration::ZERO).await?;
        let recovered = self.tasks.recover().await?;
        self.simulations.recover().await?;
        if let Err(error) = self.tables.sweep(Duration::ZERO).await {
            // It only takes space.
            warn!(error = &error as &dyn std::error::Error, "chunks that nobody names could not be looked for");
        }
        if let Err(error) = self.load_tests.sweep().await {
            warn!(error = &error as &dyn std::error::Error, "old records of load tests could not be removed");
        }
        Ok(recovered)
    }

    /// The same among hosts that share their stores, at any time, for what has been overdue for a while, such as [`OVERDUE`].
    pub async fn sweep(&self, overdue: Duration) -> Result<usize, TaskError> {
        self.datagen.remove_unclaimed(OVERDUE).await?;
        let swept = self.tasks.sweep(overdue).await?;
        self.simulations.recover().await?;
        self.tables.sweep_now_and_then(APPENDING).await?;
        self.load_tests.sweep().await?;
        Ok(swept)
    }
}
