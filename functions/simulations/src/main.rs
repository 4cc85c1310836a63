//! The Lambda function of the simulations group: the router that the local runner hosts, behind an API gateway, over the deployment's
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
    // SEAM: what lets devices live and what reads scripts are composed here, in the place of what only refuses.
    let service = deployment.simulations(Arc::new(seam::NoDevices), Arc::new(seam::NoScripts));
    let routes = headwater_simulations::router(service);
    let token = deployment.token.map(Token::new);
    let house = House {
        token,
        clock: deployment.clock,
        entropy: deployment.entropy,
        largest_reply: Some(limits::FUNCTION_REPLY),
        dialects: &[headwater_simulations::DIALECT],
    };
    lambda_http::run(with_house_layers(routes, house)).await
}

/// SEAM: to be removed with the engine's coming.
mod seam {
    use async_trait::async_trait;
    use headwater_core::ports::{PortError, Script, ScriptCall, ScriptEngine, ScriptOutcome};
    use headwater_core::simulations::{Counters, FleetError, Fleets, Simulation};

    #[derive(Debug)]
    pub(super) struct NoDevices;

    #[async_trait]
    impl Fleets for NoDevices {
        async fn prepare(&self, _: &Simulation) -> Result<(), FleetError> {
            Err(FleetError::Settings("this function cannot let devices live yet".to_owned()))
        }

        async fn settle(&self, _: &Simulation) -> Result<(), PortError> {
            Ok(())
        }

        async fn end(&self, _: &Simulation) -> Result<(), PortError> {
            Ok(())
        }

        async fn counters(&self, _: &Simulation) -> Result<Counters, PortError> {
            Ok(Counters::default())
        }
    }

    #[derive(Debug)]
    pub(super) struct NoScripts;

    #[async_trait]
    impl ScriptEngine for NoScripts {
        async fn check(&self, _: &Script) -> Result<(), String> {
            Err("this function cannot read scripts yet".to_owned())
        }

        async fn run(&self, _: Vec<ScriptCall>) -> Vec<ScriptOutcome> {
            Vec::new()
        }
    }
}
