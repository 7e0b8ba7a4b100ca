//! The folder of what a program keeps: `--state-dir`.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Component, Path, PathBuf};

use okta_coralogix_core::dead_letter::FileDeadLetters;
use okta_coralogix_core::{Error, Result};

use super::dead_letters::{folder_of, have_letters_file, rotations};
use super::settings::{About, Setting, Values, parse};

/// The folder of checkpoints, dead letters and their locks.
pub static STATE_DIR: Setting<PathBuf> = Setting {
    about: About {
        flag: "--state-dir",
        value: "FOLDER",
        default: "none",
        example: "/var/lib/okta-coralogix",
        is_global: true,
        help: "The folder of all that is kept: checkpoints, dead letters and their locks. Relative names of these files are below it. It is \
               created if only it is missing",
        reason: "files have been in the current folder, those of pull with many orgs beside the file of the orgs",
        ..About::NONE
    },
    parse: parse::file,
};

/// Where relative names of kept files are: below the folder of `--state-dir`, else where they were before there was such a folder.
#[derive(Debug, Clone, Default)]
pub struct StateDir(Option<PathBuf>);

impl StateDir {
    /// What is written.
    ///
    /// # Errors
    /// `Config` if it is empty.
    pub fn read(values: &Values<'_>) -> Result<Self> {
        STATE_DIR.given(values).map(Self)
    }

    /// The folder, if one is set.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.0.as_deref()
    }

    /// The place of `file`, which without such a folder is relative to `beside`.
    #[must_use]
    pub fn place(&self, beside: &Path, file: &Path) -> PathBuf {
        self.0.as_deref().unwrap_or(beside).join(file)
    }

    /// Makes sure that a checkpoint was not left where runs without this folder had it: the org would begin anew, with events that are
    /// read again or never. `setting` names the file `path`.
    ///
    /// # Errors
    /// `Config`, which says what to move.
    pub fn check_checkpoint(&self, setting: &str, beside: &Path, path: &Path) -> Result<()> {
        self.check_moved(setting, beside, path, &CHECKPOINT_FILES)
    }

    /// As [`check_checkpoint`](Self::check_checkpoint), for dead letters that no replay would find.
    ///
    /// # Errors
    /// As there.
    pub fn check_dead_letters(&self, setting: &str, path: &Path) -> Result<()> {
        self.check_moved(setting, Path::new(""), path, &LETTER_FILES)
    }

    fn check_moved(&self, setting: &str, beside: &Path, path: &Path, files: &Files) -> Result<()> {
        let Some(folder) = self.0.as_deref() else {
            return Ok(());
        };
        let Ok(name) = path.strip_prefix(folder) else {
            return Ok(());
        };
        if name.components().any(|part| part == Component::ParentDir) {
            let detail = format!(
                "is {}, which leaves the folder of --state-dir; write a name below it, or a whole path",
                name.display()
            );
            return Err(Error::config(setting, detail));
        }
        let before = beside.join(name);
        if (files.are_here)(path) {
            return Ok(());
        }
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let (path, before) = (absolute(path), absolute(&before));
        let what = files.what;
        let (left, where_it_is) = match (files.left_at)(&before) {
            Ok(left) if left.is_empty() => return Ok(()),
            Ok(left) => (left, format!("is {}", before.display())),
            Err(error) => {
                let is = format!(
                    "may be {}, which cannot be seen ({error})",
                    before.display()
                );
                (vec![before], is)
            }
        };
        let target = path.parent().unwrap_or(folder);
        let make = match target.is_dir() {
            true => String::new(),
            false => format!("mkdir -p -m 700 {} && ", shell_word(target)),
        };
        let left: Vec<_> = left.iter().map(|file| shell_word(file)).collect();
        let detail = format!(
            "is {} now, below --state-dir, where nothing is; {what} of the runs without --state-dir {where_it_is}. Stop the program that \
             uses it, and move it: `{make}mv {} {}`. To leave it and begin anew, write {setting} as a whole path elsewhere",
            path.display(),
            left.join(" "),
            shell_word(target),
        );
        Err(Error::config(setting, detail))
    }

    /// Creates the folder, for its owner alone, unless it is there.
    ///
    /// # Errors
    /// `Config` if its parent is missing, or it cannot be created.
    pub fn create(&self) -> Result<()> {
        if self.make()? {
            let folder = self.0.as_deref().unwrap_or(Path::new(""));
            tracing::info!(
                "the folder of --state-dir was not there, and was created: {}",
                folder.display()
            );
        }
        Ok(())
    }

    /// Creates the folder for the time of a check, which leaves nothing behind.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn create_for_a_check(&self) -> Result<CheckedFolder> {
        let is_new = self.make()?;
        Ok(CheckedFolder(self.0.clone().filter(|_| is_new)))
    }

    /// True if it was not there.
    fn make(&self) -> Result<bool> {
        let Some(folder) = self.0.as_deref().filter(|folder| !folder.is_dir()) else {
            return Ok(false);
        };
        let Err(error) = DirBuilder::new().mode(0o700).create(folder) else {
            return Ok(true);
        };
        let remedy = match error.kind() {
            // Another process was faster, or it is a file.
            io::ErrorKind::AlreadyExists if folder.is_dir() => return Ok(false),
            io::ErrorKind::AlreadyExists => "it is a file; name a folder".to_owned(),
            io::ErrorKind::NotFound => {
                let parent = folder.parent().unwrap_or(folder).display();
                format!("{parent} does not exist; create it, or correct the path")
            }
            _ => format!("{error}; create it for the user of this program, or name another one"),
        };
        let detail = format!("{} cannot be created: {remedy}", folder.display());
        Err(Error::config(STATE_DIR.about.flag, detail))
    }
}

