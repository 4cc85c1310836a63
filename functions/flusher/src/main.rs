//! The Lambda function behind the stream of events.
#![allow(missing_docs, reason = "a program")]

use headwater_adapters::aws::Deployment;
use headwater_flusher::Function;
use lambda_runtime::service_fn;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_runtime::tracing::init_default_subscriber();
    let function = Function::new(&Deployment::from_environment().await?);
    lambda_runtime::run(service_fn(|event| function.answer(event))).await
}
