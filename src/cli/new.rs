//! `arqsite new`: the starter, as a folder of one's own.

use std::path::PathBuf;

use clap::Args;

use super::{Common, Failure};
use crate::config::Project;
use crate::ui::{Ui, count};

/// Write the starter into a new folder
#[derive(Args)]
pub struct NewArgs {
    /// Folder to make
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Writes the starter; never over anything.
pub fn run(ui: &Ui, common: &Common, args: &NewArgs) -> Result<(), Failure> {
    let folder = common.directory.join(&args.folder);
    if folder.exists() && folder.read_dir().map(|mut entries| entries.next().is_some()).unwrap_or(true) {
        return Err(Failure::yours(format!("{} is there already and not empty", folder.display()))
            .hint("Name a folder that does not exist yet."));
    }
    let files = Project::starter_files();
    for name in &files {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&path, Project::Starter(folder.clone()).read(name)?)?;
    }
    std::fs::write(folder.join(".gitignore"), "/.arq\n")?;
    ui.status(format!("{} in {}. Next:", count(files.len(), "file"), folder.display()));
    ui.status(format!("  cd {}", args.folder.display()));
    ui.status("  arqsite serve");
    Ok(())
}
