//! Services outside that a host knows: databases and hubs.

use std::path::PathBuf;

use clap::Args;
use headwater_adapters::influxdb::{InfluxDb, InfluxDbSettings};
use headwater_adapters::iot_hub::IotHubConfig;

use super::TokenText;

/// Databases and hubs.
#[derive(Debug, Default, Args)]
pub(crate) struct ServiceOptions {
    /// InfluxDB that `influxdb` targets write to.
    #[arg(long, env = "HEADWATER_INFLUXDB_URL", value_name = "URL", hide_env_values = true, help_heading = "Services")]
    influxdb_url: Option<String>,

    /// Its version: 1, 2 or 3. [default: 2 where a bucket is named, or else 1]
    #[arg(long, env = "HEADWATER_INFLUXDB_VERSION", value_name = "N", help_heading = "Services")]
    influxdb_version: Option<String>,

    /// Its database, of versions 1 and 3.
    #[arg(long, env = "HEADWATER_INFLUXDB_DATABASE", value_name = "NAME", help_heading = "Services")]
    influxdb_database: Option<String>,

    /// Its organisation, of version 2.
    #[arg(long, env = "HEADWATER_INFLUXDB_ORG", value_name = "NAME", help_heading = "Services")]
    influxdb_org: Option<String>,

    /// Its bucket, of version 2.
    #[arg(long, env = "HEADWATER_INFLUXDB_BUCKET", value_name = "NAME", help_heading = "Services")]
    influxdb_bucket: Option<String>,

    /// Token for it, of versions 2 and 3.
    #[arg(long, env = "HEADWATER_INFLUXDB_TOKEN", value_name = "TOKEN", hide_env_values = true, value_parser = secret, help_heading = "Services")]
    influxdb_token: Option<TokenText>,

    /// User of it, of version 1.
    #[arg(long, env = "HEADWATER_INFLUXDB_USERNAME", value_name = "NAME", help_heading = "Services")]
    influxdb_username: Option<String>,

    /// Password of that user.
    #[arg(long, env = "HEADWATER_INFLUXDB_PASSWORD", value_name = "PASSWORD", hide_env_values = true, value_parser = secret, help_heading = "Services")]
    influxdb_password: Option<TokenText>,

    /// PEM file with authorities to trust for InfluxDB, beside the system's.
    #[arg(long, env = "HEADWATER_INFLUXDB_CA_FILE", value_name = "FILE", help_heading = "Services")]
    influxdb_ca_file: Option<String>,

    /// PEM file with authorities to trust for hubs of Azure, beside the system's.
    #[arg(long, env = "HEADWATER_IOTHUB_CA_FILE", value_name = "FILE", help_heading = "Services")]
    iothub_ca_file: Option<PathBuf>,

    /// Port at which hubs of Azure speak MQTT over TLS.
    #[arg(long, env = "HEADWATER_IOTHUB_MQTT_PORT", value_name = "PORT", default_value_t = 8883, help_heading = "Services")]
    iothub_mqtt_port: u16,

    /// Where hubs of Azure answer HTTPS, such as a gateway. [default: https://HOST]
    #[arg(long, env = "HEADWATER_IOTHUB_HTTPS_URL", value_name = "URL", help_heading = "Services")]
    iothub_https_url: Option<String>,
}

impl ServiceOptions {
    /// The InfluxDB, if one is named.
    pub(crate) fn influxdb(&self) -> anyhow::Result<Option<InfluxDb>> {
        // A variable that is set to nothing is not set.
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let secret = |token: &Option<TokenText>| token.clone().map(|TokenText(secret)| secret).filter(|secret| !secret.expose().is_empty());
        let settings = InfluxDbSettings {
            url: filled(&self.influxdb_url),
            version: filled(&self.influxdb_version),
            database: filled(&self.influxdb_database),
            org: filled(&self.influxdb_org),
            bucket: filled(&self.influxdb_bucket),
            token: secret(&self.influxdb_token),
            username: filled(&self.influxdb_username),
            password: secret(&self.influxdb_password),
            ca_file: filled(&self.influxdb_ca_file),
        };
        InfluxDb::new(settings).map_err(|problem| anyhow::anyhow!("{problem}"))
    }

    /// How hubs of Azure are spoken to.
    pub(crate) fn iot_hub(&self) -> IotHubConfig {
        IotHubConfig {
            mqtt_port: self.iothub_mqtt_port,
            https_base: self.iothub_https_url.as_deref().filter(|base| !base.is_empty()).map(|base| base.trim_end_matches('/').to_owned()),
            ca_file: self.iothub_ca_file.clone().filter(|path| !path.as_os_str().is_empty()),
            ..IotHubConfig::default()
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "what clap asks of a parser")]
fn secret(text: &str) -> Result<TokenText, String> {
    Ok(TokenText(headwater_core::secret::Secret::new(text)))
}
