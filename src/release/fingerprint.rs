//! Immutable names: `/styles/site.css` is also `/styles/site~<id><flag>.css`, and pages and style
//! sheets refer to it so, so that browsers never ask for it again.
//!
//! A file's id depends on its bytes, and the bytes of a style sheet on the ids of what it refers
//! to. So files that refer to nothing come first, then style sheets, each after those that it
//! refers to, and pages last. Style sheets that refer to each other in a circle keep plain names
//! within the circle. A style sheet that a page checks with `integrity` keeps its bytes.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;

use super::id::{TARGET_LENGTH, Target};
use super::object::{Object, ObjectError};
use super::rules::kept_name;
use crate::config::Config;
use crate::site::rewrite::{self, Kind, Names};
use crate::site::url::{self, PATH_LENGTH};
use crate::site::{Content, File, Rewritten, parallel};

/// The immutable URL of a file, percent-encoded; `None` for a name that has no extension or
/// would become too long.
pub fn url_of(path: &str, target: &Target) -> Option<String> {
    // `~` and the target are added.
    let fits = path.encode_utf16().count() + TARGET_LENGTH < PATH_LENGTH;
    kept_name(path, target).filter(|_| fits).map(|name| url::encode(&name))
}

/// Whether and how plain names are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settings {
    /// Whether they are.
    pub on: bool,
    /// Whether styles in pages stay as they are, because the content security policy names the
    /// hashes of some.
    pub keeps_inline_styles: bool,
}

impl Settings {
    /// What the project asks for.
    pub fn of(config: &Config) -> Self {
        Self { on: config.site.fingerprint, keeps_inline_styles: config.security.csp.contains("'sha") }
    }
}

/// Makes the object of every file, in their order, with immutable names in pages and style sheets.
///
/// `make` makes the object of a file whose bytes are final; `name` gives the immutable URL of a
/// file, or `None` for one that keeps its plain name.
///
/// # Errors
///
/// When a file cannot be read, and what `make` says.
pub fn objects(
    files: &[&File],
    settings: Settings,
    make: impl Fn(&File) -> Result<Object, ObjectError> + Sync,
    name: impl Fn(&File, &Object) -> Option<String>,
) -> Result<Vec<Object>, ObjectError> {
    if !settings.on {
        return parallel::map(files, |file| make(file)).into_iter().collect();
    }
    let plan = Plan::of(files)?;
    let mut names = Names::default();
    names.keeps_inline_styles = settings.keeps_inline_styles;
    plan.plain.into_iter().for_each(|path| names.keep_plain(path));
    let mut names = Arc::new(names);
    let mut all: Vec<Option<Object>> = vec![None; files.len()];
    let stages = [(plan.first, false)].into_iter().chain(plan.sheets.into_iter().map(|level| (level, true)));
    for (stage, refers) in stages.chain([(plan.pages, true)]) {
        let made =
            parallel::map(&stage, |&at| if refers { rewritten(files[at], &names, &make) } else { make(files[at]) });
        for (at, object) in stage.into_iter().zip(made) {
            let (file, object) = (files[at], object?);
            if let Some(url) = name(file, &object).filter(|_| takes_name(file)) {
                Arc::make_mut(&mut names).insert(file.path.clone(), &file.content_type, url);
            }
            all[at] = Some(object);
        }
    }
    Ok(all.into_iter().flatten().collect())
}

fn rewritten(
    file: &File,
    names: &Arc<Names>,
    make: impl Fn(&File) -> Result<Object, ObjectError>,
) -> Result<Object, ObjectError> {
    let Some((text, bytes)) = Rewritten::of(file, names).map_err(|error| unread(file, error))? else {
        return make(file);
    };
    let mut object = make(&File { content: Content::Memory(bytes), ..file.clone() })?;
    object.content = Content::Rewritten(Arc::new(text));
    Ok(object)
}

fn unread(file: &File, source: io::Error) -> ObjectError {
    ObjectError::Read { file: file.source.clone(), source }
}

/// Whether a file may have an immutable name besides its own: what is found under a fixed address
/// has none, nor have pages, and the API answers before files.
fn takes_name(file: &File) -> bool {
    let kind = file.content_type.split(';').next().unwrap_or_default().trim();
    !matches!(kind, "text/html" | "application/xhtml+xml" | "application/manifest+json")
        && !file.path.starts_with("/.well-known/")
        && !file.path.starts_with("/api/")
}

/// In which order objects are made; numbers are places in the list of files.
#[derive(Debug, Default, PartialEq, Eq)]
struct Plan {
    /// Files whose bytes stay.
    first: Vec<usize>,
    /// Style sheets, each level after those that it refers to.
    sheets: Vec<Vec<usize>>,
    pages: Vec<usize>,
    /// Files that a style sheet asks for by their plain names, because its bytes stay.
    plain: HashSet<String>,
}

