//! Options of commands that speak with a server.

use clap::Args;
use reqwest::Url;

use super::{TokenText, token};

/// Where the server is.
#[derive(Debug, Args)]
pub(crate) struct ServerOptions {
    /// Where the server answers.
    #[arg(long, visible_alias = "server", global = true, env = "HEADWATER_URL", hide_env_values = true, value_name = "URL", default_value = "http://127.0.0.1:9999", value_parser = server_url)]
    pub(crate) url: Url,

    /// Token to send as `Authorization: Bearer TOKEN`.
    #[arg(long, global = true, env = "HEADWATER_TOKEN", value_name = "TOKEN", hide_env_values = true, value_parser = token)]
    pub(crate) token: Option<TokenText>,
}

fn server_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if matches!(url.scheme(), "http" | "https") && url.has_host() {
        Ok(url)
    } else {
        Err("http://HOST:PORT or https://HOST is wanted".to_owned())
    }
}
