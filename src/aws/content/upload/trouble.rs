//! What goes wrong with one upload, until it is known of which file.

use std::io;

use tokio::task::JoinError;

use crate::aws::error::CallError;
use crate::deploy::StepError;
use crate::release::Object;
use crate::site::Content;

/// Why an object is not stored.
#[derive(Debug)]
pub enum Trouble {
    /// Its bytes are no longer those that were hashed.
    Changed,
    /// Its file cannot be read.
    Unreadable(io::Error),
    /// A call failed.
    Call(CallError),
    /// A fault of this program.
    Bug(JoinError),
}

impl From<CallError> for Trouble {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl From<JoinError> for Trouble {
    fn from(error: JoinError) -> Self {
        Self::Bug(error)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        // Fewer bytes than there were is a change like any other.
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::Changed } else { Self::Unreadable(error) }
    }
}

impl Trouble {
    /// Whether the call was answered with one of these codes.
    pub fn is_any(&self, codes: &[&str]) -> bool {
        matches!(self, Self::Call(error) if error.is_any(codes))
    }

    /// The same, for people.
    pub fn with(self, object: &Object) -> StepError {
        self.while_doing(format!("upload {}", place(object)))
    }

    /// The error of the step that was `doing` this.
    pub fn while_doing(self, doing: String) -> StepError {
        match self {
            Self::Changed => StepError::yours(doing, "the file changed while it was being published")
                .hint("Run the same command again when it is no longer being written."),
            Self::Unreadable(error) => StepError::yours(doing, error),
            Self::Call(error) => error.while_doing(doing),
            Self::Bug(error) => StepError::bug(error),
        }
    }
}

/// Where the object comes from, for people.
fn place(object: &Object) -> String {
    match &object.content {
        Content::Disk { path, .. } => path.display().to_string(),
        Content::Rewritten(text) => text.place(),
        Content::Memory(_) => object.id.key(),
    }
}
