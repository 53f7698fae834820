//! Tokens that let their bearer see a release that is not live.
//!
//! A token is `<release>.<expiry>.<kind>.<proof>`: the expiry in seconds since 1970, the proof an
//! HMAC-SHA256 over what is before it and the password, with a secret that lies in the edge store.
//! The edge function checks it, so no list of tokens is kept anywhere.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::id::ReleaseId;

/// The key of the secret in the edge store.
pub const KEY: &str = "preview";
/// The field of a link's query string that holds the token.
pub const FIELD: &str = "arq-preview";
/// The cookie that holds the token afterwards.
///
/// The prefix makes browsers refuse it from any other host. Source: RFC 6265bis, section 4.1.3.2.
pub const COOKIE: &str = "__Host-arq-preview";
/// Bytes of a secret.
pub const SECRET_BYTES: usize = 32;

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind<'a> {
    /// A link that opens the preview.
    Open,
    /// A link that asks for this password first.
    Password(&'a str),
    /// The cookie of a browser in which a link was opened.
    Cookie,
}

/// The text of a secret from random bytes.
pub fn secret(random: [u8; SECRET_BYTES]) -> String {
    URL_SAFE_NO_PAD.encode(random)
}

/// The key of the edge store under which a release's slot lies.
pub fn slot_key(release: &ReleaseId) -> String {
    format!("{release}:p")
}

/// A token for `release` that ends at `expiry`, in seconds since 1970.
pub fn token(secret: &str, release: &ReleaseId, expiry: i64, kind: Kind<'_>) -> String {
    let (letter, password) = match kind {
        Kind::Open => ('o', ""),
        Kind::Password(password) => ('p', password),
        Kind::Cookie => ('c', ""),
    };
    let said = format!("{release}.{expiry}.{letter}");
    // A key of any length will do.
    let proof = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
        .map(|mac| mac.chain_update(format!("{said}.{password}")).finalize().into_bytes())
        .unwrap_or_default();
    format!("{said}.{}", URL_SAFE_NO_PAD.encode(proof))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_token_is_what_openssl_makes_of_it() {
        let release = ReleaseId::parse("20250310-020405-0123456789").unwrap();
        // printf 20250310-020405-0123456789.1741572245.p.pão | openssl dgst -sha256 -hmac secret -binary
        //   | basenc --base64url | tr -d =
        let token = token("secret", &release, 1_741_572_245, Kind::Password("pão"));
        assert_eq!(token, "20250310-020405-0123456789.1741572245.p.hbon_2omT-MWsvDKQenzlsjc9g1gPzTsQ_a9IPOGKsI");
        assert_eq!(secret([0; SECRET_BYTES]).len(), 43);
        assert_eq!(slot_key(&release), "20250310-020405-0123456789:p");
    }
}
