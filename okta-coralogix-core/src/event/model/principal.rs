//! Who acted, and on what.

use serde_json::{Map, Value};

use super::object::object;

object! {
    /// The user, app or system principal that acted.
    pub struct LogActor {
        /// Its id.
        pub id: Field<String> = "id",
        /// What it is, such as `User` or `SystemPrincipal`; an open set.
        pub r#type: Field<String> = "type",
        /// Another id, for a user the login; `unknown` where Okta does not know.
        pub alternate_id: Field<String> = "alternateId",
        /// Its name for people.
        pub display_name: Field<String> = "displayName",
        /// More about it, in no fixed shape.
        pub detail_entry: Field<Map<String, Value>> = "detailEntry",
    }
}

object! {
    /// Something that was acted on.
    pub struct LogTarget {
        /// Its id.
        pub id: Field<String> = "id",
        /// What it is, such as `User` or `AppInstance`; an open set.
        pub r#type: Field<String> = "type",
        /// Another id, for a user the login; `unknown` where Okta does not know.
        pub alternate_id: Field<String> = "alternateId",
        /// Its name for people.
        pub display_name: Field<String> = "displayName",
        /// More about it, in no fixed shape.
        pub detail_entry: Field<Map<String, Value>> = "detailEntry",
        /// What was changed; not on every event type and target.
        pub change_details: Field<LogTargetChangeDetails> = "changeDetails",
    }
}

object! {
    /// The changed properties of a target. The two sides may have different keys.
    pub struct LogTargetChangeDetails {
        /// The properties before.
        pub from: Field<Map<String, Value>> = "from",
        /// The properties after.
        pub to: Field<Map<String, Value>> = "to",
    }
}
