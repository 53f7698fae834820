//! Parameters of EC2's calls, under the names that its Query protocol gives them.
//!
//! Source: EC2 API reference, "Query requests"; the names of lists are those of each operation's
//! examples (`SubnetId.1`, `Filter.1.Value.1`, `TagSpecification.1.Tag.1.Key`).

use std::ops::Deref;

use crate::aws::Names;

/// The tag that EC2's console shows as the name.
pub const NAME_TAG: &str = "Name";

/// Parameters, in the order in which they were given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters {
    pairs: Vec<(String, String)>,
    filters: usize,
}

impl Parameters {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.pairs.push((name.to_owned(), value.into()));
        self
    }

    /// A list, whose items are numbered from one.
    pub fn list<I, S>(mut self, name: &str, values: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        for (index, value) in values.into_iter().enumerate() {
            self = self.with(&format!("{name}.{}", index + 1), value);
        }
        self
    }

    /// A filter of a `Describe…` operation.
    pub fn filter(mut self, name: &str, value: &str) -> Self {
        self.filters += 1;
        let number = self.filters;
        self.with(&format!("Filter.{number}.Name"), name).with(&format!("Filter.{number}.Value.1"), value)
    }

    /// The filters that only what arqsite made for this site and stage under this name passes.
    pub fn ours(names: &Names, name: &str) -> Self {
        let mut parameters = Self::new();
        for (key, value) in tags(names, name) {
            parameters = parameters.filter(&format!("tag:{key}"), value);
        }
        parameters
    }

    /// The tags that a new `resource_type` gets.
    pub fn tagged(mut self, resource_type: &str, names: &Names, name: &str) -> Self {
        self = self.with("TagSpecification.1.ResourceType", resource_type);
        for (index, (key, value)) in tags(names, name).into_iter().enumerate() {
            let tag = format!("TagSpecification.1.Tag.{}", index + 1);
            self = self.with(&format!("{tag}.Key"), key).with(&format!("{tag}.Value"), value);
        }
        self
    }
}

impl Deref for Parameters {
    type Target = [(String, String)];

    fn deref(&self) -> &Self::Target {
        &self.pairs
    }
}

fn tags<'a>(names: &'a Names, name: &'a str) -> [(&'static str, &'a str); 3] {
    let [site, stage] = names.tags();
    [site, stage, (NAME_TAG, name)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(parameters: &Parameters) -> Vec<String> {
        parameters.iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    #[test]
    fn tags_and_lists_are_numbered_from_one() {
        let names = Names::new("shop", "production", "1", "r");
        let parameters = Parameters::new().list("SubnetId", ["a", "b"]).tagged("vpc", &names, "shop-vpc");
        assert_eq!(
            lines(&parameters),
            [
                "SubnetId.1=a",
                "SubnetId.2=b",
                "TagSpecification.1.ResourceType=vpc",
                "TagSpecification.1.Tag.1.Key=arqsite:site",
                "TagSpecification.1.Tag.1.Value=shop",
                "TagSpecification.1.Tag.2.Key=arqsite:stage",
                "TagSpecification.1.Tag.2.Value=production",
                "TagSpecification.1.Tag.3.Key=Name",
                "TagSpecification.1.Tag.3.Value=shop-vpc",
            ]
        );
    }

    #[test]
    fn filters_go_on_counting() {
        let names = Names::new("shop", "preview", "1", "r");
        let parameters = Parameters::ours(&names, "x").filter("vpc-id", "vpc-1");
        assert_eq!(
            lines(&parameters),
            [
                "Filter.1.Name=tag:arqsite:site",
                "Filter.1.Value.1=shop",
                "Filter.2.Name=tag:arqsite:stage",
                "Filter.2.Value.1=preview",
                "Filter.3.Name=tag:Name",
                "Filter.3.Value.1=x",
                "Filter.4.Name=vpc-id",
                "Filter.4.Value.1=vpc-1",
            ]
        );
    }
}
