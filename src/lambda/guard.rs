//! Who may ask at all: the distribution, known by the origin secret.

use http::HeaderMap;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// Header in which CloudFront sends the secret.
const HEADER: &str = "x-arq-origin";

/// The hashes of the secrets that are accepted: one, or two while it is changed.
pub struct Guard {
    accepted: Vec<String>,
}

impl Guard {
    /// `accepted` is a list of lower-case hexadecimal SHA-256, separated by commas. With none,
    /// nothing is let through.
    pub fn new(accepted: &str) -> Self {
        let hashes = accepted.split(',').map(str::trim).filter(|hash| hash.len() == 64);
        Self { accepted: hashes.map(str::to_owned).collect() }
    }

    /// Whether the request came through the distribution.
    pub fn admits(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(HEADER).map(|value| value.as_bytes()).unwrap_or_default();
        let hash: String = Sha256::digest(given).iter().map(|byte| format!("{byte:02x}")).collect();
        // SECURITY: all are compared, each in constant time, so that time tells nothing.
        let none = Choice::from(0);
        let any = self.accepted.iter().fold(none, |any, one| any | one.as_bytes().ct_eq(hash.as_bytes()));
        any.into()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// SHA-256 of "secret".
    const SECRET: &str = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

    fn headers(secret: &str) -> HeaderMap {
        HeaderMap::from_iter([(HEADER.parse().unwrap(), secret.parse().unwrap())])
    }

    #[test]
    fn the_secret_is_needed_and_either_of_two_will_do() {
        let other = "0".repeat(64);
        assert!(Guard::new(SECRET).admits(&headers("secret")));
        assert!(Guard::new(&format!("{other}, {SECRET}")).admits(&headers("secret")));
        assert!(!Guard::new(SECRET).admits(&headers("Secret")));
        assert!(!Guard::new(SECRET).admits(&HeaderMap::new()));
    }

    #[test]
    fn without_a_secret_nothing_is_let_through() {
        for none in ["", ",", "short"] {
            assert!(!Guard::new(none).admits(&headers("")), "{none}");
        }
    }
}
