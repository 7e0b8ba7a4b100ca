//! Files that are no dead letters are left alone, and those that a crash has left are not taken for such.

use okta_coralogix_core::ErrorKind;
use okta_coralogix_core::dead_letter::{DeadLetters, FileDeadLetters};

use crate::file_dead_letters::{folder, letter, open};

#[cfg(unix)]
#[tokio::test]
async fn file_without_a_dead_letter_stays_as_it_is() {
    use std::os::unix::fs::PermissionsExt;
    for foreign in [
        "okta-coralogix checkpoint 2\nabc",
        "[[integration]]\nname = \"acme\"\n",
        "{\"time\":\"2026-05-04T12:00:00Z\",\"level\":\"INFO\"}\n",
    ] {
        let (folder, path) = folder();
        std::fs::write(&path, foreign).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        let error = FileDeadLetters::open(&path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{foreign:?}: {error}");
        assert!(error.to_string().contains("no dead letter in it"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), foreign);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644, "{foreign:?}");
        let names = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(names, 2, "it and its lock");
    }
}

#[tokio::test]
async fn what_a_crash_left_of_the_first_letter_is_no_foreign_file() {
    let whole = {
        let (_folder, path) = folder();
        open(&path).await.write(&[letter("{}")]).await.unwrap();
        std::fs::read(&path).unwrap()
    };
    let zeros = vec![0; 100];
    let mut half = whole[..20].to_vec();
    half.extend(&zeros);
    let mut twice = half.clone();
    twice.push(b'\n');
    twice.extend(&whole[..30]);
    let beginnings = (1..whole.len()).map(|length| whole[..length].to_vec());
    for left in beginnings.chain([zeros, half, twice, b" \n".to_vec()]) {
        let (_folder, path) = folder();
        std::fs::write(&path, &left).unwrap();
        let letters = FileDeadLetters::open(&path).await;
        letters.unwrap_or_else(|error| panic!("{left:?}: {error}"));
    }
}
