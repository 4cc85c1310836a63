use async_trait::async_trait;
use headwater_core::ids::StreamName;
use headwater_core::streams::{Herald, Notice};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Url};

use crate::targets::http_client;

/// Posts each notice as a JSON object. One that was answered with 2xx has arrived.
#[derive(Debug)]
pub struct WebhookHerald {
    client: Client,
    url: Url,
}

impl WebhookHerald {
    /// A herald that posts to this address.
    ///
    /// # Errors
    /// When it is none of the web.
    pub fn new(url: &str) -> Result<Self, String> {
        let url = Url::parse(url).map_err(|error| format!("is not an address: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err("must be an http:// or https:// address".to_owned());
        }
        Ok(Self { client: http_client(), url })
    }
}

#[async_trait]
impl Herald for WebhookHerald {
    async fn announce(&self, stream: &StreamName, notice: &Notice) -> Result<(), String> {
        let body = notice.to_json(stream).to_string();
        let answer = self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/json").body(body).send().await;
        // The address may hold a key; it is not said where it went wrong.
        let status = answer.map_err(|error| error.without_url().to_string())?.status();
        if status.is_success() { Ok(()) } else { Err(format!("the webhook answered {status}")) }
    }
}
