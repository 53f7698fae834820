//! The bundle: all declarations of a project, as one file that a release carries.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::declare::{Collection, Fault, Store, Verb, parse};
use super::tokens;
use crate::config::Project;

/// Folder of the declarations.
const FOLDER: &str = "api";
/// Version of the bundle's format.
const FORMAT: u32 = 1;
/// Longest name of a collection, in characters; table names add to it.
const NAME: usize = 31;
/// Who may what there is no rule for.
const NOBODY: &str = "nobody";

/// What a project's API is.
#[derive(Debug, Clone, PartialEq)]
pub struct Bundle {
    /// The collections by name.
    pub collections: BTreeMap<String, Collection>,
    /// The bundle as it is published; equal declarations have equal bytes.
    pub bytes: Bytes,
}

/// One thing that is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Method.
    pub method: &'static str,
    /// Path, `{id}` for a document's id.
    pub path: String,
    /// Who may, in words.
    pub who: String,
}

/// Everything that is wrong with a project's declarations.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, fault) in self.0.iter().enumerate() {
            write!(f, "{}{fault}", if i == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

/// Why bytes are no bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// Not JSON, or not of this shape.
    #[error("the API bundle is damaged")]
    Damaged(#[from] serde_json::Error),
    /// Written by another version.
    #[error("the API bundle has format {0}; this version of arqsite reads {FORMAT}")]
    Format(u32),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    collections: BTreeMap<String, Collection>,
}

impl Bundle {
    /// Reads the declarations of `project`; `None` when it has no API.
    pub fn load(project: &Project) -> Result<Option<Self>, Faults> {
        let whole = |what: String| Faults(vec![Fault { file: FOLDER.into(), line: None, what }]);
        let files = project.files(FOLDER).map_err(|error| whole(error.to_string()))?;
        let (mut collections, mut faults) = (BTreeMap::new(), Vec::new());
        for file in files {
            match read(project, &file) {
                Ok(Some((name, collection))) => {
                    collections.insert(name, collection);
                }
                Ok(None) => {}
                Err(found) => faults.extend(found),
            }
        }
        match (faults.is_empty(), collections.is_empty()) {
            (false, _) => Err(Faults(faults)),
            (true, true) => Ok(None),
            (true, false) => Ok(Some(Self::of(collections))),
        }
    }

    /// Reads a bundle that was published.
    pub fn parse(bytes: Bytes) -> Result<Self, BundleError> {
        let file: File = serde_json::from_slice(&bytes)?;
        match file.format {
            FORMAT => Ok(Self { collections: file.collections, bytes }),
            other => Err(BundleError::Format(other)),
        }
    }

    /// Names of the collections whose documents are in the document store.
    pub fn document_collections(&self) -> Vec<String> {
        self.kept_in(Store::Documents)
    }

    /// Names of the collections of files.
    pub fn file_collections(&self) -> Vec<String> {
        self.kept_in(Store::Files)
    }

    fn kept_in(&self, store: Store) -> Vec<String> {
        let those = self.collections.iter().filter(|(_, collection)| collection.store == store);
        those.map(|(name, _)| name.clone()).collect()
    }

    /// What is answered, and to whom, for people.
    pub fn routes(&self) -> Vec<Route> {
        let verbs = [
            (Verb::Create, "POST", ""),
            (Verb::List, "GET", ""),
            (Verb::Get, "GET", "/{id}"),
            (Verb::Delete, "DELETE", "/{id}"),
        ];
        let routes = |(name, collection): (&String, &Collection)| {
            verbs.map(|(verb, method, rest)| Route {
                method,
                path: format!("/api/{name}{rest}"),
                who: match collection.rules.get(&verb).map(String::as_str) {
                    None => NOBODY.into(),
                    Some("true") => "anybody".into(),
                    Some(rule) => format!("if {rule}"),
                },
            })
        };
        self.collections.iter().flat_map(routes).collect()
    }

    /// What is answered to anybody at all: the route, such as `GET /api/messages`, and who may.
    pub fn answered(&self) -> BTreeMap<String, String> {
        let routes = self.routes().into_iter().filter(|route| route.who != NOBODY);
        routes.map(|route| (format!("{} {}", route.method, route.path), route.who)).collect()
    }

    fn of(collections: BTreeMap<String, Collection>) -> Self {
        let file = File { format: FORMAT, collections };
        // Maps with text keys do not fail.
        let bytes = serde_json::to_vec(&file).unwrap_or_default().into();
        Self { collections: file.collections, bytes }
    }
}

/// One file of `api/`; `None` for what is not published, such as an editor's backup.
fn read(project: &Project, file: &str) -> Result<Option<(String, Collection)>, Vec<Fault>> {
    let name = file.strip_prefix("api/").unwrap_or(file);
    if name.split('/').any(|part| part.starts_with(['.', '_']) || part.ends_with('~')) {
        return Ok(None);
    }
    let fault = |what: String| vec![Fault { file: file.into(), line: None, what }];
    let Some(name) = name.strip_suffix(".toml") else {
        return Err(fault("only declarations, api/<name>.toml, are read here".into()));
    };
    check_name(name).map_err(fault)?;
    let bytes = project.read(file).map_err(|error| fault(error.to_string()))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| fault("is not UTF-8 text".into()))?;
    parse(file, text).map(|collection| Some((name.to_owned(), collection)))
}