/// The folder of a check; what was created for it is removed with this.
#[derive(Debug)]
#[must_use]
pub struct CheckedFolder(Option<PathBuf>);

impl CheckedFolder {
    /// True if it was created for the check.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.0.is_some()
    }
}

impl Drop for CheckedFolder {
    fn drop(&mut self) {
        if let Some(folder) = &self.0 {
            // Of another process by now, if something is in it.
            fs::remove_dir(folder).ok();
        }
    }
}

/// The files of a setting.
struct Files {
    what: &'static str,
    are_here: fn(&Path) -> bool,
    /// The absolute names of those at an absolute name that are worth moving. An error: some may be there, and cannot be seen.
    left_at: fn(&Path) -> io::Result<Vec<PathBuf>>,
}

const CHECKPOINT_FILES: Files = Files {
    what: "the position",
    are_here: Path::exists,
    left_at: |path| Ok(there(fs::symlink_metadata(path))?.map_or(vec![], |_| vec![path.to_owned()])),
};

const LETTER_FILES: Files = Files {
    what: "the file of dead letters",
    are_here: have_letters_file,
    left_at: letters_left_at,
};

/// What was found; `None` if certainly nothing is there.
fn there<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(None),
            _ => Err(error),
        },
    }
}

/// Dead letters, and what belongs to them, such as the accounts of replays. None if no letter is there.
fn letters_left_at(path: &Path) -> io::Result<Vec<PathBuf>> {
    // A link may lead to letters that are away for a while.
    let file = there(fs::symlink_metadata(path))?;
    let has_letters = file.is_some_and(|file| file.is_symlink() || file.len() > 0);
    let Some(entries) = there(fs::read_dir(folder_of(path)))? else {
        return Ok(Vec::new());
    };
    let mut files = Vec::new();
    for entry in entries {
        files.push(entry?.path());
    }
    files.retain(|file| FileDeadLetters::uses(path, file));
    files.sort();
    match has_letters || rotations(path).next().is_some() {
        true => Ok(files),
        false => Ok(Vec::new()),
    }
}

