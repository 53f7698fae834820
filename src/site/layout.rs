//! The layouts of Markdown pages: `site/_layouts/<name>.html`, in minijinja's language.

use minijinja::value::Serde;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value, context};

use super::error::{SiteError, nearest};
use super::front::FrontMatter;
use super::scan::LAYOUTS;

/// The layout of pages that name none.
const DEFAULT: &str = "page";
/// What stands in for it when the site has none.
const BUILT_IN: &str = include_str!("layout.html");

/// All layouts of a site.
pub struct Layouts {
    environment: Environment<'static>,
    names: Vec<String>,
}

/// What a layout is given.
pub struct Page<'a> {
    /// The file, from the project's folder.
    pub source: &'a str,
    /// URL path.
    pub path: &'a str,
    /// Title, description and the site's own values.
    pub front: &'a FrontMatter,
    /// Title for pages that say none.
    pub title: &'a str,
    /// The page's HTML.
    pub content: String,
}

impl Layouts {
    /// Takes the layouts, each a file name from `site/_layouts/` and its text.
    pub fn new(files: Vec<(String, String)>) -> Result<Self, SiteError> {
        let mut environment = Environment::new();
        // A misspelt variable is an error; `{% if page.extra.author %}` is not.
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        let mut names = Vec::new();
        environment.add_template_owned(file_name(DEFAULT), BUILT_IN).map_err(|error| fault(&error))?;
        for (name, text) in files {
            if let Some(layout) = name.strip_suffix(".html") {
                names.push(layout.to_owned());
            }
            environment.add_template_owned(name, text).map_err(|error| fault(&error))?;
        }
        Ok(Self { environment, names })
    }

    /// Renders a page in its layout.
    pub fn render(&self, page: Page<'_>, site: &crate::config::site::Site) -> Result<String, SiteError> {
        let layout = page.front.layout.as_deref().unwrap_or(DEFAULT);
        let template =
            self.environment.get_template(&file_name(layout)).map_err(|error| self.missing(&page, layout, &error))?;
        let variables = context! {
            page => context! {
                title => page.front.title.as_deref().unwrap_or(page.title),
                description => page.front.description.as_deref().unwrap_or_default(),
                path => page.path,
                source => page.source,
                layout => layout,
                extra => Value::from(Serde(&page.front.extra)),
            },
            site => context! { name => site.name.as_str(), language => site.language.as_str() },
            content => Value::from_safe_string(page.content),
        };
        template.render(variables).map_err(|error| fault(&error))
    }

    fn missing(&self, page: &Page<'_>, layout: &str, error: &Error) -> SiteError {
        if error.kind() != ErrorKind::TemplateNotFound {
            return fault(error);
        }
        let near = nearest(layout, self.names.iter().map(String::as_str));
        let hint = near.map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default();
        SiteError::NoLayout { file: page.source.into(), layout: layout.into(), hint }
    }
}

fn file_name(layout: &str) -> String {
    format!("{layout}.html")
}

fn fault(error: &Error) -> SiteError {
    let file = error.name().map_or_else(|| LAYOUTS.into(), |name| format!("{LAYOUTS}{name}"));
    let mut what = error.detail().map_or_else(|| error.kind().to_string(), Into::into);
    if error.kind() == ErrorKind::UndefinedError {
        what = format!("{what}: the page does not say what is asked for here");
    }
    SiteError::Layout { file, line: error.line(), what }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn render(layouts: &[(&str, &str)], front: &FrontMatter) -> Result<String, SiteError> {
        let files = layouts.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect();
        let page = Page { source: "site/a.md", path: "/a/", front, title: "Heading", content: "<p>Hi</p>".into() };
        Layouts::new(files)?.render(page, &crate::config::site::Site::default())
    }

    #[test]
    fn a_site_without_layouts_has_a_small_one() {
        let front = FrontMatter { title: Some("A & B".into()), ..FrontMatter::default() };
        let html = render(&[], &front).unwrap();
        assert!(html.starts_with("<!doctype html>\n<html lang=\"en\">"), "{html}");
        assert!(html.contains("<title>A &amp; B</title>") && html.contains("<p>Hi</p>"));
        assert!(!html.contains("name=\"description\""));
    }

    #[test]
    fn layouts_escape_values_but_not_the_content_and_may_extend_others() {
        let base = ("base.html", "<title>{{ page.title }}</title>{% block body %}{% endblock %}");
        let page =
            ("page.html", "{% extends \"base.html\" %}{% block body %}{{ content }}{{ page.extra.by }}{% endblock %}");
        let mut front = FrontMatter { title: Some("<x>".into()), ..FrontMatter::default() };
        front.extra.insert("by".into(), "<b>".into());
        assert_eq!(render(&[base, page], &front).unwrap(), "<title>&lt;x&gt;</title><p>Hi</p>&lt;b&gt;");
    }

    #[test]
    fn faults_name_the_layout_and_its_line() {
        let fault = |text: &str| render(&[("page.html", text)], &FrontMatter::default()).unwrap_err().to_string();
        assert!(fault("a\n{{ page.titel }}").starts_with("site/_layouts/page.html, line 2: "));
        assert!(fault("a\nb\n{% if %}").starts_with("site/_layouts/page.html, line 3: "));
        assert_eq!(render(&[("page.html", "{% if page.extra.x %}a{% endif %}")], &FrontMatter::default()).unwrap(), "");
    }

    #[test]
    fn an_absent_layout_is_named_with_the_nearest() {
        let front = FrontMatter { layout: Some("psot".into()), ..FrontMatter::default() };
        let fault = render(&[("post.html", "")], &front).unwrap_err().to_string();
        assert_eq!(
            fault,
            "site/a.md asks for the layout \"psot\", but there is no site/_layouts/psot.html; did you mean \"post\"?"
        );
    }
}
