//! The Lambda function behind the queue of steps.
#![allow(missing_docs, reason = "a program")]

use std::time::Duration;

use headwater_adapters::aws::{Deployment, variable};
use headwater_worker::Function;
use lambda_runtime::service_fn;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_runtime::tracing::init_default_subscriber();
    let deployment = Deployment::from_environment().await?;
    let wall = variable::<u64>("HEADWATER_STEP_SECONDS")?.map_or(headwater_worker::STEP, Duration::from_secs);
    let megabytes = variable("HEADWATER_STEP_MEGABYTES")?.unwrap_or(headwater_worker::STEP_MEGABYTES);
    let function = Function::new(&deployment, wall, megabytes);
    lambda_runtime::run(service_fn(|event| function.answer(event))).await
}
