//! How a lab reaches the centre by network, sealed in the centre's answer for the lab's key alone.

use std::io::{Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::bundle::{Identity, Recipient};
use crate::config::error::CardError;
use crate::config::secret::Secret;

/// How a lab reaches the centre by network.
#[derive(Debug)]
pub struct CentralAccess {
    /// The address, with the lab's account in it and without its password.
    pub url: String,
    /// The account's password.
    pub password: Secret,
    /// The certificate of the authority that signed the server's, as PEM, where it is not a public one.
    pub ca: Option<String>,
}

/// The same, encrypted: what stands in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedAccess {
    pub(super) version: u16,
    pub(super) sealed: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    url: String,
    password: String,
    ca: Option<String>,
}

impl CentralAccess {
    /// Encrypts this for one lab.
    pub fn seal(&self, lab: &Recipient) -> std::io::Result<SealedAccess> {
        let content = Content {
            url: self.url.clone(),
            password: self.password.expose().to_owned(),
            ca: self.ca.clone(),
        };
        let text = Zeroizing::new(serde_json::to_string(&content).expect("texts are always JSON"));
        let _wiped = Zeroizing::new(content.password);
        let mut out = lab.encrypt(Vec::new())?;
        out.write_all(text.as_bytes())?;
        Ok(SealedAccess { version: VERSION, sealed: STANDARD.encode(out.finish()?) })
    }
}

impl SealedAccess {
    /// Opens it with the lab's key. `None`: it is in a form that a newer packmule made.
    pub fn open(&self, identity: &Identity) -> Result<Option<CentralAccess>, CardError> {
        if self.version != VERSION {
            return Ok(None);
        }
        let sealed = STANDARD.decode(&self.sealed).map_err(|_| CardError::Malformed)?;
        let mut text = Zeroizing::new(String::new());
        let opened = identity.decrypt(sealed.as_slice()).map_err(|_| CardError::NotForThisKey)?;
        opened.take(CONTENT_BYTES_MAX).read_to_string(&mut text).map_err(|_| CardError::NotForThisKey)?;
        let content: Content = serde_json::from_str(&text).map_err(|_| CardError::Malformed)?;
        let Content { url, password, ca } = content;
        Ok(Some(CentralAccess { url, password: Secret::new(password), ca }))
    }
}

const VERSION: u16 = 1;
const CONTENT_BYTES_MAX: u64 = 48 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_labs_own_key_opens_it() {
        let lab = Identity::generate();
        let access = CentralAccess {
            url: "mysql://packmule_lab-a@h/d".into(),
            password: Secret::new("hunter2".into()),
            ca: Some("PEM".into()),
        };
        let sealed = access.seal(&lab.recipient()).unwrap();
        assert!(!format!("{sealed:?}").contains("hunter2"));
        let opened = sealed.open(&lab).unwrap().unwrap();
        assert_eq!(
            (opened.url.as_str(), opened.password.expose()),
            ("mysql://packmule_lab-a@h/d", "hunter2")
        );
        assert!(matches!(sealed.open(&Identity::generate()), Err(CardError::NotForThisKey)));
        let newer = SealedAccess { version: 2, ..sealed };
        assert!(newer.open(&lab).unwrap().is_none());
    }
}
