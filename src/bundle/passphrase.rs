//! Texts behind a passphrase: age files that `age -d` opens, too.

use std::io::{self, Read, Write};

use age::scrypt;
use age::secrecy::SecretString;
use zeroize::Zeroizing;

/// Encrypts `text` for whoever knows the passphrase.
pub fn lock_text(text: &[u8], passphrase: &str) -> io::Result<Vec<u8>> {
    let mut recipient = scrypt::Recipient::new(SecretString::from(passphrase.to_owned()));
    recipient.set_work_factor(WORK_FACTOR);
    let encryptor = age::Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient))
        .expect("one passphrase is always a valid set");
    let mut out = encryptor.wrap_output(Vec::new())?;
    out.write_all(text)?;
    out.finish()
}

/// Opens what [`lock_text`] or `age -p` has made. `None`: it is another passphrase, or the bytes are not those that were made.
pub fn unlock_text(locked: &[u8], passphrase: &str, bytes_max: u64) -> Option<Zeroizing<Vec<u8>>> {
    let mut identity = scrypt::Identity::new(SecretString::from(passphrase.to_owned()));
    identity.set_max_work_factor(WORK_FACTOR_MAX);
    let decryptor = age::Decryptor::new(locked).ok()?;
    let opened = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).ok()?;
    // Room for all of it at once: a buffer that grows leaves copies of a secret behind.
    let mut text = Zeroizing::new(Vec::with_capacity(locked.len()));
    opened.take(bytes_max).read_to_end(&mut text).ok()?;
    Some(text)
}

/// How dear one try is, as a power of two: 64 MiB and some tenths of a second.
const WORK_FACTOR: u8 = 16;
/// The dearest that is tried: a file must not be able to ask for all memory.
const WORK_FACTOR_MAX: u8 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_passphrase_opens_a_text_and_no_byte_of_it_can_change() {
        let locked = lock_text(b"secret", "correct horse").unwrap();
        assert_eq!(unlock_text(&locked, "correct horse", 100).unwrap().as_slice(), b"secret");
        assert!(unlock_text(&locked, "Correct horse", 100).is_none());
        let mut changed = locked.clone();
        *changed.last_mut().unwrap() ^= 1;
        assert!(unlock_text(&changed, "correct horse", 100).is_none());
        assert!(unlock_text(b"", "correct horse", 100).is_none());
    }
}
