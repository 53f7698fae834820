//! How every error ends: its kind, its causes, the way out, and the exit code.

use std::error::Error as StdError;
use std::fmt;

/// Who has to act on a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The user: the configuration, a file, an answer.
    Yours,
    /// AWS refused or failed; the same command continues.
    Cloud,
    /// Somebody else publishes, or has just published; the same command can be repeated.
    Held,
    /// Interrupted; the same command continues.
    Interrupted,
    /// arqsite itself.
    Bug,
}

impl Kind {
    /// The program's exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Yours => 1,
            Self::Cloud | Self::Held => 3,
            Self::Interrupted => 130,
            Self::Bug => 255,
        }
    }

    /// The word in `--json`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Yours => "yours",
            Self::Cloud => "cloud",
            Self::Held => "held",
            Self::Interrupted => "interrupted",
            Self::Bug => "bug",
        }
    }
}

/// A failure as people see it.
#[derive(Debug)]
pub struct Failure {
    /// Who has to act.
    pub kind: Kind,
    /// What failed, without a period.
    pub what: String,
    /// Why, the nearest cause first.
    pub causes: Vec<String>,
    /// The way out, as sentences.
    pub hints: Vec<String>,
    /// What is in place all the same, as a sentence.
    pub in_place: Option<String>,
}

impl Failure {
    /// A failure that the user can mend.
    pub fn yours(what: impl fmt::Display) -> Self {
        Self::new(Kind::Yours, what)
    }

    /// A failure of this kind.
    pub fn new(kind: Kind, what: impl fmt::Display) -> Self {
        Self { kind, what: what.to_string(), causes: Vec::new(), hints: Vec::new(), in_place: None }
    }

    /// A failure of this kind with an error and its causes.
    pub fn from_error(kind: Kind, error: &(dyn StdError + 'static)) -> Self {
        Self { causes: causes(error), ..Self::new(kind, error) }
    }

    /// Adds why.
    pub fn cause(mut self, cause: impl fmt::Display) -> Self {
        self.causes.push(cause.to_string());
        self
    }

    /// Adds a way out.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

/// The causes below an error, each once.
fn causes(error: &(dyn StdError + 'static)) -> Vec<String> {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if causes.last() != Some(&text) {
            causes.push(text);
        }
        next = cause.source();
    }
    causes
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::from_error(Kind::Yours, &error)
    }
}

impl From<crate::config::ConfigError> for Failure {
    fn from(error: crate::config::ConfigError) -> Self {
        let mut failure = Self::yours("the configuration is not right");
        failure.causes = error.faults.iter().map(|fault| format!("{}: {}", fault.place, fault.what)).collect();
        failure
    }
}

impl From<crate::deploy::StepError> for Failure {
    fn from(error: crate::deploy::StepError) -> Self {
        let failure = Self::from_error(error.blame.into(), &error);
        match error.hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl From<crate::deploy::Blame> for Kind {
    fn from(blame: crate::deploy::Blame) -> Self {
        use crate::deploy::Blame;
        match blame {
            Blame::Yours => Self::Yours,
            // A wait is no failure where a run can go on beside it; elsewhere nothing can be done.
            Blame::Cloud | Blame::Waiting => Self::Cloud,
            Blame::Held => Self::Held,
            Blame::Interrupted => Self::Interrupted,
            Blame::Bug => Self::Bug,
        }
    }
}
