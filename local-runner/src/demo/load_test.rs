//! A load test that is recorded: nobody generates any load, but the numbers move as if somebody did.

use std::f64::consts::TAU;
use std::net::SocketAddr;
use std::time::Duration;

use headwater_adapters::SystemClock;
use headwater_core::load_tests::{LoadTestError, LoadTestService};
use headwater_core::ports::{Clock as _, Timestamp};
use serde_json::{Map, Value, json};
use tracing::{debug, info, warn};

/// The host that is said to generate the load.
const HOST: &str = "demo";

/// Between two updates.
const UPDATE: Duration = Duration::from_secs(5);

/// Seconds in which users come and go.
const TIDE: f64 = 1800.0;

/// Users that are always there, and how many more or fewer come with the tide.
const USERS: f64 = 60.0;
const MORE: f64 = 40.0;

/// Requests of a user in a second.
const RATE: f64 = 0.8;

/// One request of so many fails.
const FAILS: f64 = 250.0;

/// Registers a run and updates it as long as this process lasts; or takes up that of the last run.
pub(super) async fn start(load_tests: &LoadTestService, address: SocketAddr) {
    let clock = SystemClock::new();
    let uuid = match going_on(load_tests).await {
        Ok(Some(uuid)) => {
            info!("demo: the load test of the last run goes on");
            uuid
        }
        Ok(None) => match load_tests.register(&registration(clock.now())).await {
            Ok(uuid) => {
                info!("demo: the load test {uuid} is being recorded");
                uuid
            }
            Err(error) => return warn!(error = &error as &dyn std::error::Error, "demo: the load test could not be registered"),
        },
        Err(error) => return warn!(error = &error as &dyn std::error::Error, "demo: the load tests could not be looked through"),
    };
    info!("demo: see  curl http://{address}/apiv0.1/events/runs/{uuid}  and  curl http://{address}/apiv0.1/states");
    tokio::spawn(keep_updating(load_tests.clone(), uuid, clock));
}

/// The id of the demo's run, if it still goes on.
async fn going_on(load_tests: &LoadTestService) -> Result<Option<String>, LoadTestError> {
    let running = load_tests.running().await?;
    let mine = running.iter().filter(|(_, goes_on)| **goes_on == Value::Bool(true)).filter_map(|(key, _)| id_of_mine(key));
    Ok(mine.max().map(str::to_owned))
}

/// The id in a key of host and id, if the host is the demo's. Ids have no hyphen, hosts may.
fn id_of_mine(key: &str) -> Option<&str> {
    key.rsplit_once('-').filter(|(host, _)| *host == HOST).map(|(_, id)| id)
}

async fn keep_updating(load_tests: LoadTestService, uuid: String, clock: SystemClock) {
    let mut ticks = tokio::time::interval(UPDATE);
    loop {
        ticks.tick().await;
        let update = json!({"hostname": HOST, "uuid": uuid, "measurement": {"fields": live_values(clock.now())}});
        match load_tests.update(&update).await {
            Ok(_) => {}
            // Whoever commits it has seen enough.
            Err(LoadTestError::Over(_) | LoadTestError::NotFound { .. }) => return info!("demo: the load test is over"),
            Err(error) => debug!(error = &error as &dyn std::error::Error, "demo: the load test could not be updated"),
        }
    }
}

fn registration(now: Timestamp) -> Value {
    json!({
        "hostname": HOST,
        "name": "demo",
        "description": "Numbers that move like those of a load test",
        "testPlan": "clickstream",
        "environment": "demo",
        "measurement": {"fields": live_values(now), "tags": {"targetHost": "shop.example.com", "mode": "single", "method": "GET"}},
    })
}

/// What a load generator would say at a moment. The same at the same time of day (UTC), so that a restart shows no break; the counts
/// are those since midnight.
fn live_values(now: Timestamp) -> Map<String, Value> {
    #[expect(clippy::cast_precision_loss, reason = "a day has few microseconds")]
    let seconds = now.as_micros().rem_euclid(86_400_000_000) as f64 / 1e6;
    let phase = TAU * seconds / TIDE;
    let users = USERS - MORE * libm::cos(phase);
    // The integral of the users since midnight, times what each does.
    let requests = RATE * (USERS * seconds - MORE * TIDE / TAU * libm::sin(phase));
    let per_second = RATE * users;
    // The more users, the longer they wait; and something hums in the background.
    let load = users / (USERS + MORE);
    let p50 = 35.0 + 60.0 * load * load + 3.0 * libm::sin(TAU * seconds / 47.0);
    let rounded = |value: f64| json!((value * 100.0).round() / 100.0);
    #[expect(clippy::cast_possible_truncation, reason = "there are few")]
    let whole = |value: f64| json!(value as i64);
    let values = [
        ("clients", whole(users)),
        ("hatchRate", rounded((MORE * TAU / TIDE * libm::sin(phase)).abs())),
        ("requests", whole(requests)),
        ("failures", whole(requests / FAILS)),
        ("requestsPerSecond", rounded(per_second)),
        ("failuresPerSecond", rounded(per_second / FAILS)),
        ("averageResponseTime", rounded(1.2 * p50)),
        ("p50", rounded(p50)),
        ("p90", rounded(1.9 * p50)),
        ("p95", rounded(2.4 * p50)),
        ("p99", rounded(4.1 * p50)),
    ];
    values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_grow_through_the_day_and_users_stay_within_bounds() {
        let mut before = 0;
        for second in (0..86_400).step_by(5) {
            let values = live_values(Timestamp::from_millis(1_700_006_400_000 + second * 1000));
            let requests = values["requests"].as_i64().unwrap();
            assert!(requests >= before, "{second}: {requests} after {before}");
            before = requests;
            let users = values["clients"].as_i64().unwrap();
            assert!((20..=100).contains(&users), "{second}: {users}");
            let times = ["p50", "p90", "p95", "p99"].map(|name| values[name].as_f64().unwrap());
            assert!(times.is_sorted() && times[0] > 0.0, "{second}: {times:?}");
        }
        assert!(before > 4_000_000 * 9 / 10, "{before}");
    }

    #[test]
    fn the_demos_run_is_known_by_its_host() {
        assert_eq!(id_of_mine("demo-8Q2nW7"), Some("8Q2nW7"));
        assert_eq!(id_of_mine("demo-2-8Q2nW7"), None);
        assert_eq!(id_of_mine("h1-8Q2nW7"), None);
    }
}
