//! Bearer tokens: made once, shown once, kept as a hash.

use std::collections::HashMap;
use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::auth::Identity;
use crate::store::{Document, Documents, Fields, Page, StoreError};

/// The reserved collection that keeps them.
pub const COLLECTION: &str = "tokens";
/// What every token begins with, so that scanners for leaked secrets can know it.
const PREFIX: &str = "arq_";
/// Random bytes of a token's id.
const ID_BYTES: usize = 9;
/// Random bytes of a token's secret.
const SECRET_BYTES: usize = 32;
/// How long an answer of the store is believed.
const BELIEVED: SignedDuration = SignedDuration::from_secs(30);
/// Most tokens that are remembered.
const REMEMBERED: usize = 1000;

/// What is known of a token.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Token {
    /// Id, also the part of the token after `arq_`.
    pub id: String,
    /// What it is for, in its maker's words.
    pub name: String,
    /// Role that rules see.
    pub role: String,
    /// When it was made.
    pub created: String,
    /// When it ends; `None` when it does not.
    pub expires: Option<String>,
    #[serde(skip)]
    hash: String,
}

/// Checks tokens, and remembers for a short time what the store said.
#[derive(Debug, Default)]
pub struct Tokens {
    seen: Mutex<HashMap<String, (Timestamp, Option<Token>)>>,
}

/// Makes a token and keeps its hash. The text is given once.
pub async fn create(
    documents: &dyn Documents,
    name: &str,
    role: &str,
    expires: Option<Timestamp>,
    now: Timestamp,
) -> Result<(Token, String), StoreError> {
    // An id is typed on the command line, where one that begins with a hyphen is an option.
    let id = random::<ID_BYTES>()?.replace('-', "h").replace('_', "u");
    let secret = random::<SECRET_BYTES>()?;
    let mut fields = Fields::new();
    fields.insert("name".into(), json!(name));
    fields.insert("role".into(), json!(role));
    fields.insert("expires".into(), expires.map_or(Value::Null, |at| json!(at.to_string())));
    fields.insert("sha256".into(), json!(hash(&secret)));
    let at = format!("{now:.3}");
    let document = Document { id: id.clone(), version: 1, created: at.clone(), updated: at, fields };
    documents.create(COLLECTION, &document).await?;
    let token = read(&document).ok_or_else(|| StoreError::failed(COLLECTION, "a new token cannot be read"))?;
    Ok((token, format!("{PREFIX}{id}_{secret}")))
}