/// A path as a shell reads it.
fn shell_word(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "/._-+:@%=,".contains(char);
    match text.chars().all(is_plain) {
        true => text.into_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn relative_names_are_below_the_folder_and_absolute_ones_win() {
        let beside = Path::new("config");
        let (with, without) = (StateDir(Some("/state".into())), StateDir(None));
        for (file, placed, as_before) in [
            ("a.checkpoint", "/state/a.checkpoint", "config/a.checkpoint"),
            ("deep/a", "/state/deep/a", "config/deep/a"),
            ("/other/a", "/other/a", "/other/a"),
        ] {
            assert_eq!(with.place(beside, Path::new(file)), Path::new(placed));
            assert_eq!(without.place(beside, Path::new(file)), Path::new(as_before));
        }
    }

    #[test]
    fn folder_is_created_for_its_owner_if_only_it_is_missing() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("state");
        let state = StateDir(Some(folder.clone()));
        let checked = state.create_for_a_check().unwrap();
        assert!(folder.is_dir());
        drop(checked);
        assert!(!folder.exists(), "a check leaves nothing");
        state.create().unwrap();
        let mode = folder.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        drop(state.create_for_a_check().unwrap());
        assert!(folder.is_dir(), "it was there before");
        state.create().unwrap();
        let refused = |path: &str| {
            let state = StateDir(Some(root.path().join(path)));
            let error = state.create().unwrap_err().to_string();
            assert!(error.starts_with("--state-dir: "), "{error}");
            error
        };
        assert!(refused("no/such").contains("/no does not exist; create it"));
        fs::write(root.path().join("file"), "").unwrap();
        assert!(refused("file").contains("it is a file"));
    }

    #[test]
    fn state_that_was_left_behind_is_named_with_what_to_move() {
        let root = tempfile::tempdir().unwrap();
        let (old, new) = (root.path().join("old"), root.path().join("new"));
        fs::create_dir(&old).unwrap();
        let state = StateDir(Some(new.clone()));
        let checkpoint = state.place(&old, Path::new("a.checkpoint"));
        let check = || state.check_checkpoint("checkpoint", &old, &checkpoint);
        check().unwrap();
        fs::write(old.join("a.checkpoint"), "").unwrap();
        let error = check().unwrap_err().to_string();
        let (from, to) = (old.join("a.checkpoint"), new.display());
        let from = from.display();
        for words in [
            &*format!("checkpoint: is {}", checkpoint.display()),
            &format!("`mkdir -p -m 700 {to} && mv {from} {to}`"),
        ] {
            assert!(error.contains(words), "{error}\nshould contain {words}");
        }
        let leaving = state.place(&old, Path::new("deep/../../a.checkpoint"));
        let error = state
            .check_checkpoint("--checkpoint", &old, &leaving)
            .unwrap_err();
        let expected = "--checkpoint: is deep/../../a.checkpoint, which leaves the folder";
        assert!(error.to_string().starts_with(expected), "{error}");
        // A name of its own, as the message says.
        let elsewhere = root.path().join("elsewhere");
        state
            .check_checkpoint("checkpoint", &old, &elsewhere)
            .unwrap();
        fs::create_dir(&new).unwrap();
        fs::write(&checkpoint, "").unwrap();
        check().unwrap();

        let letters = |name: &str| {
            let path = state.place(&old, Path::new("letters"));
            fs::write(old.join(name), "").unwrap();
            state.check_moved("--dead-letters", &old, &path, &LETTER_FILES)
        };
        letters("letters").expect("nothing is in it");
        let error = letters("letters.1").unwrap_err().to_string();
        let moved = format!("`mv {0}/letters {0}/letters.1 {to}`", old.display());
        assert!(error.contains(&moved), "{error}\nshould contain {moved}");
        fs::write(old.join("letters.1.replayed"), "").unwrap();
        fs::write(old.join("letters-of-others"), "").unwrap();
        let error = letters("letters.1").unwrap_err().to_string();
        assert!(error.contains("/letters.1.replayed ") && !error.contains("of-others"));
        fs::write(new.join("letters"), "").unwrap();
        letters("letters.1").unwrap();
    }

    #[test]
    fn state_that_cannot_be_seen_may_be_left_behind() {
        let root = tempfile::tempdir().unwrap();
        let old = root.path().join("it's old");
        fs::create_dir(&old).unwrap();
        let state = StateDir(Some(root.path().join("new; state")));
        let check = |files: &Files, name: &str| {
            let path = state.place(&old, Path::new(name));
            let checked = state.check_moved("--x", &old, &path, files);
            checked.map_err(|error| error.to_string())
        };
        let link = |target: &str, name: &str| {
            std::os::unix::fs::symlink(target, old.join(name)).unwrap();
        };
        // The file system behind a link is away; one link to itself cannot be followed.
        link("/no/such/file", "dangling");
        link("loop", "loop");
        for files in [&CHECKPOINT_FILES, &LETTER_FILES] {
            assert_eq!(check(files, "none"), Ok(()));
            let error = check(files, "dangling").unwrap_err();
            let root = root.path().display();
            let moved = format!(
                "`mkdir -p -m 700 '{root}/new; state' && mv '{root}/it'\\''s old/dangling' '{root}/new; state'`"
            );
            assert!(error.contains(&moved), "{error}\nshould contain {moved}");
            let error = check(files, "loop/x").unwrap_err();
            assert!(
                error.contains("may be") && error.contains("/loop/x, which cannot be seen ("),
                "{error}"
            );
        }
        fs::write(old.join("file"), "x").unwrap();
        assert_eq!(check(&CHECKPOINT_FILES, "file/x"), Ok(()));
    }
}
