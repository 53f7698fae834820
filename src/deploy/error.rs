//! Why a step failed, and what a person can do about it.

use std::error::Error as StdError;

/// Who has to act on a failure; decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The customer: a name that is taken, a resource that is not ours.
    Yours,
    /// The cloud refused or failed; the run can be continued.
    Cloud,
    /// The run was interrupted; it can be continued.
    Interrupted,
    /// Somebody else, outside of the account: it is waited for, and nothing has failed.
    Waiting,
    /// Somebody else publishes, or has just published; the run can be repeated.
    Held,
    /// arqsite itself.
    Bug,
}

/// A failure of one step.
///
/// Its message is a fragment that completes "could not …": "create the bucket shop-site". The
/// cause stays in `source`.
#[derive(Debug, thiserror::Error)]
#[error("could not {doing}")]
pub struct StepError {
    /// What was being done, with the name of the thing.
    pub doing: String,
    /// Who has to act.
    pub blame: Blame,
    /// The way out, as a sentence.
    pub hint: Option<String>,
    /// What the cloud said.
    #[source]
    pub source: Option<Box<dyn StdError + Send + Sync>>,
}

impl StepError {
    /// The cloud refused or failed while `doing`.
    pub fn cloud(doing: impl Into<String>, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { doing: doing.into(), blame: Blame::Cloud, hint: None, source: Some(source.into()) }
    }

    /// The customer has to change something.
    pub fn yours(doing: impl Into<String>, why: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { doing: doing.into(), blame: Blame::Yours, hint: None, source: Some(why.into()) }
    }

    /// The step cannot end before somebody else has acted: a registrar has to delegate a domain.
    ///
    /// It is no failure: other steps go on, those that need this one are left for a later run.
    pub fn waiting(doing: impl Into<String>, why: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { doing: doing.into(), blame: Blame::Waiting, hint: None, source: Some(why.into()) }
    }

    /// The run was asked to stop.
    pub fn interrupted(doing: impl Into<String>) -> Self {
        let why = "the run was interrupted".into();
        Self { doing: doing.into(), blame: Blame::Interrupted, hint: None, source: Some(why) }
    }

    /// A thing with our name, and without our tag: it is never touched.
    pub fn foreign(kind: &str, name: &str) -> Self {
        let article = if kind.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
        Self::foreign_with(
            format!("use {name}"),
            format!("{article} {kind} of this name exists already and was not made by arqsite for this site"),
            "Choose another site.name in arq.toml, or remove the existing one yourself; arqsite never touches what it did not make.",
        )
    }

    /// A thing that is not ours stands in the way, with a way out of its own.
    pub fn foreign_with(doing: impl Into<String>, why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::yours(doing, Foreign(why.into())).hint(hint)
    }

    /// Whether it is [`StepError::waiting`].
    pub fn is_waiting(&self) -> bool {
        self.blame == Blame::Waiting
    }

    /// Whether it is about a thing that is not ours.
    pub fn is_foreign(&self) -> bool {
        self.source.as_ref().is_some_and(|source| source.is::<Foreign>())
    }

    /// What is waited for, and why: a fragment that completes "waiting to …".
    pub fn awaited(&self) -> String {
        self.and_causes(self.doing.clone())
    }

    /// The error and its causes, outermost first.
    pub fn chain(&self) -> String {
        self.and_causes(self.to_string())
    }

    fn and_causes(&self, mut chain: String) -> String {
        let mut next = StdError::source(self);
        while let Some(cause) = next {
            chain = format!("{chain}: {cause}");
            next = cause.source();
        }
        chain
    }

    /// Something that only an error in arqsite can cause.
    pub fn bug(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { doing: "go on".into(), blame: Blame::Bug, hint: None, source: Some(source.into()) }
    }

    /// Adds the way out.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The cause of [`StepError::foreign`] and [`StepError::foreign_with`].
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Foreign(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_names_every_cause() {
        let error = StepError::cloud("create the bucket shop", StepError::yours("sign in", "no credentials"));
        assert_eq!(error.chain(), "could not create the bucket shop: could not sign in: no credentials");
    }

    #[test]
    fn what_is_waited_for_completes_a_sentence() {
        let error = StepError::waiting("use shop.example", "it is not delegated").hint("Ask the registrar.");
        assert!(error.is_waiting() && error.hint.is_some());
        assert_eq!(format!("waiting to {}", error.awaited()), "waiting to use shop.example: it is not delegated");
    }

    #[test]
    fn a_foreign_thing_is_told_apart_and_is_the_customers_to_mend() {
        let error = StepError::foreign("bucket", "shop");
        assert!(error.is_foreign() && error.blame == Blame::Yours && error.hint.is_some());
        let words = error.chain();
        assert!(words.ends_with("a bucket of this name exists already and was not made by arqsite for this site"));
        let alarm = StepError::foreign("alarm", "shop-errors").chain();
        assert!(alarm.contains("an alarm of this name"), "{alarm}");
        let other = StepError::foreign_with("use shop", "it is another's", "Ask.");
        assert!(other.is_foreign() && other.blame == Blame::Yours && other.hint.as_deref() == Some("Ask."));
        assert!(!StepError::yours("use shop", "it is full").is_foreign());
    }

    #[test]
    fn what_others_must_do_is_nobodys_failure() {
        let error = StepError::waiting("validate shop.example", "no name server knows the record yet");
        assert_eq!(error.blame, Blame::Waiting);
        assert!(!error.is_foreign());
    }
}
