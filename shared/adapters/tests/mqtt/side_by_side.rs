//! Our devices and those of Microsoft's client `azure-iot-device`, before the same broker: what they say must be the same.

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use headwater_adapters::iot_hub::IotHubConfig;
use headwater_core::ports::Hub as _;
use headwater_core::simulations::model::Protocol;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::broker::{Broker, broker};
use crate::fleet::{FREE, config, connect, devices, message, open};
use headwater_tests::registry_service::{RegistryService, is_genuine, key};

/// TLS before a port of the broker without, which notes the first packet of each connection.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    first: Arc<Mutex<Vec<Vec<u8>>>>,
}

pub(crate) async fn tls_in_front_of<Guard>(broker: &Broker<Guard>, behind: u16) -> Proxy {
    let folder = std::path::Path::new(broker.setting("MQTT_CA")).parent().unwrap().to_owned();
    let chain = CertificateDer::pem_file_iter(folder.join("server.pem")).unwrap().map(Result::unwrap).collect();
    let private = PrivateKeyDer::from_pem_file(folder.join("server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(server.with_no_client_auth().with_single_cert(chain, private).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy { port: listener.local_addr().unwrap().port(), first: Arc::default() };
    let first = Arc::clone(&proxy.first);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, first) = (acceptor.clone(), Arc::clone(&first));
            tokio::spawn(async move {
                let mut outside = acceptor.accept(stream).await?;
                let mut packet = vec![0; 4096];
                let length = outside.read(&mut packet).await?;
                packet.truncate(length);
                let mut inside = TcpStream::connect(("127.0.0.1", behind)).await?;
                inside.write_all(&packet).await?;
                first.lock().unwrap().push(packet);
                copy_bidirectional(&mut outside, &mut inside).await
            });
        }
    });
    proxy
}

/// What a client introduces itself with.
#[derive(Debug)]
pub(crate) struct Introduction {
    pub(crate) client_id: String,
    pub(crate) user: String,
    pub(crate) password: String,
}

impl Proxy {
    pub(crate) fn only_introduction(&self) -> Introduction {
        let first = self.first.lock().unwrap();
        assert_eq!(first.len(), 1, "one connection");
        let packet = &first[0];
        assert_eq!(packet[0], 0x10, "a connect");
        let head = 1 + packet[1..].iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
        assert_eq!(packet[head..head + 7], *b"\x00\x04MQTT\x04", "MQTT 3.1.1");
        let mut rest = &packet[head + 10..];
        let mut text = || {
            let length = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
            let text = String::from_utf8(rest[2..2 + length].to_vec()).unwrap();
            rest = &rest[2 + length..];
            text
        };
        Introduction { client_id: text(), user: text(), password: text() }
    }
}

/// Runs the script beside this file with Microsoft's client; what it prints is JSON.
fn microsoft(arguments: &[&str]) -> Value {
    let python = std::env::var_os("AZURE_IOT_DEVICE_PYTHON");
    let python = python.expect("AZURE_IOT_DEVICE_PYTHON names no Python: `tests/run` does, or `tests/components/azure-iot-device python`");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mqtt/microsoft.py");
    let output = Command::new(python).arg(script).args(arguments).output().expect("Python can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the script prints JSON")
}

/// The properties of a topic, in their order, without those that Microsoft's client has no way of giving.
fn common(topic: &str) -> Vec<&str> {
    let bag = topic.rsplit('/').next().unwrap();
    bag.split('&').filter(|property| !property.starts_with("%24.schema=") && !property.starts_with("%24.ctime=")).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::await_holding_lock, reason = "tests that stop the broker wait for the others")]
async fn our_devices_say_what_microsofts_client_says() {
    let broker = broker();
    let service = RegistryService::start().await;
    let fleet = devices("beside", 1, Protocol::Mqtt);
    let device = &fleet[0].id;
    let mut listener = broker.listen(&format!("devices/{device}/messages/events/#")).await;
    let body = r#"{"speed":53.2,"unit":"mph"}"#;

    let theirs = tls_in_front_of(&broker, broker.port("MQTT_PLAIN")).await;
    let connection = format!("HostName=localhost;DeviceId={device};SharedAccessKey={}", key());
    let (port, authority) = (theirs.port.to_string(), broker.setting("MQTT_CA").to_owned());
    tokio::task::block_in_place(|| microsoft(&["send", &connection, &port, &authority, body]));
    let theirs_heard = listener.next().await;
    let theirs = theirs.only_introduction();

    let ours = tls_in_front_of(&broker, broker.port("MQTT_PLAIN")).await;
    let config = IotHubConfig { mqtt_port: ours.port, ca_file: Some(authority.into()), ..config(&service) };
    let mut hub = open(&config, &FREE);
    connect(&mut hub, &fleet).await;
    hub.send(vec![message(&fleet[0], body)]).await.unwrap();
    hub.flush().await.unwrap();
    let ours_heard = listener.next().await;
    let ours = ours.only_introduction();

    assert_eq!(
        (&ours.client_id, &ours_heard.payload, &ours_heard.quality),
        (&theirs.client_id, &theirs_heard.payload, &theirs_heard.quality)
    );
    let place = |user: &str| user.split_once("?api-version=").unwrap().0.to_owned();
    assert_eq!(place(&ours.user), place(&theirs.user));
    let names = |user: &str| {
        user.split_once('?').unwrap().1.split('&').map(|member| member.split('=').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&ours.user), names(&theirs.user));
    assert_eq!(common(&ours_heard.topic), common(&theirs_heard.topic));
    assert_eq!(common(&ours_heard.topic).len(), 5);

    let resource = format!("localhost/devices/{device}");
    assert!(is_genuine(&ours.password, &resource, None) && is_genuine(&theirs.password, &resource, None));
    // Held against the very class that signs for them, with the moment that ours named.
    let expiry = ours.password.rsplit("se=").next().unwrap();
    assert_eq!(microsoft(&["token", &resource, &key(), expiry]), Value::from(ours.password.clone()));
    drop(hub);
    tokio::time::sleep(Duration::from_millis(50)).await;
}
