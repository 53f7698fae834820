//! The firewall: AWS's managed rules, and a limit for each client.

use aws_sdk_wafv2::types as waf;
use serde::{Deserialize, Serialize};

use super::wafv2_rules::{self as rules, Rule};
use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cx, Tell};
use crate::deploy::{Found, Resource, StepError};

/// For a distribution that has let go of a firewall, but not yet everywhere.
const LET_GO: Patience =
    Patience { total: std::time::Duration::from_secs(15 * 60), pause: std::time::Duration::from_secs(10) };

/// A web ACL for CloudFront.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WebAcl {
    /// Name, unique in the account.
    pub name: String,
    /// Whether what no rule blocks is let through.
    pub allows: bool,
    /// Its rules, by priority. Those that AWS Shield adds are kept and not shown.
    pub rules: Vec<Rule>,
}

/// What others need of a web ACL.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WebAclOutput {
    /// ARN.
    pub arn: String,
    /// Id.
    pub id: String,
}

impl WebAcl {
    /// The firewall of a site. `rate_limit` is what one client may ask for in five minutes;
    /// `uploads` are the paths that take large bodies.
    pub fn new(name: String, rate_limit: i64, uploads: Vec<String>) -> Self {
        Self { name, allows: true, rules: rules::of_site(rate_limit, uploads) }
    }
}

