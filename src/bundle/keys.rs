//! The two key pairs of a site: minisign to sign, age X25519 to encrypt. Text in, text out; files are `config`'s.

use std::fmt;
use std::io::{self, Cursor, Read, Write};
use std::str::FromStr;

use age::secrecy::ExposeSecret;
use age::x25519;
use minisign::{KeyPair, PublicKey, PublicKeyBox, SecretKey, SecretKeyBox};
use zeroize::Zeroizing;

use crate::bundle::signature::{UNTRUSTED_COMMENT, signature_from_text};
use crate::bundle::text::read_bytes;
use crate::model::{bytes_from_hex, hex_from_bytes};

/// The secret half of a site's signing key. Shows nothing and cannot be copied.
///
/// The text of a key file is wiped; the key inside is the crate's own type, which does not wipe itself.
pub struct SigningKey {
    secret: SecretKey,
    public: VerifyingKey,
}

impl SigningKey {
    /// Draws a new key from the system's randomness.
    pub fn generate() -> Result<Self, KeyError> {
        let pair = KeyPair::generate_unencrypted_keypair().map_err(|_| KeyError::Signing)?;
        Ok(SigningKey { secret: pair.sk, public: VerifyingKey(pair.pk) })
    }

    /// Reads a secret key file as `minisign -G -W` writes it.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        let boxed = SecretKeyBox::from_string(text).map_err(|_| KeyError::Signing)?;
        let secret = SecretKey::from_unencrypted_box(boxed)
            .or_else(|error| key_without_checksum(text).ok_or(error))
            .map_err(|_| KeyError::Signing)?;
        let public = PublicKey::from_secret_key(&secret).map_err(|_| KeyError::Signing)?;
        Ok(SigningKey { secret, public: VerifyingKey(public) })
    }

    /// Writes the secret key file that the `minisign` program reads.
    pub fn to_text(&self) -> Result<Zeroizing<String>, KeyError> {
        let boxed = self.secret.to_box(Some("packmule secret signing key")).map_err(|_| KeyError::Signing)?;
        Ok(Zeroizing::new(boxed.into_string()))
    }

    /// The half that everybody may have.
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.public
    }

    /// Signs `message` (prehashed) and returns the text of a `.minisig` file. `trusted_comment` is signed too.
    pub fn sign(&self, message: &[u8], trusted_comment: &str) -> Result<String, KeyError> {
        let signature = minisign::sign(
            Some(&self.public.0),
            &self.secret,
            Cursor::new(message),
            Some(trusted_comment),
            Some(UNTRUSTED_COMMENT),
        );
        Ok(signature.map_err(|_| KeyError::Signing)?.into_string())
    }
}

/// Reads a key as newer `minisign -G -W` writes it: with zeros for the checksum, which the crate takes for a
/// wrong one. A damaged key is still noticed, at its first signature.
fn key_without_checksum(text: &str) -> Option<SecretKey> {
    let bytes = Zeroizing::new(read_bytes(text.lines().nth(1)?.trim())?);
    let not_encrypted = bytes.get(2..4)? == [0, 0];
    let no_checksum = bytes.get(CHECKSUM_AT..)? == [0; 32];
    if not_encrypted && no_checksum { SecretKey::from_bytes(&bytes).ok() } else { None }
}

/// Where the checksum stands: behind three algorithms, salt, two limits, key id and the key itself.
const CHECKSUM_AT: usize = 6 + 32 + 16 + 8 + 64;

/// The public half of a site's signing key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyingKey(PublicKey);

impl VerifyingKey {
    /// Which key this is; a signature names the key that made it in the same way.
    pub fn id(&self) -> KeyId {
        let mut id = [0; 8];
        id.copy_from_slice(self.0.keynum());
        KeyId(id)
    }

    /// The text of a public key file, for the `minisign` program.
    pub fn to_file_text(&self) -> Result<String, KeyError> {
        Ok(self.0.to_box().map_err(|_| KeyError::Signing)?.into_string())
    }

    /// Whether `signature`, the text of a `.minisig` file, was made by this key over exactly `message`.
    ///
    /// Only prehashed signatures count: the legacy form would let a signer of one form be taken for the other.
    pub fn verifies(&self, message: &[u8], signature: &str) -> bool {
        signature_from_text(signature).is_some_and(|signature| {
            minisign::verify(&self.0, &signature, Cursor::new(message), true, false, false).is_ok()
        })
    }
}

impl fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_base64())
    }
}

impl FromStr for VerifyingKey {
    type Err = KeyError;

    /// Reads the one line of base64 that [`Display`](fmt::Display) writes.
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let public = PublicKey::from_base64(text)
            .or_else(|_| PublicKeyBox::from_string(text).and_then(PublicKeyBox::into_public_key));
        Ok(VerifyingKey(public.map_err(|_| KeyError::Signing)?))
    }
}

/// The 8 bytes by which a minisign signature names its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; 8]);

impl KeyId {
    /// The key that a `.minisig` text claims to be made by. `None` when the text is not a signature.
    pub fn of_signature(signature: &str) -> Option<Self> {
        signature_from_text(signature)?.keynum().try_into().ok().map(KeyId)
    }
}

impl FromStr for KeyId {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let bytes = bytes_from_hex(text).filter(|_| !text.bytes().any(|b| b.is_ascii_lowercase()));
        let mut id: [u8; 8] = bytes.and_then(|bytes| bytes.try_into().ok()).ok_or(KeyError::Signing)?;
        id.reverse();
        Ok(KeyId(id))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `minisign` prints the id as a little-endian number; people compare what they see there.
        let mut bytes = self.0;
        bytes.reverse();
        f.write_str(&hex_from_bytes(&bytes).to_uppercase())
    }
}

