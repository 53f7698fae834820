//! EC2's answers, as a small tree.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};

/// One element of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// Name, without its namespace.
    pub name: String,
    /// Text directly in it.
    pub text: String,
    /// Elements directly in it.
    pub children: Vec<Element>,
}

/// An answer that is no well-formed XML.
#[derive(Debug, thiserror::Error)]
#[error("the answer is no well-formed XML")]
pub struct NotXml(#[source] Option<quick_xml::Error>);

impl Element {
    /// Reads a whole document.
    pub fn parse(document: &[u8]) -> Result<Self, NotXml> {
        let mut reader = Reader::from_reader(document);
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event().map_err(|e| NotXml(Some(e)))? {
                Event::Start(start) => open.push(Self::named(start.local_name().as_ref())),
                Event::Empty(start) => add(&mut open, Self::named(start.local_name().as_ref())),
                Event::End(_) => {
                    let closed = open.pop().ok_or(NotXml(None))?;
                    add(&mut open, closed);
                }
                Event::Text(text) => write(&mut open, &String::from_utf8_lossy(&text)),
                Event::CData(data) => write(&mut open, &String::from_utf8_lossy(&data)),
                Event::GeneralRef(reference) => write(&mut open, &resolve(&reference)?),
                Event::Eof => break,
                _ => {}
            }
        }
        // What is left is the document, and in it its one element.
        let document = open.pop().filter(|_| open.is_empty()).ok_or(NotXml(None))?;
        document.children.into_iter().next().ok_or(NotXml(None))
    }

    fn named(name: &[u8]) -> Self {
        Self { name: String::from_utf8_lossy(name).into_owned(), ..Self::default() }
    }

    /// The child of this name.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Text of the child of this name; empty when there is none.
    pub fn get(&self, name: &str) -> &str {
        self.child(name).map(|child| child.text.as_str()).unwrap_or_default()
    }

    /// Text at the end of a path of names; empty when there is none.
    pub fn at(&self, path: &[&str]) -> &str {
        let end = path.iter().try_fold(self, |element, name| element.child(name));
        end.map(|end| end.text.as_str()).unwrap_or_default()
    }

    /// Whether the text of the child of this name is `true`.
    pub fn is(&self, name: &str) -> bool {
        self.get(name) == "true"
    }

    /// The items of the list of this name, as in `<subnetSet><item>…`.
    pub fn list(&self, name: &str) -> &[Self] {
        self.child(name).map(|list| list.children.as_slice()).unwrap_or_default()
    }

    /// The tags of a `tagSet`.
    pub fn tags(&self) -> impl Iterator<Item = (&str, &str)> {
        self.list("tagSet").iter().map(|tag| (tag.get("key"), tag.get("value")))
    }
}

fn add(open: &mut [Element], closed: Element) {
    if let Some(parent) = open.last_mut() {
        parent.children.push(closed);
    }
}

fn write(open: &mut [Element], text: &str) {
    // The white space between elements says nothing.
    let text = if text.trim().is_empty() { "" } else { text };
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

/// The five entities that XML itself knows, and characters by number.
fn resolve(reference: &BytesRef<'_>) -> Result<String, NotXml> {
    if let Some(character) = reference.resolve_char_ref().map_err(|e| NotXml(Some(e)))? {
        return Ok(character.into());
    }
    let text = match &**reference {
        b"amp" => "&",
        b"lt" => "<",
        b"gt" => ">",
        b"quot" => "\"",
        b"apos" => "'",
        _ => return Err(NotXml(None)),
    };
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const SUBNETS: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<DescribeSubnetsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
    <requestId>7a62c49f-347e-4fc4-9331-6e8eEXAMPLE</requestId>
    <subnetSet>
        <item>
            <subnetId>subnet-1</subnetId>
            <mapPublicIpOnLaunch>true</mapPublicIpOnLaunch>
            <tagSet><item><key>Name</key><value>a &amp; b&#33;</value></item></tagSet>
            <state/>
        </item>
        <item><subnetId>subnet-2</subnetId></item>
    </subnetSet>
</DescribeSubnetsResponse>"#;

    #[test]
    fn an_answer_is_read_by_name() {
        let answer = Element::parse(SUBNETS.as_bytes()).unwrap();
        let subnets = answer.list("subnetSet");
        assert_eq!(subnets.iter().map(|s| s.get("subnetId")).collect::<Vec<_>>(), ["subnet-1", "subnet-2"]);
        assert!(subnets[0].is("mapPublicIpOnLaunch") && subnets[0].get("state").is_empty());
        assert_eq!(subnets[0].tags().collect::<Vec<_>>(), [("Name", "a & b!")]);
        assert_eq!(answer.at(&["subnetSet", "item", "subnetId"]), "subnet-1");
        assert_eq!(subnets[1].tags().count(), 0);
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for broken in ["", "<a>", "<a></b>", "<html>&nbsp;</html>", "nothing"] {
            assert!(Element::parse(broken.as_bytes()).is_err(), "{broken}");
        }
    }
}
