//! The InfluxDB that a host knows: where it is, what it is called there, and how to be let in.

use headwater_core::secret::Secret;
use reqwest::{RequestBuilder, Url};
use serde_json::Value;

/// Most of what a server says that is shown.
const COMPLAINT: usize = 400;

/// What was set about an InfluxDB. The members are those of `HEADWATER_INFLUXDB_*`.
#[derive(Debug, Clone, Default)]
pub struct InfluxDbSettings {
    /// Where it is: `http://` or `https://`, host and port.
    pub url: Option<String>,
    /// `1`, `2` or `3`; by default, what the others speak for.
    pub version: Option<String>,
    /// The database, of versions 1 and 3.
    pub database: Option<String>,
    /// The organisation, of version 2.
    pub org: Option<String>,
    /// The bucket, of version 2.
    pub bucket: Option<String>,
    /// The token, of versions 2 and 3.
    pub token: Option<Secret>,
    /// The user, of version 1.
    pub username: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
}

impl InfluxDbSettings {
    /// Reads the variables `HEADWATER_INFLUXDB_*`, which `variable` looks up.
    #[must_use]
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let get = |name: &str| variable(&format!("HEADWATER_INFLUXDB_{name}")).filter(|text| !text.is_empty());
        Self {
            url: get("URL"),
            version: get("VERSION"),
            database: get("DATABASE"),
            org: get("ORG"),
            bucket: get("BUCKET"),
            token: get("TOKEN").map(Secret::new),
            username: get("USERNAME"),
            password: get("PASSWORD").map(Secret::new),
        }
    }
}

/// An InfluxDB.
#[derive(Debug, Clone)]
pub struct InfluxDb {
    write_url: Url,
    access: Access,
}

