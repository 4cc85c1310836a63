//! The Lambda function behind the queue of steps.
#![allow(missing_docs, reason = "a program")]

use std::num::NonZeroU64;
use std::time::Duration;

use headwater_adapters::aws::{Deployment, variable};
use headwater_worker::Function;
use lambda_runtime::service_fn;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_runtime::tracing::init_default_subscriber();
    let deployment = Deployment::from_environment().await?;
    let seconds = variable::<NonZeroU64>("HEADWATER_STEP_SECONDS")?;
    let wall = seconds.map_or(headwater_worker::STEP, |seconds| Duration::from_secs(seconds.get()));
    let megabytes = variable::<NonZeroU64>("HEADWATER_STEP_MEGABYTES")?.map_or(headwater_worker::STEP_MEGABYTES, NonZeroU64::get);
    let function = Function::new(&deployment, wall, megabytes);
    lambda_runtime::run(service_fn(|event| function.answer(event))).await
}
