//! How an Azure IoT Hub is spoken to.

use std::path::PathBuf;

use clap::Args;
use headwater_adapters::iot_hub::IotHubConfig;
use headwater_core::simulations::ConnectionString;

/// Which hub simulations use, and where it is.
#[derive(Debug, Args)]
pub(crate) struct IotHubOptions {
    /// Connection string of the Azure IoT Hub that simulations use unless they say otherwise. [default: the local hub]
    #[arg(long = "iothub-connection-string", env = "HEADWATER_IOTHUB_CONNECTION_STRING", value_name = "STRING", hide_env_values = true, value_parser = connection)]
    pub(crate) connection: Option<ConnectionString>,

    /// PEM file with certificate authorities that hubs may use beside the system's, such as that of a gateway.
    #[arg(long = "iothub-ca-file", env = "HEADWATER_IOTHUB_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,

    /// Port of MQTT over TLS at hubs.
    #[arg(long = "iothub-mqtt-port", env = "HEADWATER_IOTHUB_MQTT_PORT", value_name = "PORT", default_value_t = 8883)]
    mqtt_port: u16,

    /// Where the HTTPS side of hubs is, such as a gateway. [default: https://HOST]
    #[arg(long = "iothub-https-url", env = "HEADWATER_IOTHUB_HTTPS_URL", value_name = "URL")]
    https_url: Option<String>,
}

impl IotHubOptions {
    pub(crate) fn config(&self) -> IotHubConfig {
        let https_base = self.https_url.as_ref().map(|url| url.trim_end_matches('/').to_owned());
        IotHubConfig { mqtt_port: self.mqtt_port, https_base, ca_file: self.ca_file.clone(), ..IotHubConfig::default() }
    }
}

fn connection(text: &str) -> Result<ConnectionString, String> {
    let read = ConnectionString::parse(text).map_err(|error| error.to_string())?;
    if read.key.expose().is_empty() { Err("the connection string has no key".to_owned()) } else { Ok(read) }
}
