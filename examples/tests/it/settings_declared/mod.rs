//! What programs and libraries say of settings, against the settings that there are.

mod advice;
mod document;
mod printed_by;
mod programs;
mod sources;
