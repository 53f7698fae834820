//! Who asks.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::problem::Problem;
use super::tokens::Tokens;
use crate::store::{Documents, StoreError};

/// Whoever sent a request, as rules see them.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Identity {
    /// Id of the token; empty for anybody.
    pub id: String,
    /// Role of the token; empty for anybody.
    pub role: String,
}

impl Identity {
    /// Role of the requests that schedules make.
    pub const SCHEDULE: &'static str = "schedule";

    /// The schedule of this name.
    pub fn schedule(name: &str) -> Self {
        Self { id: format!("schedule:{name}"), role: Self::SCHEDULE.into() }
    }

    /// Whether it is known who asks.
    pub fn is_known(&self) -> bool {
        !self.id.is_empty()
    }
}

/// Why it is not known who asks.
#[derive(Debug)]
pub enum AuthError {
    /// The request has to be refused with this.
    Refused(Box<Problem>),
    /// The store failed.
    Store(StoreError),
}

/// Who sent a request with these headers. A token that is not valid is refused, even where nobody
/// needs one: whoever sends it believes that it works.
pub async fn identify(
    documents: &dyn Documents,
    tokens: &Tokens,
    headers: &HeaderMap,
    now: jiff::Timestamp,
) -> Result<Identity, AuthError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(Identity::default()) };
    // SECURITY: whatever stands in front may have believed the other one.
    if values.next().is_some() {
        return Err(refused("the Authorization header was sent more than once"));
    }
    let text = value.to_str().unwrap_or_default();
    let token = text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some((_, token)) = token else {
        return Err(refused("the Authorization header holds no Bearer token"));
    };
    match tokens.check(documents, token.trim(), now).await {
        Ok(Some(identity)) => Ok(identity),
        Ok(None) => Err(refused("the token is unknown, revoked or expired")),
        Err(error) => Err(AuthError::Store(error)),
    }
}

fn refused(detail: &str) -> AuthError {
    AuthError::Refused(Box::new(Problem::unauthenticated(detail)))
}
