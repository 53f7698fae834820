//! Markdown to HTML.

use comrak::nodes::{AstNode, NodeValue};
use comrak::{Arena, Options, format_html, parse_document};

/// A rendered page without its layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The text of the first heading.
    pub heading: Option<String>,
    /// The HTML.
    pub html: String,
}

/// Renders GitHub's Markdown: tables, footnotes, strikethrough, task lists, links from bare
/// addresses, headings with ids.
///
/// `link` may give a link or a picture another address. Raw HTML passes: it is the owner's own.
pub fn render(text: &str, link: impl Fn(&str) -> Option<String>) -> Rendered {
    let arena = Arena::new();
    let options = options();
    let root = parse_document(&arena, text, &options);
    let mut heading = None;
    for node in root.descendants() {
        match &mut node.data_mut().value {
            NodeValue::Link(target) | NodeValue::Image(target) => {
                if let Some(url) = link(&target.url) {
                    target.url = url;
                }
            }
            NodeValue::Heading(_) if heading.is_none() => {}
            _ => continue,
        }
        if heading.is_none() && matches!(node.data().value, NodeValue::Heading(_)) {
            heading = Some(text_of(node));
        }
    }
    let mut html = String::with_capacity(text.len() * 2);
    // Writing to a string does not fail.
    let _ = format_html(root, &options, &mut html);
    Rendered { heading, html }
}

fn options() -> Options<'static> {
    let mut options = Options::default();
    let extension = &mut options.extension;
    extension.table = true;
    extension.footnotes = true;
    extension.strikethrough = true;
    extension.autolink = true;
    extension.tasklist = true;
    extension.header_id_prefix = Some(String::new());
    options.render.r#unsafe = true;
    options
}

fn text_of<'a>(node: &'a AstNode<'a>) -> String {
    node.descendants()
        .filter_map(|part| match &part.data().value {
            NodeValue::Text(text) => Some(text.to_string()),
            NodeValue::Code(code) => Some(code.literal.clone()),
            NodeValue::SoftBreak | NodeValue::LineBreak => Some(" ".into()),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(text: &str) -> String {
        render(text, |_| None).html
    }

    #[test]
    fn what_github_renders_is_rendered() {
        assert!(html("| a |\n|---|\n| b |").contains("<table>"));
        assert!(html("a[^1]\n\n[^1]: note").contains("footnote"));
        assert!(html("~~a~~").contains("<del>a</del>"));
        assert!(html("see https://example.com now").contains("<a href=\"https://example.com\">"));
        assert!(html("- [x] done").contains("checkbox"));
        assert!(html("<b class=x>raw</b>").contains("<b class=x>raw</b>"));
    }

    #[test]
    fn headings_have_ids_and_the_first_is_the_title() {
        let page = render("intro\n\n## Our *daily* `bread`\n\n# Later", |_| None);
        assert_eq!(page.heading.as_deref(), Some("Our daily bread"));
        assert!(page.html.contains("id=\"our-daily-bread\""), "{}", page.html);
    }

    #[test]
    fn links_and_pictures_can_be_led_elsewhere() {
        let page = render("[m](menu.md) ![p](p.png) [r][x]\n\n[x]: menu.md", |url| {
            (url == "menu.md").then(|| "/menu/".into())
        });
        assert_eq!(page.html.matches("href=\"/menu/\"").count(), 2);
        assert!(page.html.contains("src=\"p.png\""));
    }
}
