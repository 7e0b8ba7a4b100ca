//! What a pipeline reports while it runs.

mod event;
mod faults;
mod gathered;
mod log;
mod observer;
mod reporter;
mod throttle;

pub use event::{BacklogForecast, PipelineEvent, Stage};
pub use log::TracingObserver;
pub use observer::{Observer, PipelineContext};
pub use reporter::Reporter;
