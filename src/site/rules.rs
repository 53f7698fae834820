//! The redirects and headers of a site, from `_redirects`, `_headers` and `arq.toml`.
//!
//! The rules of the files come first, then those of `arq.toml`. Source: Netlify's documentation,
//! "Redirects and rewrites", rule processing order.

use super::error::SiteError;
use super::headers::{HeaderRule, HeaderRules};
use super::links::Fault;
use super::load::text_of;
use super::redirect_faults::{self, Place, Written};
use super::redirects::Rule;
use super::redirects_file::LineFault;
use super::{File, headers_file, redirects_file};
use crate::config::{Config, Project};

/// What was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    written: Vec<Written>,
    headers: HeaderRules,
}

impl Rules {
    /// Reads the files that `has` says exist, and the configuration.
    pub(super) fn read(project: &Project, config: &Config, has: impl Fn(&str) -> bool) -> Result<Self, SiteError> {
        let (mut written, mut blocks): (Vec<Written>, Vec<HeaderRule>) = (Vec::new(), Vec::new());
        let fault = |file: &str| {
            let source = file.to_owned();
            move |LineFault { line, what }| SiteError::Rule(Fault { source, line: Some(line), what })
        };
        if has(redirects_file::FILE) {
            let text = text_of(project, redirects_file::FILE)?;
            let rules = redirects_file::parse(&text).map_err(fault(redirects_file::FILE))?.into_iter();
            written.extend(rules.map(|(line, rule)| Written { rule, place: Place::Line(line) }));
        }
        if has(headers_file::FILE) {
            let text = text_of(project, headers_file::FILE)?;
            blocks = headers_file::parse(&text).map_err(fault(headers_file::FILE))?;
        }
        // The configuration was checked.
        let of_config = config.redirects.iter().map(Rule::of).enumerate();
        let of_config = of_config.filter_map(|(number, rule)| Some((number, rule.ok()?)));
        written.extend(of_config.map(|(number, rule)| Written { rule, place: Place::Table(number) }));
        Ok(Self { written, headers: HeaderRules::new(blocks, &config.headers) })
    }

    /// The redirects, in order.
    pub fn redirects(&self) -> Vec<Rule> {
        self.written.iter().map(|written| written.rule.clone()).collect()
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderRules {
        &self.headers
    }

    /// What looks wrong with the rules of a site that has these files.
    ///
    /// # Errors
    ///
    /// A circle of redirects, or headers that are more than S3 keeps.
    pub(super) fn check(
        &self,
        files: &[File],
        not_found: &File,
        domain: Option<&str>,
    ) -> Result<Vec<Fault>, SiteError> {
        let paths = files.iter().map(|file| file.path.as_str());
        let mut faults = redirect_faults::check(&self.written, paths.clone(), domain).map_err(SiteError::Rule)?;
        if self.headers.is_empty() {
            return Ok(faults);
        }
        let fault = |what| Fault { source: "[[headers]] or site/_headers".into(), line: None, what };
        let mut paths = paths.chain([not_found.path.as_str()]);
        let idle = self.headers.idle(paths.clone()).into_iter();
        faults.extend(idle.map(|pattern| fault(format!("{pattern} is the path of no page or file"))));
        paths.try_for_each(|path| self.headers.check_page(path)).map_err(|what| SiteError::Rule(fault(what)))?;
        Ok(faults)
    }
}