impl Plan {
    fn of(files: &[&File]) -> Result<Self, ObjectError> {
        let is_page = |at: &usize| Kind::of_type(&files[*at].content_type) == Some(Kind::Page);
        let is_sheet = |at: &usize| Kind::of(files[*at]) == Some(Kind::Sheet);
        let (pages, others): (Vec<usize>, Vec<usize>) = (0..files.len()).partition(is_page);
        let (sheets, mut first): (Vec<usize>, Vec<usize>) = others.into_iter().partition(is_sheet);

        let named: HashMap<&str, usize> =
            files.iter().enumerate().filter(|(_, f)| takes_name(f)).map(|(at, f)| (f.path.as_str(), at)).collect();
        let mut refers = HashMap::new();
        for (at, targets) in sheets.iter().zip(parallel::map(&sheets, |&at| targets(files[at], &named))) {
            refers.insert(*at, targets?);
        }
        let mut plain = HashSet::new();
        if refers.values().any(|targets| !targets.is_empty()) {
            let checked = checked(files, &pages)?;
            for (at, targets) in refers.iter_mut().filter(|(at, _)| checked.contains(&files[**at].path)) {
                plain.extend(targets.drain(..).filter(|to| to != at).map(|to| files[to].path.clone()));
            }
        }
        // What refers to nothing keeps its bytes.
        let (changing, steady): (Vec<usize>, Vec<usize>) = sheets.into_iter().partition(|at| !refers[at].is_empty());
        first.extend(steady);
        Ok(Self { first, sheets: levels(&changing, &refers), pages, plain })
    }
}

/// The files with names that a style sheet refers to.
fn targets(sheet: &File, named: &HashMap<&str, usize>) -> Result<Vec<usize>, ObjectError> {
    let css = sheet.content.bytes().map_err(|error| unread(sheet, error))?;
    let targets = rewrite::targets_of_sheet(&css, &sheet.path).unwrap_or_default();
    Ok(targets.iter().filter_map(|path| named.get(path.as_str()).copied()).collect())
}

/// What pages refer to with `integrity`.
fn checked(files: &[&File], pages: &[usize]) -> Result<HashSet<String>, ObjectError> {
    let found = parallel::map(pages, |&at| {
        let page = files[at];
        let found = match &page.content {
            Content::Disk { path, .. } => std::fs::File::open(path).and_then(|html| rewrite::checked(&page.path, html)),
            content => content.bytes().and_then(|html| rewrite::checked(&page.path, html.as_ref())),
        };
        found.map_err(|error| unread(page, error))
    });
    found.into_iter().try_fold(HashSet::new(), |mut all, found| {
        all.extend(found?);
        Ok(all)
    })
}

/// The sheets in levels: each refers only to earlier levels, or to its own within a circle.
fn levels(sheets: &[usize], refers: &HashMap<usize, Vec<usize>>) -> Vec<Vec<usize>> {
    let mut circles = Circles { refers, order: HashMap::new(), stack: Vec::new(), level: HashMap::new() };
    sheets.iter().for_each(|&sheet| circles.visit(sheet));
    let height = circles.level.values().max().map_or(0, |highest| highest + 1);
    let mut levels = vec![Vec::new(); height];
    for sheet in sheets {
        levels[circles.level[sheet]].push(*sheet);
    }
    levels
}

/// Tarjan's search for strongly connected components, without recursion: a chain of imports may
/// be longer than the stack is deep.
struct Circles<'a> {
    refers: &'a HashMap<usize, Vec<usize>>,
    /// When each sheet was first seen.
    order: HashMap<usize, usize>,
    /// Sheets seen whose circle is not complete.
    stack: Vec<usize>,
    level: HashMap<usize, usize>,
}

/// A sheet that is being looked at.
struct Frame {
    sheet: usize,
    next: usize,
    /// The earliest sheet that can be reached.
    low: usize,
}

impl Circles<'_> {
    fn visit(&mut self, sheet: usize) {
        let mut frames = Vec::new();
        if !self.order.contains_key(&sheet) {
            frames.push(self.enter(sheet));
        }
        while let Some(frame) = frames.last_mut() {
            match self.refers[&frame.sheet].get(frame.next) {
                Some(to) => {
                    frame.next += 1;
                    if self.level.contains_key(to) || !self.changes(*to) {
                        continue;
                    }
                    match self.order.get(to) {
                        Some(seen) => frame.low = frame.low.min(*seen),
                        None => frames.push(self.enter(*to)),
                    }
                }
                None => {
                    let (sheet, low) = (frame.sheet, frame.low);
                    frames.pop();
                    if low == self.order[&sheet] {
                        self.close(sheet);
                    }
                    if let Some(above) = frames.last_mut() {
                        above.low = above.low.min(low);
                    }
                }
            }
        }
    }

    fn changes(&self, sheet: usize) -> bool {
        self.refers.get(&sheet).is_some_and(|targets| !targets.is_empty())
    }

    fn enter(&mut self, sheet: usize) -> Frame {
        let low = self.order.len();
        self.order.insert(sheet, low);
        self.stack.push(sheet);
        Frame { sheet, next: 0, low }
    }

    /// Gives the circle that began with `first` its level.
    fn close(&mut self, first: usize) {
        let start = self.stack.iter().rposition(|sheet| *sheet == first).unwrap_or_default();
        let circle = self.stack.split_off(start);
        let outside = circle.iter().flat_map(|sheet| &self.refers[sheet]).filter_map(|to| self.level.get(to));
        let level = outside.max().map_or(0, |highest| highest + 1);
        self.level.extend(circle.into_iter().map(|sheet| (sheet, level)));
    }
}

#[cfg(test)]
#[path = "fingerprint_tests.rs"]
mod tests;
