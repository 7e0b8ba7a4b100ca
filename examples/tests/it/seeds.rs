//! The seeds of the tests with random faults.

/// The seeds to run with: `usual` alone, or as many as `FAULT_ROUNDS` says, from `FAULT_SEED` on.
pub(crate) fn seeds(usual: u64) -> std::ops::Range<u64> {
    let set = |name: &str| {
        let value = std::env::var(name).ok()?;
        Some(
            value
                .parse()
                .unwrap_or_else(|_| panic!("{name} is no number: {value:?}")),
        )
    };
    let first = set("FAULT_SEED").unwrap_or(usual);
    first..first + set("FAULT_ROUNDS").unwrap_or(1)
}
