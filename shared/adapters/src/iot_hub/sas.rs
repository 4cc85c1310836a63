use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use headwater_core::ports::Timestamp;
use headwater_core::secret::Secret;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ring::hmac;

/// All but what RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A text with everything encoded that could mean something in an address.
pub(super) fn encoded(text: &str) -> impl std::fmt::Display + '_ {
    utf8_percent_encode(text, RESERVED)
}

/// The key of a hub's policy, with which all devices sign, too.
#[derive(Clone)]
pub(crate) struct SigningKey(hmac::Key);

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(headwater_core::secret::MASK)
    }
}

impl SigningKey {
    /// Reads a key, which connection strings hold in base64.
    pub(crate) fn new(key: &Secret) -> Result<Self, String> {
        let bytes = STANDARD.decode(key.expose()).map_err(|_| "the SharedAccessKey of the connection string is not base64".to_owned())?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// A shared access signature: that whoever holds the key lets somebody use a resource until a moment.
    ///
    /// With a policy the key is that of the policy; without one, that of the device which the resource is.
    pub(crate) fn token(&self, resource: &str, policy: Option<&str>, expiry: Timestamp) -> Secret {
        let (resource, expiry) = (encoded(resource), expiry.as_micros().div_euclid(1_000_000));
        let signature = hmac::sign(&self.0, format!("{resource}\n{expiry}").as_bytes());
        let signature = STANDARD.encode(signature);
        let policy = policy.map(|policy| format!("&skn={}", encoded(policy))).unwrap_or_default();
        Secret::new(format!("SharedAccessSignature sr={resource}&sig={}&se={expiry}{policy}", encoded(&signature)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPIRY: Timestamp = Timestamp::from_millis(1_700_000_000_999);

    fn key() -> SigningKey {
        SigningKey::new(&Secret::new("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")).unwrap()
    }

    /// The signatures were made by OpenSSL: `printf '…\n1700000000' | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef`.
    #[test]
    fn tokens_are_signed_as_others_sign_them() {
        assert_eq!(
            key().token("hub.example.net/devices/truck-01.0", None, EXPIRY).expose(),
            "SharedAccessSignature sr=hub.example.net%2Fdevices%2Ftruck-01.0&sig=SzVvA5x45zTuV9KCdmvH27oD%2FZZA6WukvRBULT4MfAM%3D&se=1700000000"
        );
        assert_eq!(
            key().token("hub.example.net", Some("iothubowner"), EXPIRY).expose(),
            "SharedAccessSignature sr=hub.example.net&sig=qJAs7JbvKSHaR6RvRA8%2B%2F3ZrwsOeFfr6nr%2F6evdWTnE%3D&se=1700000000&skn=iothubowner"
        );
        assert_eq!(
            key().token("h/devices/a b~%#", Some("my policy"), EXPIRY).expose(),
            "SharedAccessSignature sr=h%2Fdevices%2Fa%20b~%25%23&sig=BrmKu%2Bqf2P6GL5rdDMsDxUd5EYpCGZDIwgJXlm%2BfwFg%3D&se=1700000000&skn=my%20policy"
        );
    }

    #[test]
    fn a_key_is_base64_and_does_not_print() {
        let error = SigningKey::new(&Secret::new("no base64!")).unwrap_err();
        assert!(error.contains("SharedAccessKey") && !error.contains("no base64"), "{error}");
        assert_eq!(format!("{:?}", key()), headwater_core::secret::MASK);
    }
}
