//! Six words by which two people compare keys over the telephone.

use bip39::Mnemonic;
use sha2::{Digest as _, Sha256};

use crate::bundle::{Recipient, VerifyingKey};

/// Returns the six English words of a site's two public keys, the same on every computer and for ever.
///
/// They are the first 66 bits of a SHA-256, 11 bits a word, from the list of BIP-39: short words, none of which
/// begins with the same four letters as another. Whoever wanted other keys with the same six words would have
/// to make 2^66 of them.
pub fn six_words(verifying: &VerifyingKey, recipient: &Recipient) -> String {
    // Two lines of text under a headline, so that `sha256sum` alone can check them.
    let hash = Sha256::digest(format!("packmule-words/1\n{verifying}\n{recipient}\n"));
    // BIP-39 cuts its input into 11 bits a word, first bits first; the checksum touches the twelfth word only.
    let mnemonic = Mnemonic::from_entropy(&hash[..16]).expect("BIP-39 takes 16 bytes");
    mnemonic.words().take(6).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_two_keys_never_change() {
        let verifying = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3".parse().unwrap();
        let recipient = "age1r7f8zycudukjxphyr60d422hkdrpsmfr5qve5gq9rdlfu0ammgdqa5jj0g";
        let recipient: Recipient = recipient.parse().unwrap();
        assert_eq!(six_words(&verifying, &recipient), "account mean dove text crawl success");
    }
}
