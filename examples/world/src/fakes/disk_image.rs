//! The content of the disk, as the programs read it and as a power cut would leave it.
//!
//! A file has bytes and synced bytes; a folder has names and synced names. A power cut keeps what is synced, a prefix of the changes
//! of names since, and a prefix of each file's bytes since. A disk that reports a sync which it has not done is not modelled.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The content of a file. Names refer to it by its number.
#[derive(Debug, Default, Clone)]
struct File {
    bytes: Vec<u8>,
    /// What a power cut leaves at least.
    synced: Vec<u8>,
}

/// A change of names that is not synced yet.
#[derive(Debug, Clone)]
enum Change {
    Create(PathBuf, u64),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf),
}

/// One disk with one folder.
#[derive(Debug, Default)]
pub(crate) struct DiskImage {
    files: BTreeMap<u64, File>,
    names: BTreeMap<PathBuf, u64>,
    synced: BTreeMap<PathBuf, u64>,
    changes: Vec<Change>,
    locks: BTreeMap<PathBuf, u32>,
    next: u64,
}

impl DiskImage {
    pub(crate) fn read(&self, path: &Path) -> Option<&[u8]> {
        let file = self.names.get(path)?;
        self.files.get(file).map(|file| &*file.bytes)
    }

    /// The files as the programs read them.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        let files = self
            .names
            .iter()
            .map(|(path, file)| (&**path, &self.files[file]));
        files.map(|(path, file)| (path, &*file.bytes))
    }

    /// What a power cut would leave of each file at least.
    pub(crate) fn durable(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        let files = self
            .synced
            .iter()
            .map(|(path, file)| (&**path, &self.files[file]));
        files.map(|(path, file)| (path, &*file.synced))
    }

    pub(crate) fn create(&mut self, path: &Path) {
        self.next += 1;
        self.files.insert(self.next, File::default());
        self.change(Change::Create(path.to_owned(), self.next));
    }

    pub(crate) fn append(&mut self, path: &Path, bytes: &[u8]) {
        if !self.names.contains_key(path) {
            self.create(path);
        }
        if let Some(file) = self.file_mut(path) {
            file.bytes.extend_from_slice(bytes);
        }
    }

    pub(crate) fn sync(&mut self, path: &Path) {
        if let Some(file) = self.file_mut(path) {
            file.synced.clone_from(&file.bytes);
        }
    }

    /// False if there is no such file.
    pub(crate) fn rename(&mut self, from: &Path, to: &Path) -> bool {
        let there = self.names.contains_key(from);
        if there {
            self.change(Change::Rename(from.to_owned(), to.to_owned()));
        }
        there
    }

    pub(crate) fn remove(&mut self, path: &Path) {
        if self.names.contains_key(path) {
            self.change(Change::Remove(path.to_owned()));
        }
    }

    pub(crate) fn sync_names(&mut self) {
        self.synced.clone_from(&self.names);
        self.changes.clear();
        let known = &self.synced;
        self.files
            .retain(|number, _| known.values().any(|kept| kept == number));
    }

    /// Creates the file if it is missing. False if another process has locked it.
    pub(crate) fn lock(&mut self, path: &Path, process: u32) -> bool {
        if !self.names.contains_key(path) {
            self.create(path);
        }
        let free = !self.locks.contains_key(path);
        if free {
            self.locks.insert(path.to_owned(), process);
        }
        free
    }

    pub(crate) fn unlock(&mut self, path: &Path, process: u32) {
        if self.locks.get(path) == Some(&process) {
            self.locks.remove(path);
        }
    }

    /// Releases the locks of a process that has ended.
    pub(crate) fn release_locks(&mut self, process: u32) {
        self.locks.retain(|_, by| *by != process);
    }

    /// The power goes.
    pub(crate) fn power_cut(&mut self, rng: &mut fastrand::Rng) {
        let changes = std::mem::take(&mut self.changes);
        let kept = rng.usize(..=changes.len());
        let mut names = std::mem::take(&mut self.synced);
        for change in changes.into_iter().take(kept) {
            apply(&mut names, change);
        }
        self.names = names;
        for file in self.files.values_mut() {
            let behind = file.bytes.get(file.synced.len()..).unwrap_or_default();
            let kept = rng.usize(..=behind.len());
            let torn = [&*file.synced, &behind[..kept]].concat();
            file.synced.clone_from(&torn);
            file.bytes = torn;
        }
        self.locks.clear();
        self.sync_names();
    }

    fn file_mut(&mut self, path: &Path) -> Option<&mut File> {
        self.files.get_mut(self.names.get(path)?)
    }

    fn change(&mut self, change: Change) {
        apply(&mut self.names, change.clone());
        self.changes.push(change);
    }
}

fn apply(names: &mut BTreeMap<PathBuf, u64>, change: Change) {
    match change {
        Change::Create(path, file) => {
            names.insert(path, file);
        }
        Change::Remove(path) => {
            names.remove(&path);
        }
        Change::Rename(from, to) => {
            if let Some(file) = names.remove(&from) {
                names.insert(to, file);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> PathBuf {
        PathBuf::from(name)
    }

    #[test]
    fn power_cut_may_lose_an_unsynced_rename_but_no_synced_file() {
        let (old, new) = (path("a"), path("a.tmp"));
        let (mut kept, mut lost) = (0, 0);
        for seed in 0..100 {
            let mut disk = DiskImage::default();
            disk.create(&old);
            disk.append(&old, b"old");
            disk.sync(&old);
            disk.sync_names();
            disk.create(&new);
            disk.append(&new, b"new");
            disk.sync(&new);
            disk.rename(&new, &old);
            disk.power_cut(&mut fastrand::Rng::with_seed(seed));
            match disk.read(&old) {
                Some(b"old") => lost += 1,
                Some(b"new") => kept += 1,
                other => panic!("{other:?}"),
            }
        }
        assert!(kept > 0 && lost > 0, "{kept} kept, {lost} lost");
    }

    #[test]
    fn power_cut_tears_an_unsynced_write_anywhere() {
        let name = path("a");
        let mut lengths = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let mut disk = DiskImage::default();
            disk.create(&name);
            disk.sync_names();
            disk.append(&name, b"whole");
            disk.power_cut(&mut fastrand::Rng::with_seed(seed));
            lengths.extend(disk.read(&name).map(<[u8]>::len));
        }
        assert_eq!(lengths.len(), 6);
    }

    #[test]
    fn lock_ends_with_its_process() {
        let name = path("lock");
        let mut disk = DiskImage::default();
        assert!(disk.lock(&name, 1));
        assert!(!disk.lock(&name, 2));
        disk.release_locks(1);
        assert!(disk.lock(&name, 2));
    }
}
