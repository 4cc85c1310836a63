use std::str::FromStr;

/// Which hosts may be called on a user's word. Without a list: all.
///
/// An entry is `host` or `host:port`; a leading `*.` stands for any subdomain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutboundHosts(Option<Vec<(String, Option<u16>)>>);

impl FromStr for OutboundHosts {
    type Err = String;

    /// Reads a comma-separated list; an empty text allows nothing.
    fn from_str(text: &str) -> Result<Self, String> {
        let entry = |entry: &str| {
            let (host, port) = match entry.rsplit_once(':') {
                Some((host, port)) if !host.is_empty() && !port.contains(']') => {
                    (host, Some(port.parse().map_err(|_| format!("{entry:?} is neither a host nor host:port"))?))
                }
                _ => (entry, None),
            };
            Ok((host.to_ascii_lowercase(), port))
        };
        let entries = text.split(',').map(str::trim).filter(|text| !text.is_empty()).map(entry);
        Ok(Self(Some(entries.collect::<Result<_, String>>()?)))
    }
}

impl OutboundHosts {
    /// Whether an address may be called; the text says why not.
    pub(super) fn check_url(&self, url: &str) -> Result<(), String> {
        if self.0.is_none() {
            return Ok(());
        }
        let parsed = reqwest::Url::parse(url).map_err(|error| format!("is not an address: {error}"))?;
        self.check(parsed.host_str().unwrap_or_default(), parsed.port_or_known_default())
    }

    /// Whether a host may be called at a port; the text says why not.
    ///
    /// # Errors
    /// That it is not on the list.
    pub fn check(&self, host: &str, port: Option<u16>) -> Result<(), String> {
        let Some(allowed) = &self.0 else { return Ok(()) };
        let matches = |(pattern, listed): &(String, Option<u16>)| {
            let same_host = match pattern.strip_prefix("*.") {
                Some(domain) => host.strip_suffix(domain).is_some_and(|sub| sub.ends_with('.')),
                None => host == pattern,
            };
            same_host && listed.is_none_or(|listed| port == Some(listed))
        };
        if allowed.iter().any(matches) {
            Ok(())
        } else {
            Err(format!("this server may not call {host}: it is not on its list of allowed hosts"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_hosts_are_called() {
        let hosts: OutboundHosts = "in.example.org:8080, *.example.com,127.0.0.1".parse().unwrap();
        for url in ["http://in.example.org:8080/x", "https://a.b.example.com", "http://127.0.0.1:1/"] {
            assert_eq!(hosts.check_url(url), Ok(()), "{url}");
        }
        for url in [
            "http://in.example.org/x",
            "https://example.com",
            "http://badexample.com",
            "http://127.0.0.1.evil.org",
            "http://127.0.0.1@evil.org/",
        ] {
            assert!(hosts.check_url(url).is_err(), "{url}");
        }
        assert_eq!(OutboundHosts::default().check_url("http://anywhere"), Ok(()));
        assert!("a:b".parse::<OutboundHosts>().is_err());
    }
}