fn check_name(name: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name == tokens::COLLECTION || name == "health" {
        return Err(format!("the name {name} is arqsite's own; choose another"));
    }
    if name.len() > NAME || !name.chars().all(plain) || !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Err(format!("a collection's name is of a-z, 0-9 and -, begins with a letter and has at most {NAME}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn project(files: &[(&str, &str)]) -> (tempfile::TempDir, Project) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("api")).unwrap();
        for (name, text) in files.iter().chain(&[("arq.toml", "")]) {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let project = Project::open(folder.path());
        (folder, project)
    }

    #[test]
    fn a_bundle_survives_its_file() {
        let bundle = Bundle::load(&Project::Starter(".".into())).unwrap().unwrap();
        assert_eq!(Bundle::parse(bundle.bytes.clone()).unwrap(), bundle);
        assert_eq!(bundle.document_collections(), ["messages"]);
    }

    #[test]
    fn files_are_in_the_bundle_and_not_among_the_documents() {
        let photos = "[collection]\nstore = \"files\"\n[rules]\nlist = \"true\"\n";
        let (_folder, project) = project(&[("api/photos.toml", photos)]);
        let bundle = Bundle::load(&project).unwrap().unwrap();
        assert_eq!((bundle.file_collections(), bundle.document_collections()), (vec!["photos".into()], vec![]));
        assert_eq!(Bundle::parse(bundle.bytes.clone()).unwrap(), bundle);
        assert!(bundle.routes().iter().any(|r| r.method == "GET" && r.path == "/api/photos" && r.who == "anybody"));
    }

    #[test]
    fn a_project_without_declarations_has_no_api() {
        let (_folder, project) = project(&[]);
        assert_eq!(Bundle::load(&project).unwrap(), None);
    }

    #[test]
    fn all_faults_of_all_files_are_told() {
        let (_folder, project) = project(&[("api/tokens.toml", ""), ("api/a.toml", "x"), ("api/b.js", "")]);
        let text = Bundle::load(&project).unwrap_err().to_string();
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.contains("api/tokens.toml: the name tokens is arqsite's own"), "{text}");
        assert!(text.contains("api/b.js: only declarations"), "{text}");
    }

    #[test]
    fn another_format_is_refused() {
        let text = Bytes::from_static(br#"{"format":2,"collections":{}}"#);
        assert!(Bundle::parse(text).unwrap_err().to_string().contains("format 2"));
    }
}
