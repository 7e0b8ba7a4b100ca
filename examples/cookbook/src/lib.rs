//! The programs of `docs/cookbook.md`: each module is one of them, and the tests run it.

#[cfg(feature = "services")]
pub mod axum_service;
#[cfg(feature = "services")]
pub mod detections;
#[cfg(feature = "services")]
pub mod folder_source;
#[cfg(feature = "services")]
pub mod mapping;
pub mod pure_mapping;
#[cfg(feature = "services")]
pub mod sqlite_sink;
#[cfg(feature = "services")]
pub mod two_targets;