/// The secret half of a site's encryption key, and of those that it had before.
pub struct Identity {
    own: x25519::Identity,
    /// What was sealed for these still opens.
    before: Vec<x25519::Identity>,
}

impl Identity {
    /// Draws a new key from the system's randomness.
    pub fn generate() -> Self {
        Identity { own: x25519::Identity::generate(), before: Vec::new() }
    }

    /// Reads an identity file as `age-keygen` writes it: comment lines and one `AGE-SECRET-KEY-1...`.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        match (lines.next(), lines.next()) {
            (Some(line), None) => {
                let own = line.parse().map_err(|_| KeyError::Encryption)?;
                Ok(Identity { own, before: Vec::new() })
            }
            _ => Err(KeyError::Encryption),
        }
    }

    /// Writes the identity file that the `age` program reads.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!(
            "# packmule encryption key; public: {}\n{}\n",
            self.own.to_public(),
            self.own.to_string().expose_secret()
        ))
    }

    /// The same key, which also opens what was sealed for `before`.
    pub fn with(mut self, before: Identity) -> Self {
        self.before.push(before.own);
        self
    }

    /// The half that everybody may have.
    pub fn recipient(&self) -> Recipient {
        Recipient(self.own.to_public())
    }

    /// Opens a small text that was encrypted for this key. `None`: it was not, or is not what was encrypted.
    pub fn open_text(&self, sealed: &[u8], bytes_max: u64) -> Option<Zeroizing<Vec<u8>>> {
        let mut text = Zeroizing::new(Vec::with_capacity(sealed.len()));
        self.decrypt(sealed).ok()?.take(bytes_max).read_to_end(&mut text).ok()?;
        Some(text)
    }

    /// Opens an age stream that was encrypted for this key, or for one that the site had before.
    pub(crate) fn decrypt<R: io::Read>(
        &self,
        source: R,
    ) -> Result<age::stream::StreamReader<R>, age::DecryptError> {
        let all = std::iter::once(&self.own).chain(&self.before);
        age::Decryptor::new(source)?.decrypt(all.map(|one| one as &dyn age::Identity))
    }
}

/// The public half of a site's encryption key: `age1...`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient(x25519::Recipient);

impl Recipient {
    /// Encrypts a small text that only this recipient can open.
    pub fn seal_text(&self, text: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = self.encrypt(Vec::new())?;
        out.write_all(text)?;
        out.finish()
    }

    /// Begins an age stream that only this recipient can open.
    pub(crate) fn encrypt<W: io::Write>(&self, out: W) -> io::Result<age::stream::StreamWriter<W>> {
        age::Encryptor::with_recipients(std::iter::once(&self.0 as &dyn age::Recipient))
            .expect("one X25519 recipient is always a valid set")
            .wrap_output(out)
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for Recipient {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        text.parse().map(Recipient).map_err(|_| KeyError::Encryption)
    }
}

/// The halves of a site's two keys that everybody may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKeys {
    /// The key that its bundles are signed with.
    pub verifying: VerifyingKey,
    /// The key to encrypt for.
    pub recipient: Recipient,
}

/// Why a text is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a minisign key, or one behind a passphrase.
    #[error("this is not a minisign key that packmule can use")]
    Signing,
    /// Not an age X25519 key.
    #[error("this is not an age X25519 key")]
    Encryption,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signing_key_is_read_back_as_written_and_signs_the_same() {
        let key = SigningKey::generate().unwrap();
        let again = SigningKey::from_text(&key.to_text().unwrap()).unwrap();
        let signature = again.sign(b"manifest", "about lab-a").unwrap();
        assert_eq!(KeyId::of_signature(&signature), Some(key.verifying_key().id()));
        assert_eq!(key.verifying_key().id().to_string().parse::<KeyId>().unwrap(), key.verifying_key().id());
        assert!(key.verifying_key().verifies(b"manifest", &signature));
        assert!(!key.verifying_key().verifies(b"manifesto", &signature));
        let public: VerifyingKey = key.verifying_key().to_string().parse().unwrap();
        assert_eq!(&public, key.verifying_key());
        let other = SigningKey::generate().unwrap();
        assert!(!other.verifying_key().verifies(b"manifest", &signature));
    }

    #[test]
    fn a_key_of_the_minisign_program_is_read_and_fits_its_public_half() {
        let key = SigningKey::from_text(include_str!("../../bundles/keys/lab-a.minisign.key")).unwrap();
        let public: VerifyingKey =
            include_str!("../../bundles/keys/lab-a.minisign.pub").lines().nth(1).unwrap().parse().unwrap();
        assert_eq!(*key.verifying_key(), public);
        assert!(public.verifies(b"manifest", &key.sign(b"manifest", "about lab-a").unwrap()));
    }

    #[test]
    fn an_identity_is_read_back_as_written_and_opens_what_was_sealed_for_it() {
        let identity = Identity::generate();
        let recipient: Recipient = identity.recipient().to_string().parse().unwrap();
        let mut out = recipient.encrypt(Vec::new()).unwrap();
        out.write_all(b"rows").unwrap();
        let sealed = out.finish().unwrap();
        let again = Identity::from_text(&identity.to_text()).unwrap();
        let mut text = String::new();
        again.decrypt(sealed.as_slice()).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "rows");
        assert!(Identity::generate().decrypt(sealed.as_slice()).is_err());
        let newer = Identity::generate().with(again);
        assert_ne!(newer.recipient(), recipient);
        assert!(newer.decrypt(sealed.as_slice()).is_ok());
    }
}