#[derive(Debug, Clone)]
enum Access {
    Open,
    User(String, Secret),
    /// The word before a token, and the token.
    Token(&'static str, Secret),
}

impl InfluxDb {
    /// What the settings say; nothing, where there is no address.
    ///
    /// # Errors
    /// Which variable is missing or wrong.
    pub fn new(settings: InfluxDbSettings) -> Result<Option<Self>, String> {
        let Some(url) = settings.url else { return Ok(None) };
        let mut url = Url::parse(&url).map_err(|error| format!("HEADWATER_INFLUXDB_URL is not an address: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err("HEADWATER_INFLUXDB_URL must be an http:// or https:// address".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("HEADWATER_INFLUXDB_URL must hold no credentials; there are _USERNAME and _PASSWORD, or _TOKEN".to_owned());
        }
        let wanted = |value: Option<String>, name: &str, version: &str| {
            value.ok_or_else(|| format!("HEADWATER_INFLUXDB_{name} is required with version {version}"))
        };
        // Version 2 has buckets, and only it.
        let version = settings.version.as_deref().unwrap_or(if settings.bucket.is_some() { "2" } else { "1" });
        let base = url.path().trim_end_matches('/').to_owned();
        let (path, query, access) = match version {
            "1" => {
                let query = vec![("db", wanted(settings.database, "DATABASE", "1")?), ("precision", "ns".to_owned())];
                let user = settings.username.map(|user| Access::User(user, settings.password.unwrap_or_else(|| Secret::new(""))));
                ("/write", query, user.unwrap_or(Access::Open))
            }
            "2" => {
                let query = vec![
                    ("org", wanted(settings.org, "ORG", "2")?),
                    ("bucket", wanted(settings.bucket, "BUCKET", "2")?),
                    ("precision", "ns".to_owned()),
                ];
                ("/api/v2/write", query, settings.token.map_or(Access::Open, |token| Access::Token("Token", token)))
            }
            "3" => {
                let query = vec![("db", wanted(settings.database, "DATABASE", "3")?), ("precision", "nanosecond".to_owned())];
                ("/api/v3/write_lp", query, settings.token.map_or(Access::Open, |token| Access::Token("Bearer", token)))
            }
            other => return Err(format!("HEADWATER_INFLUXDB_VERSION is {other:?}; known are 1, 2, 3")),
        };
        url.set_path(&format!("{base}{path}"));
        url.query_pairs_mut().clear().extend_pairs(query);
        Ok(Some(Self { write_url: url, access }))
    }

    /// The host, for messages.
    #[must_use]
    pub fn host(&self) -> &str {
        self.write_url.host_str().unwrap_or_default()
    }

    /// Where lines are posted, with nanoseconds as their times.
    pub(crate) fn write_url(&self) -> Url {
        self.write_url.clone()
    }

    pub(crate) fn authorised(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.access {
            Access::Open => request,
            Access::User(user, password) => request.basic_auth(user, Some(password.expose())),
            Access::Token(word, token) => request.header(reqwest::header::AUTHORIZATION, format!("{word} {}", token.expose())),
        }
    }

    /// What the server says is wrong, behind a colon; nothing, if it does not say.
    pub(crate) fn complaint(&self, answer: &[u8]) -> String {
        let said = match serde_json::from_slice::<Value>(answer) {
            Ok(answer) => ["error", "message"].iter().find_map(|name| answer[*name].as_str().map(str::to_owned)),
            Err(_) => Some(String::from_utf8_lossy(answer).trim().to_owned()),
        };
        let said: String = said.unwrap_or_default().chars().filter(|c| !c.is_control()).take(COMPLAINT).collect();
        if said.is_empty() { said } else { format!(": {said}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Option<InfluxDb>, String> {
        let find = |name: &str| variables.iter().find(|(known, _)| name == format!("HEADWATER_INFLUXDB_{known}"));
        InfluxDb::new(InfluxDbSettings::from_variables(|name| find(name).map(|(_, value)| (*value).to_owned())))
    }

    #[test]
    fn each_version_has_its_address() {
        for (variables, url) in [
            (&[("URL", "http://h:8086"), ("DATABASE", "my db")][..], "http://h:8086/write?db=my+db&precision=ns"),
            (&[("URL", "http://h/influx/"), ("BUCKET", "b"), ("ORG", "o")], "http://h/influx/api/v2/write?org=o&bucket=b&precision=ns"),
            (&[("URL", "https://h"), ("DATABASE", "d"), ("VERSION", "3")], "https://h/api/v3/write_lp?db=d&precision=nanosecond"),
        ] {
            assert_eq!(read(variables).unwrap().unwrap().write_url().as_str(), url);
        }
        assert!(read(&[("DATABASE", "d")]).unwrap().is_none());
    }

    #[test]
    fn what_is_wrong_is_named_and_secrets_are_not_shown() {
        for (variables, word) in [
            (&[("URL", "h:8086")][..], "_URL"),
            (&[("URL", "http://u:pa55@h")], "_URL"),
            (&[("URL", "http://h")], "_DATABASE"),
            (&[("URL", "http://h"), ("VERSION", "2"), ("ORG", "o")], "_BUCKET"),
            (&[("URL", "http://h"), ("VERSION", "4")], "_VERSION"),
        ] {
            let error = read(variables).unwrap_err();
            assert!(error.contains(word) && !error.contains("pa55"), "{error}");
        }
        let server = read(&[("URL", "http://h"), ("DATABASE", "d"), ("USERNAME", "u"), ("PASSWORD", "pa55")]).unwrap().unwrap();
        assert!(!format!("{server:?}").contains("pa55"));
    }

    #[test]
    fn what_a_server_says_is_passed_on_in_short() {
        let server = read(&[("URL", "http://h"), ("DATABASE", "d")]).unwrap().unwrap();
        assert_eq!(server.complaint(br#"{"error":"database not found"}"#), ": database not found");
        assert_eq!(server.complaint(br#"{"code":"invalid","message":"no"}"#), ": no");
        assert_eq!(server.complaint(b"plain\n"), ": plain");
        assert_eq!(server.complaint(b""), "");
        assert!(server.complaint(&[b'x'; 10_000]).len() < 500);
    }
}
