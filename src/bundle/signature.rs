//! The one spelling that the text of a `.minisig` file may have here.
//!
//! `minisign` itself reads any comment, any line end and any bytes behind the last line, and fails hard
//! on a short second signature. A bundle whose file can change without its signature noticing is a
//! bundle whose damage is not noticed, so everything but the one spelling is refused before that.

use minisign::SignatureBox;

/// Reads the text that [`crate::bundle::SigningKey::sign`] writes. `None` for anything else, even where
/// the signature in it would be good; a legacy signature (not prehashed) is anything else too.
pub(crate) fn signature_from_text(text: &str) -> Option<SignatureBox> {
    let mut lines = text.split('\n');
    let comment = lines.next()?.strip_prefix("untrusted comment: ")?;
    let signature = lines.next()?;
    let trusted = lines.next()?.strip_prefix("trusted comment: ")?;
    let global = lines.next()?;
    let ends = lines.next() == Some("") && lines.next().is_none();
    // The lengths first: `minisign` would otherwise take slices of what may not be there.
    let fits = comment == UNTRUSTED_COMMENT
        && signature.len() == SIGNATURE_CHARS
        && global.len() == GLOBAL_CHARS
        && trusted.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        && ends;
    if !fits {
        return None;
    }
    let parsed = SignatureBox::from_string(text).ok()?;
    (parsed.is_prehashed() && parsed.to_string() == text).then_some(parsed)
}

/// The trusted comment of a signature text, without proof.
pub(crate) fn trusted_comment(text: &str) -> Option<&str> {
    text.split('\n').nth(2)?.strip_prefix("trusted comment: ")
}

/// The comment that is not signed; a fixed text, so that no bit of it can change unseen.
pub(crate) const UNTRUSTED_COMMENT: &str = "signature by packmule";
/// Base64 of algorithm, key id and signature: 74 bytes.
const SIGNATURE_CHARS: usize = 100;
/// Base64 of the signature over signature and trusted comment: 64 bytes.
const GLOBAL_CHARS: usize = 88;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::SigningKey;

    #[test]
    fn no_byte_of_a_signature_text_can_change_and_still_be_good() {
        let key = SigningKey::generate().unwrap();
        let text = key.sign(b"manifest", "bundle 1").unwrap();
        assert!(signature_from_text(&text).is_some());
        assert_eq!(trusted_comment(&text), Some("bundle 1"));
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            assert!(!key.verifying_key().verifies(b"manifest", &changed), "byte {at}");
        }
    }

    #[test]
    fn a_text_with_more_or_less_in_it_is_no_signature() {
        let text = SigningKey::generate().unwrap().sign(b"manifest", "bundle 1").unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let short = [lines[0], lines[1], lines[2], &lines[3][..84]].join("\n") + "\n";
        for changed in [short, format!("{text}\n"), text.replace('\n', "\r\n"), text.trim_end().into()] {
            assert!(signature_from_text(&changed).is_none(), "{changed:?}");
        }
    }
}
