//! Kinds by name, so that what the configuration no longer names can be revived and deleted.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::graph::GraphError;
use super::resource::{Resource, Step};

/// Every kind of resource that this program can revive from its spec.
pub struct Kinds<C>(BTreeMap<&'static str, Reviver<C>>);

type Reviver<C> = fn(Value) -> Result<Step<C>, serde_json::Error>;

/// Why something that was made cannot be revived.
#[derive(Debug, thiserror::Error)]
pub enum KindError {
    /// This program has no such kind; a newer one may have made it.
    #[error("could not revive {name}: {kind} is a kind that this version of arqsite does not know")]
    Unknown {
        /// The kind.
        kind: String,
        /// Name of the thing in the account.
        name: String,
    },
    /// The spec has another shape.
    #[error("could not revive the {kind} {name} from its spec")]
    Spec {
        /// The kind.
        kind: String,
        /// Name of the thing in the account.
        name: String,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The things make no graph.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

impl<C> Default for Kinds<C> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<C> Kinds<C> {
    /// No kind.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a kind.
    #[must_use]
    pub fn with<R: Resource<Cloud = C>>(mut self) -> Self {
        self.0.insert(R::KIND, revive::<R>);
        self
    }

    /// The names of the kinds, in order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }

    /// A step from what the journal or the inventory remembers.
    pub fn revive(&self, kind: &str, name: &str, spec: Value) -> Result<Step<C>, KindError> {
        let (kind, name) = (kind.to_owned(), name.to_owned());
        match self.0.get(kind.as_str()) {
            Some(reviver) => reviver(spec).map_err(|source| KindError::Spec { kind, name, source }),
            None => Err(KindError::Unknown { kind, name }),
        }
    }
}

fn revive<R: Resource>(spec: Value) -> Result<Step<R::Cloud>, serde_json::Error> {
    Ok(Arc::new(serde_json::from_value::<R>(spec)?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use serde_json::json;

    use crate::deploy::testing::{Bucket, kinds};

    #[test]
    fn a_step_comes_back_from_its_spec() {
        let spec = serde_json::to_value(Bucket::new("shop")).unwrap();
        let step = kinds().revive("fake.bucket", "shop", spec.clone()).unwrap();
        assert_eq!((step.kind(), step.name().as_str(), step.spec()), ("fake.bucket", "shop", spec));
    }

    #[test]
    fn what_cannot_be_revived_is_named() {
        let error = kinds().revive("fake.queue", "jobs", json!({})).err().unwrap();
        let unknown = "could not revive jobs: fake.queue is a kind that this version of arqsite does not know";
        assert_eq!(error.to_string(), unknown);
        let error = kinds().revive("fake.bucket", "shop", json!({ "name": 1 })).err().unwrap();
        assert_eq!(error.to_string(), "could not revive the fake.bucket shop from its spec");
    }
}
