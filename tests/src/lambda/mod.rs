//! AWS Lambda on this machine: the service that runs functions, an API gateway and event sources for SQS and Kinesis before them.
//!
//! A [`Deployment`] names a function's binary, which is started as the service does it: as a process that polls the runtime API,
//! with the service's variables and nothing else in its environment. [`Gateway`] turns plain HTTP into the events of an HTTP API,
//! [`Polling`] does the same for the messages of a queue, [`Following`] for the records of a stream. Everything listens on loopback.
//!
//! What is imitated is what a function or its users can see: one invocation at a time in a process, processes that are reused,
//! frozen between invocations and killed when time is up, limits of size, forms of events and answers. Memory is not limited,
//! the disk is not read-only, and nothing asks for permissions.
//!
//! ```no_run
//! use headwater_tests::lambda::{Deployment, Gateway, Routes};
//!
//! let function = Deployment::new("datagen", "target/debug/datagen").variable("STORE", "s3://test").start();
//! let gateway = Gateway::start(Routes::new().route("GET", "/status/{name}", &function));
//! println!("http://{}/status/job", gateway.address());
//! ```
//!
//! The interface blocks, for tests that do. It must not be called from within an asynchronous runtime.
#![allow(clippy::disallowed_methods, reason = "a test lives in real time")]

mod deployment;
mod failure;
mod function;
mod gateway;
mod kinesis;
mod process;
mod runtime_api;
mod sqs;
#[cfg(test)]
mod tests;
mod trouble;

use std::sync::LazyLock;

use tokio::runtime::{Builder, Runtime};

pub use self::deployment::Deployment;
pub use self::failure::InvokeError;
pub use self::function::{Event, Function};
pub use self::gateway::{Gateway, Routes};
pub use self::kinesis::{Following, Stream};
pub use self::sqs::{Delivery, Polling, Queue};

/// The region that functions and queues are in, unless said otherwise.
const REGION: &str = "us-east-1";

/// The account that everything belongs to. It is LocalStack's.
const ACCOUNT: &str = "000000000000";

/// What all servers and processes of the emulator run on. It outlives them, so that any of them can be dropped anywhere.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).thread_name("lambda").enable_all().build().expect("threads can be started")
});
