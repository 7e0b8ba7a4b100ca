//! What the crates of this workspace share, and nobody else should use: no part of the API. It may change with every release. The
//! adapters therefore ask for exactly the version of this crate that they were released with.

#[cfg(feature = "pipeline")]
pub use crate::backoff::Backoff;
#[cfg(feature = "fs")]
pub use crate::disk::{Disk, DiskLock, OsDisk};
#[cfg(feature = "pipeline")]
pub use crate::filter::dedup::{Claim, ClaimGuard, ClaimWaiter};
#[cfg(feature = "pipeline")]
pub use crate::reload::Reloadable;

/// JSON text without trees.
pub mod json {
    pub use crate::event::uuid::canonical_uuid;
    pub use crate::json::{
        BrokenValue, Member, Members, Recovery, elements, masked_utf8, strip_byte_order_mark,
        substr_range,
    };
}

/// Secrets, files and settings as text.
pub mod text {
    pub use crate::secret_form::{
        hide_secrets, is_coralogix_key, is_der_in_base64, is_mixed, is_okta_token, is_secret_form,
        quote_name,
    };
    pub use crate::text::{seconds, utf8};
    pub use crate::text_file::{
        MAX_CERTIFICATE_BYTES, MAX_SECRET_BYTES, read_file, read_text_file,
        read_text_file_but_no_pipe,
    };
}

/// One bounded request and its response, judged.
#[cfg(feature = "pipeline")]
pub mod exchange {
    pub use crate::transport::exchange::{Excess, ExchangeLimits, exchange};
    pub use crate::transport::framing::is_complete;
    pub use crate::transport::headers::{date, retry_after};
    pub use crate::transport::verdict::{
        Interception, Recognition, Verdict, may_have_been_processed,
    };
}