impl Resource for WebAcl {
    const KIND: &'static str = "wafv2.web_acl";
    type Cloud = crate::aws::Cloud;
    type Output = WebAclOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let looking = || format!("look at the firewall {}", self.name);
        let Some(output) = self.listed(cx).await.telling(looking)? else { return Ok(None) };
        let tags =
            answer("ListTagsForResource", cx.cloud.waf.list_tags_for_resource().resource_arn(&output.arn).send().await);
        let tags = tags.telling(looking)?.tag_info_for_resource.map(|info| info.tag_list.unwrap_or_default());
        if !cx.cloud.names.owns(tags.iter().flatten().map(|tag| (tag.key(), tag.value()))) {
            return Err(StepError::foreign("firewall", &self.name));
        }
        let Some((acl, _)) = self.read(cx, &output.id).await.telling(looking)? else { return Ok(None) };
        let allows = acl.default_action.as_ref().is_some_and(|action| action.allow.is_some());
        let mut read: Vec<_> = acl.rules().iter().filter(|rule| !rules::is_shields(rule)).map(rules::read).collect();
        read.sort_by_key(|rule| rule.priority);
        Ok(Some(Found { spec: Self { name: self.name.clone(), allows, rules: read }, output }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<WebAclOutput, StepError> {
        match found {
            Some(found) => self.update(cx, found.output).await,
            None => self.create(cx).await,
        }
    }

    async fn delete(&self, cx: &Cx, found: Found<Self>) -> Result<(), StepError> {
        let result = LET_GO
            .retry(
                |e| e.is_any(&["WAFAssociatedItemException", "WAFOptimisticLockException"]) || unavailable(e),
                || async {
                    let Some((_, token)) = self.read(cx, &found.output.id).await? else { return Ok(()) };
                    cx.note("waiting until the distribution has let go of the firewall");
                    let call = cx.cloud.waf.delete_web_acl().name(&self.name).id(&found.output.id);
                    let call = call.scope(waf::Scope::Cloudfront).lock_token(token);
                    answer("DeleteWebACL", call.send().await).map(|_| ())
                },
            )
            .await;
        match result {
            Err(e) if e.is("WAFNonexistentItemException") => Ok(()),
            result => result.telling(|| format!("delete the firewall {}", self.name)),
        }
    }
}

impl WebAcl {
    async fn listed(&self, cx: &Cx) -> Result<Option<WebAclOutput>, CallError> {
        let mut marker = None;
        loop {
            let call = cx.cloud.waf.list_web_acls().scope(waf::Scope::Cloudfront).limit(100);
            let page = answer("ListWebACLs", call.set_next_marker(marker).send().await)?;
            let mine = page.web_acls().iter().find(|acl| acl.name() == Some(&self.name));
            if let Some((arn, id)) = mine.and_then(|acl| acl.arn().zip(acl.id())) {
                return Ok(Some(WebAclOutput { arn: arn.to_owned(), id: id.to_owned() }));
            }
            match page.next_marker.filter(|_| !page.web_acls.unwrap_or_default().is_empty()) {
                Some(next) => marker = Some(next),
                None => return Ok(None),
            }
        }
    }

    /// The web ACL, and the token that its next change must name.
    async fn read(&self, cx: &Cx, id: &str) -> Result<Option<(waf::WebAcl, String)>, CallError> {
        let call = cx.cloud.waf.get_web_acl().name(&self.name).id(id).scope(waf::Scope::Cloudfront);
        match answer("GetWebACL", call.send().await) {
            Err(e) if e.is("WAFNonexistentItemException") => Ok(None),
            Err(e) => Err(e),
            Ok(output) => Ok(output.web_acl.zip(output.lock_token)),
        }
    }

    fn action(&self) -> waf::DefaultAction {
        let action = waf::DefaultAction::builder();
        if self.allows {
            action.allow(waf::AllowAction::builder().build()).build()
        } else {
            action.block(waf::BlockAction::builder().build()).build()
        }
    }

    async fn create(&self, cx: &Cx) -> Result<WebAclOutput, StepError> {
        let making = || format!("make the firewall {}", self.name);
        let call = cx.cloud.waf.create_web_acl().name(&self.name).scope(waf::Scope::Cloudfront);
        let mut call = call.default_action(self.action()).description(description(cx));
        call = call.visibility_config(rules::visible(&self.name).telling(making)?);
        for rule in &self.rules {
            call = call.rules(rules::write(rule).telling(making)?);
        }
        for (key, value) in cx.cloud.names.tags() {
            call = call.tags(waf::Tag::builder().key(key).value(value).build().telling(making)?);
        }
        let create = || async { answer("CreateWebACL", call.clone().send().await) };
        match Patience::CONFLICT.retry(unavailable, create).await {
            Ok(output) => {
                let made = output.summary.and_then(|made| made.arn.zip(made.id));
                let made = made.ok_or_else(|| StepError::cloud(making(), "the answer names no web ACL"))?;
                Ok(WebAclOutput { arn: made.0, id: made.1 })
            }
            // The answer to an earlier try was lost.
            Err(e) if e.is("WAFDuplicateItemException") => match self.find(cx).await? {
                Some(found) if found.spec == *self => Ok(found.output),
                Some(found) => self.update(cx, found.output).await,
                None => Err(e.while_doing(making())),
            },
            Err(e) => Err(e.while_doing(making())),
        }
    }

    async fn update(&self, cx: &Cx, was: WebAclOutput) -> Result<WebAclOutput, StepError> {
        let changing = || format!("change the firewall {}", self.name);
        let mut wanted = Vec::new();
        for rule in &self.rules {
            wanted.push(rules::write(rule).telling(changing)?);
        }
        let visible = rules::visible(&self.name).telling(changing)?;
        let result = Patience::CONFLICT
            .retry(
                // Somebody changed it since it was read.
                |e| e.is("WAFOptimisticLockException") || unavailable(e),
                || async {
                    let gone = || CallError::part("GetWebACL", Some("WAFNonexistentItemException"), Some("it is gone"));
                    let (now, token) = self.read(cx, &was.id).await?.ok_or_else(gone)?;
                    let shields = now.rules().iter().filter(|rule| rules::is_shields(rule)).cloned();
                    let call = cx.cloud.waf.update_web_acl().name(&self.name).id(&was.id);
                    let call = call.scope(waf::Scope::Cloudfront).default_action(self.action()).lock_token(token);
                    let call = call.description(description(cx));
                    let call = call.visibility_config(visible.clone());
                    let call = call.set_rules(Some(wanted.iter().cloned().chain(shields).collect()));
                    answer("UpdateWebACL", call.send().await).map(|_| ())
                },
            )
            .await;
        result.telling(changing)?;
        Ok(was)
    }
}

/// What was made or tagged a moment ago and is not yet known everywhere.
fn unavailable(error: &CallError) -> bool {
    error.is_any(&[
        "WAFUnavailableEntityException",
        "WAFTagOperationException",
        "WAFTagOperationInternalErrorException",
    ])
}

/// Whose it is, in characters that WAF takes.
fn description(cx: &Cx) -> String {
    cx.cloud.names.mark().replace(['(', ')'], "")
}
