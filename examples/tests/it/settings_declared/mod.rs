//! What programs and libraries say of settings, against the settings that there are.

mod advice;
mod document;
mod programs;
mod sources;
