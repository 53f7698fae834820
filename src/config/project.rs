//! The customer's project: a folder, or the starter that is embedded in the program.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;

/// The starter is this repository's own `arq.toml`, `site/`, `api/` and `migrations/`.
const STARTER_TOML: &str = include_str!("../../arq.toml");

#[derive(rust_embed::Embed)]
#[folder = "site/"]
#[prefix = "site/"]
struct StarterSite;

#[derive(rust_embed::Embed)]
#[folder = "api/"]
#[prefix = "api/"]
struct StarterApi;

#[derive(rust_embed::Embed)]
#[folder = "migrations/"]
#[prefix = "migrations/"]
struct StarterMigrations;

fn starter_files() -> impl Iterator<Item = Cow<'static, str>> {
    StarterSite::iter().chain(StarterApi::iter()).chain(StarterMigrations::iter())
}

fn starter_file(name: &str) -> Option<Cow<'static, [u8]>> {
    if name == "arq.toml" {
        return Some(Cow::Borrowed(STARTER_TOML.as_bytes()));
    }
    let file = StarterSite::get(name).or_else(|| StarterApi::get(name)).or_else(|| StarterMigrations::get(name));
    file.map(|file| file.data)
}

/// Where the project's files are read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Project {
    /// A folder with an `arq.toml`.
    Folder(PathBuf),
    /// The embedded starter, run in this folder (where `.arq/` is kept).
    Starter(PathBuf),
}

impl Project {
    /// The project in `dir`, or the starter when `dir` has no `arq.toml`.
    pub fn open(dir: &Path) -> Self {
        if dir.join("arq.toml").is_file() { Self::Folder(dir.to_owned()) } else { Self::Starter(dir.to_owned()) }
    }

    /// Names of the starter's files.
    pub fn starter_files() -> Vec<String> {
        let mut files: Vec<String> =
            starter_files().map(Cow::into_owned).filter(|f| !f.ends_with(".gitkeep")).collect();
        files.push("arq.toml".into());
        files.sort();
        files
    }

    /// Folder in which `.arq/` lies and which messages name.
    pub fn root(&self) -> &Path {
        match self {
            Self::Folder(dir) | Self::Starter(dir) => dir,
        }
    }

    /// Folder of local data.
    pub fn data(&self) -> PathBuf {
        self.root().join(".arq")
    }

    /// Path on disk of a file of the project, or `None` when it is embedded.
    pub fn on_disk(&self, relative: &str) -> Option<PathBuf> {
        match self {
            Self::Folder(dir) => Some(dir.join(relative)),
            Self::Starter(_) => None,
        }
    }

    /// All files under `folder`, relative to the project, `/` between the parts, sorted.
    ///
    /// Symbolic links are followed; a dangling one is skipped, and so is a folder that links to
    /// one of its own parents. An absent folder has no files. Names that are not UTF-8 are an error that names them.
    pub fn files(&self, folder: &str) -> io::Result<Vec<String>> {
        match self {
            Self::Folder(dir) => files_on_disk(dir, folder),
            Self::Starter(_) => {
                let prefix = format!("{folder}/");
                let mut files: Vec<String> =
                    starter_files().map(Cow::into_owned).filter(|f| f.starts_with(&prefix)).collect();
                files.sort();
                Ok(files)
            }
        }
    }

    /// Whether `folder` exists.
    pub fn has_folder(&self, folder: &str) -> bool {
        match self {
            Self::Folder(dir) => dir.join(folder).is_dir(),
            Self::Starter(_) => starter_files().any(|f| f.starts_with(&format!("{folder}/"))),
        }
    }

    /// The bytes of one file.
    pub fn read(&self, relative: &str) -> io::Result<Bytes> {
        match self {
            Self::Folder(dir) => std::fs::read(dir.join(relative)).map(Bytes::from),
            Self::Starter(_) => match starter_file(relative) {
                Some(Cow::Borrowed(data)) => Ok(Bytes::from_static(data)),
                Some(Cow::Owned(data)) => Ok(Bytes::from(data)),
                None => Err(io::ErrorKind::NotFound.into()),
            },
        }
    }
}

fn files_on_disk(root: &Path, folder: &str) -> io::Result<Vec<String>> {
    let start = root.join(folder);
    if !start.is_dir() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(&start).follow_links(true) {
        let entry = match entry {
            Ok(entry) => entry,
            // A link to nowhere, or a loop of links.
            Err(error) if error.loop_ancestor().is_some() || is_absent(&error) => continue,
            Err(error) => return Err(error.into()),
        };
        if !entry.file_type().is_file() {
            continue;
        }
        let relative = entry.path().strip_prefix(root).unwrap_or(entry.path());
        let name = relative.to_str().ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, format!("the name of {} is not UTF-8", relative.display()))
        })?;
        files.push(name.replace(std::path::MAIN_SEPARATOR, "/"));
    }
    files.sort();
    Ok(files)
}

fn is_absent(error: &walkdir::Error) -> bool {
    error.io_error().is_some_and(|e| e.kind() == io::ErrorKind::NotFound)
}
