//! What a resource is: a spec that can be found, put and deleted.

use std::future::Future;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::context::Context;
use super::error::StepError;

/// What has to happen so that what was found becomes what is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Nothing.
    Same,
    /// It can be changed where it is.
    Update,
    /// It has to be deleted and made anew.
    Replace,
}

/// What [`Resource::find`] read from the account.
pub struct Found<R: Resource> {
    /// The resource as it is, in the shape of its own spec, so that the plan can name every
    /// field that differs. A value that the account made up (an id, an ARN) is not part of it.
    pub spec: R,
    /// Ids, ARNs and host names that other resources need.
    pub output: R::Output,
}

/// One thing arqsite owns in the customer's account.
///
/// The struct that implements it *is* the spec: plan, diff, journal and inventory are its
/// serialised form, so no secret may be a field. `put` and `delete` may be called again after a
/// crash, so both succeed when their work is already done.
pub trait Resource: Serialize + DeserializeOwned + Clone + PartialEq + Send + Sync + 'static {
    /// Kind of the resource, `<service>.<thing>`, in plans, journal and inventory.
    const KIND: &'static str;
    /// The clients it calls.
    type Cloud: Send + Sync + 'static;
    /// What it gives to those that depend on it. Never a secret.
    type Output: Serialize + DeserializeOwned + Clone + Send + Sync + 'static;

    /// Name of the thing in the account, for people.
    fn name(&self) -> String;

    /// Compares what was found with what is wanted. Pure.
    fn change(&self, found: &Self) -> Change {
        if self == found { Change::Same } else { Change::Update }
    }

    /// Why what was found has to be replaced, where [`Resource::change`] says so: a fragment such
    /// as "its key cannot be changed". Without an answer the plan names the fields that differ.
    fn replaces_because(&self, _found: &Self) -> Option<String> {
        None
    }

    /// The data that would be lost with it, in plain words: "all documents of messages".
    fn loses(&self) -> Option<String> {
        None
    }

    /// Whether it holds the customer's data: kept by `destroy`, and when it is no longer
    /// declared, unless deletion of data is asked for.
    fn holds_data(&self) -> bool {
        false
    }

    /// Whether it is a pure wait: its `put` only looks until something is so, and changes nothing.
    fn waits(&self) -> bool {
        false
    }

    /// Reads what is there; `None` when it does not exist.
    ///
    /// Outputs of dependencies that were not found are absent: use [`Context::try_output`].
    /// A thing with our name and without our tag is [`StepError::foreign`].
    fn find(&self, cx: &Context<Self::Cloud>) -> impl Future<Output = Result<Option<Found<Self>>, StepError>> + Send;

    /// Makes it so: creates what `found` says is absent, changes what differs.
    ///
    /// Returns when the thing can be used by those that depend on it. When that needs somebody
    /// outside of the account it is [`StepError::waiting`], and a later run continues.
    fn put(
        &self,
        cx: &Context<Self::Cloud>,
        found: Option<Found<Self>>,
    ) -> impl Future<Output = Result<Self::Output, StepError>> + Send;

    /// Removes it, and returns when it is gone. Absent is success.
    fn delete(
        &self,
        cx: &Context<Self::Cloud>,
        found: Found<Self>,
    ) -> impl Future<Output = Result<(), StepError>> + Send;
}

/// A [`Resource`] with its types erased, so that a graph can hold any of them.
pub type Step<C> = Arc<dyn ErasedResource<C>>;

/// The erased form; implemented for every [`Resource`] and for nothing else.
#[async_trait::async_trait]
pub trait ErasedResource<C>: Send + Sync {
    /// [`Resource::KIND`].
    fn kind(&self) -> &'static str;
    /// [`Resource::name`].
    fn name(&self) -> String;
    /// [`Resource::loses`].
    fn loses(&self) -> Option<String>;
    /// [`Resource::holds_data`].
    fn holds_data(&self) -> bool;
    /// [`Resource::waits`].
    fn waits(&self) -> bool;
    /// The wanted spec.
    fn spec(&self) -> serde_json::Value;
    /// [`Resource::find`] with the comparison made at once.
    async fn find(&self, cx: &Context<C>) -> Result<Option<ErasedFound>, StepError>;
    /// [`Resource::put`].
    async fn put(&self, cx: &Context<C>, found: Option<ErasedFound>) -> Result<serde_json::Value, StepError>;
    /// [`Resource::delete`].
    async fn delete(&self, cx: &Context<C>, found: ErasedFound) -> Result<(), StepError>;
}

/// What an erased `find` read: spec and output as JSON, and what would have to change.
#[derive(Debug, Clone, PartialEq)]
pub struct ErasedFound {
    /// The resource as it is.
    pub spec: serde_json::Value,
    /// What it gives to others.
    pub output: serde_json::Value,
    /// What [`Resource::change`] says of it.
    pub change: Change,
    /// What [`Resource::replaces_because`] says of it, when it has to be replaced.
    pub because: Option<String>,
}

#[async_trait::async_trait]
impl<R: Resource> ErasedResource<R::Cloud> for R {
    fn kind(&self) -> &'static str {
        R::KIND
    }

    fn name(&self) -> String {
        Resource::name(self)
    }

    fn loses(&self) -> Option<String> {
        Resource::loses(self)
    }

    fn holds_data(&self) -> bool {
        Resource::holds_data(self)
    }

    fn waits(&self) -> bool {
        Resource::waits(self)
    }

    fn spec(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or(serde_json::Value::Null)
    }

    async fn find(&self, cx: &Context<R::Cloud>) -> Result<Option<ErasedFound>, StepError> {
        let Some(found) = Resource::find(self, cx).await? else { return Ok(None) };
        let change = self.change(&found.spec);
        let because = (change == Change::Replace).then(|| self.replaces_because(&found.spec)).flatten();
        Ok(Some(ErasedFound {
            change,
            because,
            spec: serde_json::to_value(&found.spec).map_err(StepError::bug)?,
            output: serde_json::to_value(&found.output).map_err(StepError::bug)?,
        }))
    }

    async fn put(&self, cx: &Context<R::Cloud>, found: Option<ErasedFound>) -> Result<serde_json::Value, StepError> {
        let found = found.map(revive::<R>).transpose()?;
        let output = Resource::put(self, cx, found).await?;
        serde_json::to_value(output).map_err(StepError::bug)
    }

    async fn delete(&self, cx: &Context<R::Cloud>, found: ErasedFound) -> Result<(), StepError> {
        Resource::delete(self, cx, revive(found)?).await
    }
}

fn revive<R: Resource>(found: ErasedFound) -> Result<Found<R>, StepError> {
    Ok(Found {
        spec: serde_json::from_value(found.spec).map_err(StepError::bug)?,
        output: serde_json::from_value(found.output).map_err(StepError::bug)?,
    })
}
