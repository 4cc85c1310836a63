//! The Lambda function of the load-tests group: the router that the local runner hosts, behind an API gateway, over the deployment's
//! bucket and queue.
#![allow(missing_docs, reason = "a program")]

use std::sync::Arc;

use headwater_adapters::aws::Deployment;
use headwater_core::limits;
use headwater_web::{House, Token, with_house_layers};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    lambda_http::tracing::init_default_subscriber();
    let deployment = Deployment::from_environment().await?;
    let routes = headwater_load_tests::router(deployment.load_tests, Arc::clone(&deployment.clock));
    let token = deployment.token.map(Token::new);
    let house = House {
        token,
        clock: deployment.clock,
        entropy: deployment.entropy,
        largest_reply: Some(limits::FUNCTION_REPLY),
        dialects: &[headwater_load_tests::DIALECT],
    };
    lambda_http::run(with_house_layers(routes, house)).await
}
