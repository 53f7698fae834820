//! Client tokens: a making that is tried again, also by a later run, makes nothing twice.

use sha2::{Digest, Sha256};

use crate::aws::Names;

/// A token that is the same as long as the site, the stage, the name and `what` are.
///
/// AWS remembers a token longer than the thing may live, so `what` names those of the same name
/// that are gone: what comes after them is another. At most 64 ASCII characters.
/// Source: EC2 developer guide, "Ensuring idempotency in Amazon EC2 API requests".
pub fn token<'a>(names: &'a Names, name: &'a str, what: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for part in [names.site.as_str(), &names.stage, name].into_iter().chain(what) {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_making_has_the_same_token_and_the_next_another() {
        let names = Names::new("shop", "production", "1", "r");
        let first = token(&names, "nat", ["subnet-1"]);
        assert_eq!(first.len(), 32);
        assert_eq!(first, token(&names, "nat", ["subnet-1"]));
        assert_ne!(first, token(&names, "nat", ["subnet-1", "nat-1"]));
        assert_ne!(first, token(&Names::new("shop", "preview", "1", "r"), "nat", ["subnet-1"]));
    }
}
