//! Which files of `site/` become part of the site, and under which URL.

use super::error::SiteError;
use super::url;
use crate::config::Urls;

/// The folder, from the project's.
pub const FOLDER: &str = "site";
/// Folder of the layouts.
pub const LAYOUTS: &str = "site/_layouts/";
/// URL of the page for what is not found.
pub const NOT_FOUND: &str = "/404.html";

/// Folders whose names begin with `_` although they are meant for visitors: the generators
/// Sphinx, Astro, Next, Nuxt, SvelteKit, Expo and Blazor write them.
const GENERATED: &[&str] = &[
    "_app",
    "_assets",
    "_astro",
    "_content",
    "_downloads",
    "_expo",
    "_framework",
    "_images",
    "_modules",
    "_next",
    "_nuxt",
    "_sources",
    "_static",
];

/// Whether a file, named from `site/`, is kept from visitors.
///
/// Left out are names that begin with `_` (drafts, layouts; but not a generator's folders) or
/// with a dot (but not `.well-known/`), source maps, editors' backups and what operating
/// systems leave in folders.
pub fn is_left_out(name: &str) -> bool {
    let mut generated = false;
    for (depth, part) in name.split('/').enumerate() {
        generated |= GENERATED.contains(&part) && name.split('/').nth(depth + 1).is_some();
        let hidden = part.starts_with('.') && !(depth == 0 && part == ".well-known");
        if hidden || (part.starts_with('_') && !generated) {
            return true;
        }
    }
    let last = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    let end = |ends: &[&str]| ends.iter().any(|end| last.ends_with(end));
    end(&[".map", "~", ".swp", ".swo"])
        || (last.starts_with('#') && last.ends_with('#'))
        || last == "thumbs.db"
        || last == "desktop.ini"
}

/// Whether a file is Markdown.
pub fn is_markdown(name: &str) -> bool {
    name.ends_with(".md") || name.ends_with(".markdown")
}

/// The URL path of a file that is named from `site/`.
pub fn url_of(name: &str, urls: Urls) -> String {
    let path = format!("/{name}");
    if path == NOT_FOUND || is_not_found_source(name) {
        return NOT_FOUND.into();
    }
    if let Some(page) = path.strip_suffix(".md").or_else(|| path.strip_suffix(".markdown")) {
        return page
            .strip_suffix("index")
            .filter(|folder| folder.ends_with('/'))
            .map_or(format!("{page}/"), Into::into);
    }
    if let Some(folder) = path.strip_suffix("index.html").filter(|folder| folder.ends_with('/')) {
        return folder.into();
    }
    match (urls, path.strip_suffix(".html")) {
        (Urls::Clean, Some(page)) if !page.ends_with('/') => page.into(),
        _ => path,
    }
}

fn is_not_found_source(name: &str) -> bool {
    matches!(name, "404.html" | "404.md" | "404.markdown")
}

/// Refuses a name that the URL rules would refuse to visitors.
pub fn check_name(source: &str, path: &str) -> Result<(), SiteError> {
    if looks_immutable(path) {
        return Err(SiteError::ImmutableName { file: source.into() });
    }
    if url::is_addressable(path) && !path.contains("//") {
        return Ok(());
    }
    Err(SiteError::Name { file: source.escape_debug().to_string() })
}

/// Whether a path ends as immutable names do: `~[\w-]{13}\.\w+`. (See `release::rules::kept`.)
fn looks_immutable(path: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let Some((rest, extension)) = path.rsplit_once('.') else { return false };
    let Some((_, mark)) = rest.rsplit_once('~') else { return false };
    !extension.is_empty()
        && extension.bytes().all(word)
        && mark.len() == 13
        && mark.bytes().all(|byte| word(byte) || byte == b'-')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn what_is_not_for_visitors_is_left_out() {
        for name in [
            "_layouts/page.html",
            "a/_draft.md",
            ".env",
            "a/.git/config",
            "app.js.map",
            "index.html~",
            ".index.html.swp",
            "b/Thumbs.db",
            "desktop.ini",
            ".well-known/.x",
            "a/.well-known/x",
            "_static",
            "#index.html#",
        ] {
            assert!(is_left_out(name), "{name}");
        }
        for name in [
            "index.html",
            ".well-known/security.txt",
            "_static/_common.js",
            "docs/_images/a.png",
            "map.html",
            "a_b.html",
        ] {
            assert!(!is_left_out(name), "{name}");
        }
    }

    #[test]
    fn files_have_the_urls_of_the_design() {
        for (name, as_is, clean) in [
            ("index.html", "/", "/"),
            ("b/index.html", "/b/", "/b/"),
            ("a.html", "/a.html", "/a"),
            ("about.md", "/about/", "/about/"),
            ("b/index.md", "/b/", "/b/"),
            ("b/reindex.md", "/b/reindex/", "/b/reindex/"),
            ("reindex.html", "/reindex.html", "/reindex"),
            ("404.html", "/404.html", "/404.html"),
            ("404.md", "/404.html", "/404.html"),
            ("b/404.html", "/b/404.html", "/b/404"),
            ("c.svg", "/c.svg", "/c.svg"),
        ] {
            assert_eq!(url_of(name, Urls::AsIs), as_is, "{name}");
            assert_eq!(url_of(name, Urls::Clean), clean, "{name}");
        }
    }

    #[test]
    fn names_like_immutable_ones_are_refused() {
        for name in ["a~AAAAAAAAAAAAA.css", "b/a.min~AAAA-AAA_AAAB.js", "~AAAAAAAAAAAAA.x", "~~AAAAAAAAAAAAA.x"] {
            let error = check_name(name, &format!("/{name}")).unwrap_err().to_string();
            assert!(error.starts_with(name) && error.ends_with("rename it"), "{error}");
        }
        for name in [
            "a~AAAAAAAAAAAA.css",
            "aAAAAAAAAAAAAA.css",
            "a~AAAAAAAAAAAAA",
            "a~AAAAAAAAAAAAA/b.css",
            "a~AAAAAAAAAAAA!.css",
        ] {
            assert!(check_name(name, &format!("/{name}")).is_ok(), "{name}");
        }
    }
}
