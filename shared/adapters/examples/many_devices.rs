//! Connects thousands of devices of a hub to a broker and measures what they cost.
//!
//! ```sh
//! tests/components/mosquitto start /tmp/mosquitto
//! MOSQUITTO_DIR=/tmp/mosquitto cargo run --release -p headwater-adapters --example many_devices -- 5000
//! ```
//!
//! Each connection takes two descriptors of this machine: `ulimit -n` must allow them.
#![allow(clippy::disallowed_methods, reason = "a measurement takes real time")]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use headwater_adapters::iot_hub::{IotHub, IotHubConfig};
use headwater_adapters::{OsEntropy, SystemClock};
use headwater_core::ports::{Clock, Committed, DeviceMessage, Entropy, Hub as _, HubDevice};
use headwater_core::secret::Secret;
use headwater_core::simulations::model::{MessageSchema, Protocol};
use headwater_core::simulations::{ConnectionString, RateLimits};

const LIMIT: u32 = 1_000_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let count: usize = std::env::args().nth(1).map_or(Ok(5000), |text| text.parse())?;
    let folder = std::env::var("MOSQUITTO_DIR").map_err(|_| "MOSQUITTO_DIR names no folder; see the head of this file")?;
    let settings = std::fs::read_to_string(format!("{folder}/env"))?;
    let setting = |name: &str| settings.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default().to_owned();
    let config =
        IotHubConfig { mqtt_port: setting("MQTT_TLS").parse()?, ca_file: Some(setting("MQTT_CA").into()), ..IotHubConfig::default() };
    let connection = ConnectionString { host: "localhost".into(), policy: "iothubowner".into(), key: Secret::new("c2VjcmV0") };
    let limits = RateLimits {
        registry_operations_per_minute: LIMIT,
        twin_reads_per_second: LIMIT,
        twin_writes_per_second: LIMIT,
        connections_per_second: LIMIT,
        messages_per_second: LIMIT,
    };
    let (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) = (Arc::new(SystemClock::new()), Arc::new(OsEntropy));
    let mut hub = IotHub::open(&config, &connection, Committed::default(), &limits, &clock, &entropy)?;
    let methods: Arc<[String]> = Arc::from([]);
    let model: Arc<str> = Arc::from("truck-01");
    let devices: Vec<_> = (0..count)
        .map(|number| HubDevice {
            id: Arc::from(format!("truck-01.{number}")),
            model: Arc::clone(&model),
            protocol: Protocol::Mqtt,
            methods: Arc::clone(&methods),
        })
        .collect();

    let (before, began) = (resident(), Instant::now());
    // A few hundred at a time, as the limits of a hub would have it: a thousand handshakes at once would only time out.
    let mut failed = 0;
    for some in devices.chunks(250) {
        hub.connect(some.to_vec()).await?;
        let mut connected = 0;
        while connected < some.len() {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let news = hub.news();
            connected += news.connected.len();
            failed += news.failed_connections;
        }
    }
    let took = began.elapsed().as_secs_f64();
    println!("{count} devices connected in {took:.1} s ({:.0}/s), {failed} failures", count as f64 / took);
    println!("memory: {} KB for each connection", (resident() - before) / count);

    let schema = Arc::new(MessageSchema { name: "truck-sensors;v1".into(), ..MessageSchema::default() });
    let body = Bytes::from_static(br#"{"latitude":47.476075,"longitude":-122.192026,"speed":53.2,"speed_unit":"mph"}"#);
    let began = Instant::now();
    for _ in 0..10 {
        let message = |device: &HubDevice| DeviceMessage {
            device: Arc::clone(&device.id),
            model: Arc::clone(&device.model),
            schema: Arc::clone(&schema),
            created: clock.now(),
            body: body.clone(),
        };
        hub.send(devices.iter().map(message).collect()).await?;
    }
    hub.flush().await?;
    let took = began.elapsed().as_secs_f64();
    println!("{} messages kept in {took:.1} s ({:.0}/s), {} failures", count * 10, (count * 10) as f64 / took, hub.news().failed_messages);
    println!("memory: {} KB for each connection after that", (resident() - before) / count);
    Ok(())
}

/// Resident memory of this process in KB; nothing where the system does not tell.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or_default()
}
