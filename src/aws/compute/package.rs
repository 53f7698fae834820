//! The package: the engine as `bootstrap`, with the API that is current beside it.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use object::Endianness;
use object::elf::{EM_AARCH64, EM_X86_64, FileHeader64};
use object::read::elf::FileHeader;
use object::read::{ReadCache, ReadRef};
use sha2::{Digest, Sha256};
use tempfile::TempPath;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Newest glibc symbol that Lambda's `provided.al2023` has.
///
/// Source: Amazon Linux 2023 ships glibc 2.34.
const GLIBC: u32 = 34;
/// Largest program, in bytes: a package may have 250 MB unpacked, and holds the API beside it.
///
/// Source: Lambda quotas, "Deployment package (.zip file archive) size".
const LARGEST: u64 = 249 * 1024 * 1024;
/// Size of the pieces in which the program is read, in bytes.
const PIECE: usize = 256 * 1024;
/// Characters of the engine's identity.
const IDENTITY: usize = 16;

/// The program that becomes the function.
pub struct EngineFile {
    path: PathBuf,
    /// Hash of the program, shortened.
    pub identity: String,
    /// `x86_64` or `arm64`, as Lambda calls them.
    pub architecture: &'static str,
}

/// A package, ready to be uploaded.
#[derive(Debug)]
pub struct Package {
    /// The zip archive; in a file, since it may be large.
    pub zip: PathBuf,
    /// Its SHA-256 as Lambda gives it, in base64.
    pub sha256: String,
    /// Removes an archive that could not be kept.
    _unkept: Option<TempPath>,
}

impl Package {
    fn of(zip: PathBuf, unkept: Option<TempPath>) -> std::io::Result<Self> {
        let sha256 = STANDARD.encode(hash(&File::open(&zip)?)?);
        Ok(Self { zip, sha256, _unkept: unkept })
    }
}

/// Why a program cannot be the function.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// The program cannot be read.
    #[error("cannot read the program {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Lambda runs Linux programs only.
    #[error("the program {0} is not a 64-bit Linux program for x86-64 or arm64, which is what Lambda runs")]
    Foreign(PathBuf),
    /// Built on a newer system than Lambda's.
    #[error("the program {path} needs glibc 2.{needs}; Lambda has 2.{GLIBC}")]
    TooNew {
        /// Which.
        path: PathBuf,
        /// Minor version.
        needs: u32,
    },
    /// Over Lambda's limit.
    #[error("the program has {0} bytes; Lambda takes {LARGEST} at most")]
    TooLarge(u64),
    /// The archive could not be written.
    #[error("cannot pack the program")]
    Zip(#[from] zip::result::ZipError),
    /// Reading or writing failed on the way.
    #[error("cannot pack the program")]
    Write(#[from] std::io::Error),
}

impl EngineFile {
    /// The running program, if Lambda can run it.
    pub fn running() -> Result<Self, PackageError> {
        let path =
            std::env::current_exe().map_err(|source| PackageError::Read { path: PathBuf::from("arqsite"), source })?;
        Self::open(path)
    }

    fn open(path: PathBuf) -> Result<Self, PackageError> {
        let program = open(&path)?;
        // It is looked at where it lies: it may be large.
        let look = inspect(&ReadCache::new(&program));
        let (architecture, glibc) = look.ok_or_else(|| PackageError::Foreign(path.clone()))?;
        if glibc > GLIBC {
            return Err(PackageError::TooNew { path, needs: glibc });
        }
        let hash = hash(&program).map_err(|source| PackageError::Read { path: path.clone(), source })?;
        let identity =
            hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>()[..IDENTITY].to_owned();
        Ok(Self { path, identity, architecture })
    }

    /// Packs the program and the API bundle into a file.
    fn pack(&self, bundle: &[u8], into: &File) -> Result<(), PackageError> {
        let program = open(&self.path)?;
        let size = program.metadata()?.len();
        if size > LARGEST {
            return Err(PackageError::TooLarge(size));
        }
        archive(program, bundle, BufWriter::with_capacity(PIECE, into))
    }
}

/// A package made when it is first asked for: most publishes need none.
///
/// It is kept in a folder between runs, since packing takes seconds: an interrupted run that goes
/// on, and a second stage, need the very same one.
pub struct LazyPackage {
    folder: PathBuf,
    package: OnceLock<Package>,
}

impl LazyPackage {
    /// Packages are kept in `folder`.
    pub fn kept_in(folder: PathBuf) -> Self {
        Self { folder, package: OnceLock::new() }
    }

    /// The package.
    pub fn get(&self, engine: &EngineFile, bundle: &[u8]) -> Result<&Package, PackageError> {
        if let Some(package) = self.package.get() {
            return Ok(package);
        }
        let package = self.kept_or_made(engine, bundle)?;
        Ok(self.package.get_or_init(|| package))
    }

    fn kept_or_made(&self, engine: &EngineFile, bundle: &[u8]) -> Result<Package, PackageError> {
        let bundle_hash: String = Sha256::digest(bundle).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let path = self.folder.join(format!("engine-{}-{bundle_hash}.zip", engine.identity));
        if path.is_file() {
            return Ok(Package::of(path, None)?);
        }
        // Whole or not at all: a run may be killed while it writes.
        let file = self.new_file().or_else(|_| tempfile::NamedTempFile::new())?;
        engine.pack(bundle, file.as_file())?;
        Ok(match file.persist(&path) {
            Ok(_) => Package::of(path, None)?,
            // One that cannot be kept is made again next time.
            Err(error) => {
                let unkept = error.file.into_temp_path();
                Package::of(unkept.to_path_buf(), Some(unkept))?
            }
        })
    }

    /// A file in the folder, from which the packages of other engines go.
    fn new_file(&self) -> std::io::Result<tempfile::NamedTempFile> {
        std::fs::create_dir_all(&self.folder)?;
        for old in self.folder.read_dir()?.flatten() {
            if old.file_name().to_string_lossy().starts_with("engine-") {
                std::fs::remove_file(old.path())?;
            }
        }
        tempfile::NamedTempFile::new_in(&self.folder)
    }
}

fn open(path: &Path) -> Result<File, PackageError> {
    File::open(path).map_err(|source| PackageError::Read { path: path.to_owned(), source })
}

/// SHA-256 of a file, read in pieces from its beginning.
fn hash(mut file: &File) -> std::io::Result<impl AsRef<[u8]>> {
    let (mut sha, mut piece) = (Sha256::new(), vec![0; PIECE]);
    file.rewind()?;
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(sha.finalize()),
            read => sha.update(&piece[..read]),
        }
    }
}

