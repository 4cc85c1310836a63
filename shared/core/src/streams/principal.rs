use std::fmt;

use serde::{Deserialize, Serialize};

/// Who owns a stream, in the form of Kerberos: `primary`, `primary@REALM` or `primary/host@REALM`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Principal(String);

/// A text that is no principal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("principal: {0:?} has none of the forms primary, primary@REALM and primary/host@REALM")]
pub struct PrincipalError(String);

impl Principal {
    /// Reads a principal.
    ///
    /// # Errors
    /// When it has none of the three forms.
    pub fn parse(text: &str) -> Result<Self, PrincipalError> {
        let (name, realm) = text.split_once('@').map_or((text, None), |(name, realm)| (name, Some(realm)));
        let parts: Vec<&str> = name.split('/').collect();
        let plain =
            |part: &str| !part.is_empty() && !part.contains(['@', '/']) && !part.chars().any(|c| c.is_control() || c.is_whitespace());
        let legal = parts.len() <= 1 + usize::from(realm.is_some()) && parts.iter().all(|part| plain(part)) && realm.is_none_or(plain);
        if legal { Ok(Self(text.to_owned())) } else { Err(PrincipalError(text.to_owned())) }
    }

    /// The principal as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_three_forms_are_principals() {
        for good in ["alice", "alice@REALM", "alice/host.example@REALM.NET"] {
            assert_eq!(Principal::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "@", "a@", "@R", "a/b/c@R", "a@b@c", "/h@R", "a/@R", "a@R/x", "a b@R", "a/b"] {
            assert!(Principal::parse(bad).is_err(), "{bad:?} was accepted");
        }
    }
}