/// All tokens, without what could be used.
pub async fn list(documents: &dyn Documents) -> Result<Vec<Token>, StoreError> {
    let mut tokens = Vec::new();
    let mut page = Page { limit: crate::store::PAGE, after: None, newest_first: false };
    loop {
        let listing = documents.list(COLLECTION, &page).await?;
        tokens.extend(listing.documents.iter().filter_map(read));
        match listing.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    tokens.sort_by(|a, b| a.created.cmp(&b.created));
    Ok(tokens)
}

/// Revokes a token; says whether there was one.
pub async fn remove(documents: &dyn Documents, id: &str) -> Result<bool, StoreError> {
    documents.delete(COLLECTION, id, None).await
}

impl Tokens {
    /// Whose token this is; `None` when it is unknown, revoked or expired.
    pub async fn check(
        &self,
        documents: &dyn Documents,
        text: &str,
        now: Timestamp,
    ) -> Result<Option<Identity>, StoreError> {
        let Some((id, secret)) = split(text) else { return Ok(None) };
        let Some(token) = self.token(documents, id, now).await? else { return Ok(None) };
        // SECURITY: in constant time, so that nobody can feel their way along the hash.
        let right: bool = hash(secret).as_bytes().ct_eq(token.hash.as_bytes()).into();
        let ended = |at: &String| at.parse::<Timestamp>().map_or(true, |at| at <= now);
        let valid = right && !token.expires.as_ref().is_some_and(ended);
        Ok(valid.then_some(Identity { id: token.id, role: token.role }))
    }

    async fn token(&self, documents: &dyn Documents, id: &str, now: Timestamp) -> Result<Option<Token>, StoreError> {
        if let Some(token) = self.remembered(id, now) {
            return Ok(token);
        }
        let token = documents.get(COLLECTION, id).await?.as_ref().and_then(read);
        // What is not there is not remembered: guesses would push out the real ones.
        if let (Some(token), Ok(mut seen)) = (&token, self.seen.lock()) {
            if seen.len() >= REMEMBERED {
                seen.clear();
            }
            seen.insert(id.to_owned(), (now, Some(token.clone())));
        }
        Ok(token)
    }

    fn remembered(&self, id: &str, now: Timestamp) -> Option<Option<Token>> {
        let seen = self.seen.lock().ok()?;
        let (at, token) = seen.get(id)?;
        (now.duration_since(*at) < BELIEVED).then(|| token.clone())
    }
}

fn split(text: &str) -> Option<(&str, &str)> {
    // The id is of fixed length: it may itself hold the character that follows it.
    let rest = text.strip_prefix(PREFIX)?;
    let (id, rest) = rest.split_at_checked(ID_BYTES * 4 / 3)?;
    Some((id, rest.strip_prefix('_')?))
}

fn read(document: &Document) -> Option<Token> {
    let text = |name: &str| document.fields.get(name).and_then(Value::as_str).map(str::to_owned);
    Some(Token {
        id: document.id.clone(),
        name: text("name")?,
        role: text("role")?,
        created: document.created.clone(),
        expires: text("expires"),
        hash: text("sha256")?,
    })
}

fn hash(secret: &str) -> String {
    Sha256::digest(secret).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn random<const N: usize>() -> Result<String, StoreError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| StoreError::failed(COLLECTION, error.to_string()))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::store::MemoryStore;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_767_225_600 + second).unwrap()
    }

    #[tokio::test]
    async fn a_token_tells_whose_it_is_and_its_secret_is_not_kept() {
        let store = MemoryStore::default();
        let (token, text) = create(&store, "phone", "owner", None, at(0)).await.unwrap();
        let identity = Tokens::default().check(&store, &text, at(1)).await.unwrap().unwrap();
        assert_eq!((identity.id, identity.role.as_str()), (token.id, "owner"));
        let kept = format!(
            "{:?}",
            store.list(COLLECTION, &Page { limit: 1, after: None, newest_first: false }).await.unwrap()
        );
        // The secret may itself have the character that stands before it.
        assert!(!kept.contains(split(&text).unwrap().1));
    }

    #[tokio::test]
    async fn a_token_is_refused_when_it_is_wrong_expired_or_revoked() {
        let store = MemoryStore::default();
        let (token, text) = create(&store, "phone", "owner", Some(at(60)), at(0)).await.unwrap();
        let tokens = Tokens::default();
        let mut wrong = text.clone();
        wrong.replace_range(text.len() - 2.., "!!");
        for bad in ["", "arq_", "arq_x_y", &wrong, "arq_ãããããã_x"] {
            assert_eq!(tokens.check(&store, bad, at(1)).await.unwrap(), None, "{bad}");
        }
        assert!(tokens.check(&store, &text, at(59)).await.unwrap().is_some());
        assert_eq!(tokens.check(&store, &text, at(60)).await.unwrap(), None);
        assert!(remove(&store, &token.id).await.unwrap());
        assert_eq!(Tokens::default().check(&store, &text, at(1)).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_revoked_token_works_for_half_a_minute_at_most() {
        let store = MemoryStore::default();
        let (token, text) = create(&store, "phone", "owner", None, at(0)).await.unwrap();
        let tokens = Tokens::default();
        assert!(tokens.check(&store, &text, at(0)).await.unwrap().is_some());
        remove(&store, &token.id).await.unwrap();
        assert!(tokens.check(&store, &text, at(29)).await.unwrap().is_some());
        assert_eq!(tokens.check(&store, &text, at(30)).await.unwrap(), None);
    }
}
