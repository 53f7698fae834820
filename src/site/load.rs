//! Reading the whole site.

use std::collections::{BTreeMap, HashMap, HashSet};

use bytes::Bytes;

use super::error::SiteError;
use super::front::{self, FrontMatter};
use super::layout::{Layouts, Page};
use super::links::Known;
use super::redirect_table::Table;
use super::rules::Rules;
use super::url::{self, Target};
use super::{Content, FAULTS_LISTED, File, Site, faults, markdown, mime, not_found, parallel, scan};
use crate::config::{Config, Project, Urls};

pub(super) const HTML: &str = "text/html; charset=utf-8";

/// Reads `site/` of a project.
///
/// # Errors
///
/// What stops a page from being shown or two from being told apart; what only looks wrong
/// becomes one of [`Site::faults`].
pub fn load(project: &Project, config: &Config) -> Result<Site, SiteError> {
    let listing = Listing::read(project, config.site.urls)?;
    let layouts = Layouts::new(listing.layouts(project)?)?;
    let pages = listing.pages(project)?;
    let (drafts, pages): (Vec<Draft>, Vec<Draft>) = pages.into_iter().partition(|page| page.front.draft);
    let drafts: HashSet<&str> = drafts.iter().map(|page| page.source.as_str()).collect();
    let urls = listing.urls(&drafts)?;

    let rendered = parallel::map(&pages, |page| page.render(&layouts, &urls, config));
    let mut files: Vec<File> = rendered.into_iter().collect::<Result<_, _>>()?;
    for source in listing.plain() {
        let path = urls.get(source.as_str()).cloned().unwrap_or_default();
        files.push(file_of(project, source, path)?);
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let not_found = match files.iter().position(|file| file.path == scan::NOT_FOUND) {
        Some(at) => files.remove(at),
        None => built_in_not_found(&config.site.language),
    };
    let rules = Rules::read(project, config, |file| listing.left_out.iter().any(|source| source == file))?;
    let redirects = rules.redirects();
    let table = Table::new(&redirects, files.iter().map(|file| file.path.as_str()));
    let mut faults = faults::of_structure(&files, &table);
    faults.extend(rules.check(&files, &not_found, config.site.domain.as_deref())?);
    let left_out: Vec<String> = listing
        .left_out
        .iter()
        .map(|s| s.as_str())
        .chain(drafts)
        .map(|source| scan::url_of(named(source), config.site.urls))
        .collect();
    let known = Known::new(files.iter().map(|file| file.path.as_str()), left_out.iter().map(String::as_str));
    let known = known.with_rules(&table);
    let (broken, more) = faults::of_links(project, &known, files.iter().chain([&not_found]))?;
    let faults_in_all = faults.len() + broken.len() + more;
    faults.extend(broken);
    faults.truncate(FAULTS_LISTED);
    Ok(Site { files, not_found, rules, faults, faults_in_all })
}

/// The name of a file from `site/`.
pub(super) fn named(source: &str) -> &str {
    source.strip_prefix(scan::FOLDER).and_then(|name| name.strip_prefix('/')).unwrap_or(source)
}

/// The files of `site/`, each from the project's folder.
struct Listing {
    urls: Urls,
    published: Vec<String>,
    left_out: Vec<String>,
}

impl Listing {
    fn read(project: &Project, urls: Urls) -> Result<Self, SiteError> {
        let folder = project.root().join(scan::FOLDER).display().to_string();
        if !project.has_folder(scan::FOLDER) {
            return Err(SiteError::NoFolder { folder });
        }
        let files = project.files(scan::FOLDER).map_err(|source| SiteError::List { folder, source })?;
        let (left_out, published) = files.into_iter().partition(|source| scan::is_left_out(named(source)));
        Ok(Self { urls, published, left_out })
    }

    fn plain(&self) -> impl Iterator<Item = &String> {
        self.published.iter().filter(|source| !scan::is_markdown(source))
    }

    fn layouts(&self, project: &Project) -> Result<Vec<(String, String)>, SiteError> {
        let layouts = self.left_out.iter().filter_map(|source| Some((source, source.strip_prefix(scan::LAYOUTS)?)));
        layouts
            .filter(|(_, name)| name.ends_with(".html") || name.ends_with(".svg"))
            .map(|(source, name)| Ok((name.to_owned(), text_of(project, source)?)))
            .collect()
    }

    fn pages(&self, project: &Project) -> Result<Vec<Draft>, SiteError> {
        let sources: Vec<&String> = self.published.iter().filter(|source| scan::is_markdown(source)).collect();
        let pages = parallel::map(&sources, |source| Draft::read(project, source));
        pages.into_iter().collect()
    }

    /// The URL of every published file; two that share one are an error.
    fn urls(&self, drafts: &HashSet<&str>) -> Result<HashMap<&str, String>, SiteError> {
        let mut seen: BTreeMap<String, &str> = BTreeMap::new();
        for source in self.published.iter().map(String::as_str).filter(|source| !drafts.contains(source)) {
            let path = scan::url_of(named(source), self.urls);
            scan::check_name(source, &path)?;
            if let Some(first) = seen.insert(path.clone(), source) {
                return Err(SiteError::SameUrl { path, first: first.into(), second: source.into() });
            }
        }
        Ok(seen.into_iter().map(|(path, source)| (source, path)).collect())
    }
}

/// A Markdown page that is not rendered yet.
struct Draft {
    source: String,
    front: FrontMatter,
    text: String,
}

impl Draft {
    fn read(project: &Project, source: &str) -> Result<Self, SiteError> {
        let whole = text_of(project, source)?;
        let (front, text, _) = front::split(source, &whole)?;
        Ok(Self { source: source.into(), front, text: text.into() })
    }

    fn render(&self, layouts: &Layouts, urls: &HashMap<&str, String>, config: &Config) -> Result<File, SiteError> {
        let path = urls.get(self.source.as_str()).cloned().unwrap_or_default();
        let rendered = markdown::render(&self.text, |link| self.address(link, urls));
        let title = rendered.heading.unwrap_or_else(|| title_of(&self.source));
        let page =
            Page { source: &self.source, path: &path, front: &self.front, title: &title, content: rendered.html };
        let html = layouts.render(page, &config.site)?;
        Ok(File {
            path,
            source: self.source.clone(),
            content: Content::Memory(Bytes::from(html)),
            content_type: HTML.into(),
        })
    }

    /// The URL of a file that a link names as it lies on disk (`menu.md`, `../pictures/oven.svg`).
    ///
    /// A page's URL is a folder that its file is not in, so that such links would miss.
    fn address(&self, link: &str, urls: &HashMap<&str, String>) -> Option<String> {
        let Target::Path(target) = url::resolve(&format!("/{}", named(&self.source)), link) else { return None };
        let url = urls.get(format!("{}{target}", scan::FOLDER).as_str())?;
        let rest = link.find(['?', '#']).map_or("", |at| &link[at..]);
        Some(format!("{}{rest}", url::encode(url)))
    }
}

fn title_of(source: &str) -> String {
    let name = named(source);
    let name = name.strip_suffix("/index.md").unwrap_or(name);
    let name = name.rsplit('/').next().unwrap_or(name);
    name.split('.').next().unwrap_or(name).replace(['-', '_'], " ")
}

pub(super) fn text_of(project: &Project, source: &str) -> Result<String, SiteError> {
    let bytes = project.read(source).map_err(|error| SiteError::Read { file: source.into(), source: error })?;
    String::from_utf8(bytes.into()).map_err(|_| SiteError::NotText { file: source.into() })
}

fn file_of(project: &Project, source: &str, path: String) -> Result<File, SiteError> {
    let error = |error| SiteError::Read { file: source.into(), source: error };
    let content = match project.on_disk(source) {
        Some(disk) => {
            let size = std::fs::metadata(&disk).map_err(error)?.len();
            Content::Disk { path: disk, size }
        }
        None => Content::Memory(project.read(source).map_err(error)?),
    };
    Ok(File { path, source: source.into(), content, content_type: mime::content_type(source) })
}

fn built_in_not_found(language: &str) -> File {
    File {
        path: scan::NOT_FOUND.into(),
        source: String::new(),
        content: Content::Memory(not_found::page(language).into()),
        content_type: HTML.into(),
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
