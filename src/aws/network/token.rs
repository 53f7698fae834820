//! Client tokens: a making that is tried again, also by a later run, makes nothing twice.

use std::time::SystemTime;

use sha2::{Digest, Sha256};

use crate::aws::Names;

/// A token that is the same as long as the site, the stage, the name, `what` and the hour are.
///
/// AWS remembers a token longer than the thing may live, and a making after its end must not be
/// taken for the first one: so `what` names those of the same name that are gone, and the hour
/// those of which AWS tells nothing any more. At most 64 ASCII characters.
/// Source: EC2 developer guide, "Ensuring idempotency in Amazon EC2 API requests".
pub fn token<'a>(names: &'a Names, name: &'a str, what: impl IntoIterator<Item = &'a str>) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    token_of(now.as_secs() / 3600, names, name, what)
}

fn token_of<'a>(hour: u64, names: &'a Names, name: &'a str, what: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    hash.update(hour.to_be_bytes());
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
        let first = token_of(1, &names, "nat", ["subnet-1"]);
        assert_eq!(first.len(), 32);
        assert_eq!(first, token_of(1, &names, "nat", ["subnet-1"]));
        assert_ne!(first, token_of(1, &names, "nat", ["subnet-1", "nat-1"]));
        assert_ne!(first, token_of(2, &names, "nat", ["subnet-1"]));
        assert_ne!(first, token_of(1, &Names::new("shop", "preview", "1", "r"), "nat", ["subnet-1"]));
    }
}