/// The same bytes for the same program and bundle: no times, no owners.
fn archive(mut program: impl Read, bundle: &[u8], into: impl Write + Seek) -> Result<(), PackageError> {
    let mut zip = ZipWriter::new(into);
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(zip::DateTime::default());
    zip.start_file("bootstrap", options.unix_permissions(0o755))?;
    std::io::copy(&mut BufReader::with_capacity(PIECE, &mut program), &mut zip)?;
    zip.start_file("api.json", options.unix_permissions(0o644))?;
    zip.write_all(bundle)?;
    zip.finish()?.flush()?;
    Ok(())
}

/// Architecture, and minor version of the newest glibc symbol that the program asks for.
fn inspect<'data>(program: impl ReadRef<'data>) -> Option<(&'static str, u32)> {
    let header = FileHeader64::<Endianness>::parse(program).ok()?;
    let endian = header.endian().ok()?;
    let architecture = match header.e_machine(endian) {
        EM_X86_64 => "x86_64",
        EM_AARCH64 => "arm64",
        _ => return None,
    };
    let sections = header.sections(endian, program).ok()?;
    let mut newest = 0;
    if let Ok(Some((mut needs, link))) = sections.gnu_verneed(endian, program) {
        let strings = sections.strings(endian, program, link).ok()?;
        while let Ok(Some((_, mut versions))) = needs.next() {
            while let Ok(Some(version)) = versions.next() {
                let name = version.name(endian, strings).unwrap_or_default();
                newest = newest.max(glibc_minor(name).unwrap_or(0));
            }
        }
    }
    Some((architecture, newest))
}

fn glibc_minor(name: &[u8]) -> Option<u32> {
    let rest = std::str::from_utf8(name).ok()?.strip_prefix("GLIBC_2.")?;
    rest.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Cursor;

    use super::*;

    #[test]
    fn this_very_program_can_be_inspected() {
        let program = File::open(std::env::current_exe().unwrap()).unwrap();
        let (architecture, glibc) = inspect(&ReadCache::new(&program)).unwrap();
        assert!(["x86_64", "arm64"].contains(&architecture));
        assert!(glibc >= 2, "a Rust program asks for symbols of glibc");
    }

    #[test]
    fn a_text_is_not_a_program() {
        assert!(inspect(&b"#!/bin/sh\n"[..]).is_none());
    }

    #[test]
    fn the_same_input_packs_to_the_same_bytes() {
        let packed = || {
            let mut zip = Cursor::new(Vec::new());
            archive(&b"program"[..], b"{}", &mut zip).unwrap();
            zip.into_inner()
        };
        let one = packed();
        assert_eq!(one, packed());
        let mut zip = zip::ZipArchive::new(Cursor::new(one)).unwrap();
        assert_eq!(zip.by_name("bootstrap").unwrap().unix_mode().unwrap() & 0o777, 0o755);
    }
}
