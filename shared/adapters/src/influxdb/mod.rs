//! The InfluxDB that a host knows: where it is, what it is called there, how to be let in, and how points are written to it.

mod answers;
mod writer;

use std::sync::Arc;

use headwater_core::ports::PointStore;
use headwater_core::secret::Secret;
use reqwest::{Client, RequestBuilder, Url};

use crate::clock::SystemClock;
use crate::targets::http_client_trusting as client_trusting;

use writer::InfluxDbWriter;

/// What was set about an InfluxDB. The members are those of `HEADWATER_INFLUXDB_*`.
#[derive(Debug, Clone, Default)]
pub struct InfluxDbSettings {
    /// Where it is: `http://` or `https://`, host and port.
    pub url: Option<String>,
    /// `1`, `2` or `3`; by default, what the others speak for.
    pub version: Option<String>,
    /// The database, of versions 1 and 3. One of version 1 is made when it is not there.
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
    /// A PEM file with authorities to trust beside the system's.
    pub ca_file: Option<String>,
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
            ca_file: get("CA_FILE"),
        }
    }
}

/// An InfluxDB.
#[derive(Debug, Clone)]
pub struct InfluxDb {
    version: Version,
    /// The database or the bucket.
    name: String,
    /// Host and port, for messages.
    authority: String,
    write_url: Url,
    access: Access,
    client: Client,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
    Three,
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
        let (version, name, access) = match version {
            "1" => {
                let user = settings.username.map(|user| Access::User(user, settings.password.unwrap_or_else(|| Secret::new(""))));
                (Version::One, wanted(settings.database, "DATABASE", "1")?, user.unwrap_or(Access::Open))
            }
            "2" => {
                let access = settings.token.map_or(Access::Open, |token| Access::Token("Token", token));
                (Version::Two, wanted(settings.bucket, "BUCKET", "2")?, access)
            }
            "3" => {
                let access = settings.token.map_or(Access::Open, |token| Access::Token("Bearer", token));
                (Version::Three, wanted(settings.database, "DATABASE", "3")?, access)
            }
            other => return Err(format!("HEADWATER_INFLUXDB_VERSION is {other:?}; known are 1, 2, 3")),
        };
        let (path, query) = match version {
            Version::One => ("/write", vec![("db", name.clone()), ("precision", "ns".to_owned())]),
            Version::Two => {
                let org = wanted(settings.org, "ORG", "2")?;
                ("/api/v2/write", vec![("org", org), ("bucket", name.clone()), ("precision", "ns".to_owned())])
            }
            Version::Three => ("/api/v3/write_lp", vec![("db", name.clone()), ("precision", "nanosecond".to_owned())]),
        };
        let host = url.host_str().unwrap_or_default();
        let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        url.set_path(&format!("{base}{path}"));
        url.set_fragment(None);
        url.query_pairs_mut().clear().extend_pairs(query);
        let authorities = settings.ca_file.map(std::fs::read).transpose();
        let authorities = authorities.map_err(|error| format!("HEADWATER_INFLUXDB_CA_FILE cannot be read: {error}"))?;
        let client = client_trusting(authorities.as_deref()).map_err(|wrong| format!("HEADWATER_INFLUXDB_CA_FILE {wrong}"))?;
        Ok(Some(Self { version, name, authority, write_url: url, access, client }))
    }

    /// Where points go, for messages: `database "telegraf" of influxdb.example.org:8086`.
    #[must_use]
    pub fn place(&self) -> String {
        let what = if self.version == Version::Two { "bucket" } else { "database" };
        format!("{what} {:?} of {}", self.name, self.authority)
    }

    /// The store of points that this is.
    #[must_use]
    pub fn store(&self) -> Arc<dyn PointStore> {
        Arc::new(InfluxDbWriter::new(self.clone(), Arc::new(SystemClock::new())))
    }

    /// Host and port, for messages.
    fn authority(&self) -> &str {
        &self.authority
    }

    /// The database, where we make it ourselves if it is not there.
    fn creatable(&self) -> Option<&str> {
        (self.version == Version::One).then_some(&*self.name)
    }

    /// Where lines are posted, with nanoseconds as their times.
    fn write_url(&self) -> Url {
        self.write_url.clone()
    }

    /// Where statements are posted, of version 1.
    fn query_url(&self) -> Url {
        let mut url = self.write_url.clone();
        let base = url.path().strip_suffix("/write").unwrap_or_default().to_owned();
        url.set_path(&format!("{base}/query"));
        url.set_query(None);
        url
    }

    fn authorised(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.access {
            Access::Open => request,
            Access::User(user, password) => request.basic_auth(user, Some(password.expose())),
            Access::Token(word, token) => request.header(reqwest::header::AUTHORIZATION, format!("{word} {}", token.expose())),
        }
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
        let server = read(&[("URL", "http://h:8086/influx/"), ("DATABASE", "my db")]).unwrap().unwrap();
        assert_eq!(server.query_url().as_str(), "http://h:8086/influx/query");
        assert_eq!(server.place(), "database \"my db\" of h:8086");
        let server = read(&[("URL", "https://h/"), ("BUCKET", "b"), ("ORG", "o")]).unwrap().unwrap();
        assert_eq!(server.place(), "bucket \"b\" of h");
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
            (&[("URL", "https://h"), ("DATABASE", "d"), ("CA_FILE", "/nowhere/ca.pem")], "_CA_FILE"),
        ] {
            let error = read(variables).unwrap_err();
            assert!(error.contains(word) && !error.contains("pa55"), "{error}");
        }
        let server = read(&[("URL", "http://h"), ("DATABASE", "d"), ("USERNAME", "u"), ("PASSWORD", "pa55")]).unwrap().unwrap();
        assert!(!format!("{server:?}").contains("pa55"));
    }
}
