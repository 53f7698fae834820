//! What AWS said, in one shape for every service.

use std::error::Error as StdError;
use std::fmt;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::deploy::StepError;

/// A call that did not succeed.
#[derive(Debug)]
pub struct CallError {
    /// The operation, as AWS calls it.
    pub operation: &'static str,
    /// AWS's error code; `None` when there was no answer.
    pub code: Option<String>,
    /// AWS's words, or those of the connection.
    pub message: String,
    /// HTTP status of the answer.
    pub status: Option<u16>,
    answered: bool,
}

impl CallError {
    /// Whether AWS answered with this code.
    pub fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    /// Whether AWS answered with one of these codes.
    pub fn is_any(&self, codes: &[&str]) -> bool {
        codes.iter().any(|code| self.is(code))
    }

    /// Whether the answer has this code and these words.
    pub fn says(&self, code: &str, words: &str) -> bool {
        self.is(code) && self.message.contains(words)
    }

    /// Whether nobody answered, so that it is unknown if the call was carried out.
    pub fn unreachable(&self) -> bool {
        !self.answered
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(f, "{}: {code}: {}", self.operation, self.message),
            None => write!(f, "{}: {}", self.operation, self.message),
        }
    }
}

impl StdError for CallError {}

/// The outcome of a call, with its error in the one shape.
pub fn answer<T, E>(operation: &'static str, result: Result<T, SdkError<E, HttpResponse>>) -> Result<T, CallError>
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    result.map_err(|error| {
        let status = error.raw_response().map(|r| r.status().as_u16());
        let answered = matches!(error, SdkError::ServiceError(_));
        let code = error.code().map(str::to_owned).or_else(|| by_status(answered, status));
        let message = error.message().map(str::to_owned).unwrap_or_else(|| innermost(&error));
        CallError { operation, code, message, status, answered }
    })
}

/// An answer without a body, as to HEAD, has no code of its own.
fn by_status(answered: bool, status: Option<u16>) -> Option<String> {
    match (answered, status) {
        (true, Some(404)) => Some("NotFound".into()),
        (true, Some(403)) => Some("Forbidden".into()),
        (true, Some(412)) => Some("PreconditionFailed".into()),
        (true, Some(status)) => Some(status.to_string()),
        _ => None,
    }
}

/// The last cause is the one that tells: "Connection refused", not "dispatch failure".
fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

impl CallError {
    /// A request that could not even be put together.
    pub(crate) fn unbuilt(operation: &'static str, error: &dyn StdError) -> Self {
        Self { operation, code: None, message: error.to_string(), status: None, answered: true }
    }

    /// One part of a call that succeeded as a whole.
    pub(crate) fn part(operation: &'static str, code: Option<&str>, message: Option<&str>) -> Self {
        let message = message.unwrap_or("without a reason").to_owned();
        Self { operation, code: code.map(str::to_owned), message, status: None, answered: true }
    }

    /// The error of the step that was `doing` this.
    pub(crate) fn while_doing(self, doing: impl Into<String>) -> StepError {
        let hint = hint(&self);
        let error = StepError::cloud(doing, self);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

/// The way out of refusals that any call can meet.
fn hint(error: &CallError) -> Option<&'static str> {
    const DENIED: [&str; 5] =
        ["AccessDenied", "AccessDeniedException", "Forbidden", "UnauthorizedOperation", "AuthorizationError"];
    const EXPIRED: [&str; 3] = ["ExpiredToken", "ExpiredTokenException", "RequestExpired"];
    if error.is_any(&EXPIRED) {
        Some("The credentials have expired; sign in again and run the same command.")
    } else if error.is_any(&DENIED) {
        Some("The credentials may not make this call; ask the account's administrator for the permission it names.")
    } else if error.unreachable() {
        Some("Check the network, then run the same command: it continues where it stopped.")
    } else {
        None
    }
}
