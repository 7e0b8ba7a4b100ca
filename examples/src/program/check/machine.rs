//! What this machine gives: open files, and addresses to listen on.

use okta_coralogix_core::{Error, ErrorKind, Result};

use super::Report;
use crate::program::listen::ListenAddress;
use crate::program::open_files::{limit, raise_limit};

/// Raises the limit of open files as a run does, and compares it with what a run needs.
pub fn check_open_files(report: &mut Report, needed: u64) {
    raise_limit(needed);
    report.add("open files", open_files(limit(), needed));
}

fn open_files(allowed: Option<u64>, needed: u64) -> Result<String> {
    match allowed {
        Some(allowed) if allowed < needed => {
            let detail = format!(
                "{allowed} may be open at a time, connections included, and {needed} are needed: raise the limit (`ulimit -n {needed}`)"
            );
            Err(Error::new(ErrorKind::Config, detail))
        }
        Some(allowed) => Ok(format!("{allowed} are allowed, and {needed} are needed")),
        None => Ok(format!("any number is allowed, and {needed} are needed")),
    }
}

/// Listens for a moment on the address.
pub fn check_listener(report: &mut Report, address: &ListenAddress) {
    let found = address.bind();
    report.add(
        address.setting(),
        found.map(|_| format!("{} is free", address.address())),
    );
}

/// As [`check_listener`], for the listener of operators, if there is one.
pub fn check_admin(report: &mut Report, admin: Option<&ListenAddress>) {
    if let Some(admin) = admin {
        check_listener(report, admin);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_of_open_files_below_the_need_is_to_be_raised() {
        assert_eq!(
            open_files(Some(68), 68).unwrap(),
            "68 are allowed, and 68 are needed"
        );
        let wrong = open_files(Some(67), 68).unwrap_err().to_string();
        assert!(wrong.contains("`ulimit -n 68`"), "{wrong}");
        assert!(open_files(None, u64::MAX).is_ok());
    }
}
