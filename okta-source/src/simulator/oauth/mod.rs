//! The org authorization server: access tokens of service apps, bound by DPoP or not.

mod app;
mod assertion;
mod authorization_server;
mod endpoint;
mod jws;
mod proof;
mod resource;

pub use app::OAuthApp;
pub(super) use authorization_server::{AuthorizationServer, Settings};
pub(super) use endpoint::TOKEN_PATH;
