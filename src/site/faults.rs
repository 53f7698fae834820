//! What is probably a mistake in a site, said with file and line.

use std::collections::HashSet;
use std::fs;

use super::error::SiteError;
use super::links::{Broken, Fault, Known};
use super::load::{HTML, text_of};
use super::redirect_table::Table;
use super::{Content, File, parallel, scan};
use crate::config::Project;

/// What is wrong with the site as a whole.
pub(super) fn of_structure(files: &[File], rules: &Table<'_>) -> Vec<Fault> {
    let mut faults = Vec::new();
    if !files.iter().any(|file| file.path == "/") && rules.matching("").is_empty() {
        let what = "there is no index.html or index.md, so the site's first page is not found".into();
        faults.push(Fault { source: "site/".into(), line: None, what });
    }
    if files.iter().any(|file| file.path.starts_with("/api/")) {
        let what = "visitors never see these files: /api/ is answered by the API; use another folder".into();
        faults.push(Fault { source: "site/api/".into(), line: None, what });
    }
    faults
}

/// The faults of all pages, without those that a layout repeats, and how many more there are.
pub(super) fn of_links<'a>(
    project: &Project,
    known: &Known<'_>,
    files: impl Iterator<Item = &'a File>,
) -> Result<(Vec<Fault>, usize), SiteError> {
    let pages: Vec<&File> = files.filter(|file| file.content_type == HTML && !file.source.is_empty()).collect();
    let found = parallel::map(&pages, |page| broken_in(project, known, page));
    let (mut all, mut more, mut seen) = (Vec::new(), 0, HashSet::new());
    for page in found {
        let (faults, count) = page?;
        more += count - faults.len();
        all.extend(faults.into_iter().filter(|fault| seen.insert(fault.clone())));
    }
    Ok((all, more))
}

fn broken_in(project: &Project, known: &Known<'_>, page: &File) -> Result<(Vec<Fault>, usize), SiteError> {
    let error = |error| SiteError::Read { file: page.source.clone(), source: error };
    let (broken, count) = match &page.content {
        Content::Memory(_) | Content::Rewritten(_) => {
            page.content.bytes().and_then(|bytes| known.broken_in(&page.path, bytes.as_ref()))
        }
        Content::Disk { path, .. } => fs::File::open(path).and_then(|file| known.broken_in(&page.path, file)),
    }
    .map_err(error)?;
    if broken.is_empty() || !scan::is_markdown(&page.source) {
        return Ok((
            broken.iter().map(|broken| fault(&page.source, Some(broken.reference.line), broken)).collect(),
            count,
        ));
    }
    let text = text_of(project, &page.source)?;
    Ok((broken.iter().map(|broken| in_markdown(project, &page.source, &text, broken)).collect(), count))
}

fn fault(source: &str, line: Option<usize>, broken: &Broken) -> Fault {
    let what = format!("{}=\"{}\" {}", broken.reference.attribute, broken.reference.value, broken.why);
    Fault { source: source.into(), line, what }
}

/// The line of the Markdown, or else of the layout, that a link of the rendered page comes from.
fn in_markdown(project: &Project, source: &str, text: &str, broken: &Broken) -> Fault {
    let line_in = |text: &str| text.lines().position(|line| line.contains(&broken.reference.value)).map(|at| at + 1);
    if let Some(line) = line_in(text) {
        return fault(source, Some(line), broken);
    }
    let layouts = project.files("site/_layouts").unwrap_or_default();
    let from_layout = layouts.iter().find_map(|layout| Some((layout, line_in(&text_of(project, layout).ok()?)?)));
    match from_layout {
        Some((layout, line)) => fault(layout, Some(line), broken),
        None => fault(source, None, broken),
    }
}
