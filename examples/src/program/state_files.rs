//! The files of one program, checked against each other before any is opened.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use okta_coralogix_core::checkpoint::FileCheckpoint;
use okta_coralogix_core::dead_letter::FileDeadLetters;
use okta_coralogix_core::{Error, Result};

/// True for `-`: dead letters go to the log.
#[must_use]
pub fn is_log(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// True for `state`: dead letters are kept where replicas share the positions.
#[must_use]
pub fn is_state(path: &Path) -> bool {
    path.as_os_str() == "state"
}

/// True if dead letters are kept in a file of this name.
pub(super) fn is_file(path: &Path) -> bool {
    !is_log(path) && !is_state(path)
}

/// The files that a program writes and reads, each with the setting that names it.
///
/// A store writes more than the file that is named: a new record beside a checkpoint, locks, rotations. A file that two settings use
/// would be replaced or removed by one of them.
#[derive(Debug, Default)]
pub struct StateFiles {
    /// Each file that is written, by its absolute name, links followed.
    written: HashMap<PathBuf, String>,
    read: HashMap<PathBuf, String>,
    /// Their files are more than can be listed.
    dead_letters: Vec<(PathBuf, String)>,
}

impl StateFiles {
    /// Adds a checkpoint.
    ///
    /// # Errors
    /// `Config`, with the name of the setting, if another setting uses one of its files.
    pub fn add_checkpoint(&mut self, setting: &str, path: &Path) -> Result<()> {
        self.add_written(setting, &FileCheckpoint::files_at(&resolve(path)))
    }

    /// Adds a file of dead letters, unless it is none.
    ///
    /// # Errors
    /// As [`add_checkpoint`](Self::add_checkpoint).
    pub fn add_dead_letters(&mut self, setting: &str, path: &Path) -> Result<()> {
        if !is_file(path) {
            return Ok(());
        }
        let path = resolve(path);
        let known = self.written.iter().chain(&self.read);
        let used = known
            .filter(|(file, _)| FileDeadLetters::uses(&path, file))
            .min();
        if let Some((file, other)) = used {
            return Err(both_use(setting, file, other, *file == path));
        }
        self.add_written(setting, std::slice::from_ref(&path))?;
        self.dead_letters.push((path, setting.to_owned()));
        Ok(())
    }

    /// Adds a file that is only read, such as a secret's. Others may read it too.
    ///
    /// # Errors
    /// As [`add_checkpoint`](Self::add_checkpoint).
    pub fn add_read(&mut self, setting: &str, path: &Path) -> Result<()> {
        let path = resolve(path);
        self.check(setting, &path, self.written.get(&path))?;
        self.read.insert(path, setting.to_owned());
        Ok(())
    }

    fn add_written(&mut self, setting: &str, files: &[PathBuf]) -> Result<()> {
        for file in files {
            self.check(
                setting,
                file,
                self.written.get(file).or(self.read.get(file)),
            )?;
        }
        let files = files.iter().cloned();
        self.written
            .extend(files.map(|file| (file, setting.to_owned())));
        Ok(())
    }

    /// `known`: the setting of a file with this very name.
    fn check(&self, setting: &str, file: &Path, known: Option<&String>) -> Result<()> {
        if let Some(other) = known {
            return Err(both_use(setting, file, other, true));
        }
        let mut letters = self.dead_letters.iter();
        match letters.find(|(path, _)| FileDeadLetters::uses(path, file)) {
            Some((path, other)) => Err(both_use(setting, file, other, path == file)),
            None => Ok(()),
        }
    }
}

fn both_use(setting: &str, file: &Path, other: &str, is_named: bool) -> Error {
    let file = file.display();
    let how = match is_named {
        true => "is used by",
        false => "is written beside the file of",
    };
    let detail = format!(
        "needs the file {file}, which {how} {other} too, so that one would replace what the other has written; write another name, \
         or a file in another folder"
    );
    Error::config(setting, detail)
}

/// The absolute name of a file, links followed, as the stores find it.
fn resolve(path: &Path) -> PathBuf {
    if let Ok(resolved) = fs::canonicalize(path) {
        return resolved;
    }
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match (
        absolute.parent().map(fs::canonicalize),
        absolute.file_name(),
    ) {
        (Some(Ok(folder)), Some(name)) => folder.join(name),
        // Opening it names the folder that is missing.
        _ => absolute,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Add = fn(&mut StateFiles, &str, &Path) -> Result<()>;

    const CHECKPOINT: Add = StateFiles::add_checkpoint;
    const LETTERS: Add = StateFiles::add_dead_letters;
    const READ: Add = StateFiles::add_read;

    #[test]
    fn files_that_would_overwrite_each_other_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir(root.join("state")).unwrap();
        fs::write(root.join("letters"), "").unwrap();
        fs::write(root.join("linked.lock"), "").unwrap();
        for (link, target) in [
            ("folder", "state"),
            ("link", "letters"),
            ("locked", "linked.lock"),
        ] {
            std::os::unix::fs::symlink(root.join(target), root.join(link)).unwrap();
        }
        for (first, one, second, two, is_fine) in [
            (CHECKPOINT, "cp", LETTERS, "letters", true),
            (CHECKPOINT, "cp", LETTERS, "cp", false),
            (CHECKPOINT, "cp", LETTERS, "./state/../cp", false),
            (CHECKPOINT, "state/cp", LETTERS, "folder/cp", false),
            (CHECKPOINT, "link", LETTERS, "letters", false),
            (CHECKPOINT, "linked", LETTERS, "locked", false),
            (CHECKPOINT, "cp", LETTERS, "cp.tmp", false),
            (CHECKPOINT, "cp", LETTERS, "cp.lock", false),
            (CHECKPOINT, "letters.lock", LETTERS, "letters", false),
            (CHECKPOINT, "letters.replay", LETTERS, "letters", false),
            (CHECKPOINT, "letters.1", LETTERS, "letters", false),
            (CHECKPOINT, "letters.37.replayed", LETTERS, "letters", false),
            (CHECKPOINT, "letters.cp", LETTERS, "letters", true),
            (CHECKPOINT, "state/letters.1", LETTERS, "letters", true),
            (CHECKPOINT, "state/cp", LETTERS, "cp", true),
            // They would lock each other out.
            (CHECKPOINT, "cp", LETTERS, "cp.lock", false),
            (CHECKPOINT, "a", CHECKPOINT, "b", true),
            (CHECKPOINT, "a", CHECKPOINT, "./a", false),
            (CHECKPOINT, "a", CHECKPOINT, "a.tmp", false),
            (CHECKPOINT, "a.lock", CHECKPOINT, "a", false),
            (CHECKPOINT, "a.tmp", CHECKPOINT, "a", false),
            (READ, "key", READ, "key", true),
            (READ, "key", CHECKPOINT, "key", false),
            (READ, "key.tmp", CHECKPOINT, "key", false),
            (READ, "key", LETTERS, "key", false),
            (READ, "key.1", LETTERS, "key", false),
            (READ, "key.pem", LETTERS, "key", true),
        ] {
            // In both orders, and to the same end.
            for ((a, a_path), (b, b_path)) in
                [((first, one), (second, two)), ((second, two), (first, one))]
            {
                let mut files = StateFiles::default();
                a(&mut files, "--first", &root.join(a_path)).unwrap();
                let added = b(&mut files, "--second", &root.join(b_path));
                assert_eq!(added.is_ok(), is_fine, "{a_path} and {b_path}");
                let Err(error) = added else { continue };
                let said = error.to_string();
                assert!(
                    said.contains("--first") && said.contains("--second"),
                    "{said}"
                );
            }
        }
    }
}
