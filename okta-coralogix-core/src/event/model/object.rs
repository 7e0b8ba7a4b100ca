//! `object!`: a struct for one of Okta's objects.

/// Declares a struct of [`Field`](super::Field)s with the JSON name of each and the other names that Okta uses, adds `other`, and
/// derives reading and writing.
macro_rules! object {
    (
        $(#[$about:meta])*
        pub struct $name:ident {
            $($(#[$doc:meta])* pub $field:ident: Field<$type:ty> = $key:literal $(| $alias:literal)*,)*
        }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Default)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$doc])* pub $field: $crate::event::Field<$type>,)*
            /// The members that this struct has no field for, as they came.
            pub other: serde_json::Map<String, serde_json::Value>,
            /// The aliases by which fields were read, and are written again.
            aliases: Vec<&'static str>,
        }

        impl $name {
            fn from_members(mut members: serde_json::Map<String, serde_json::Value>) -> Self {
                let mut aliases = Vec::new();
                Self {
                    $($field: $crate::event::model::field::take(
                        &mut members,
                        &[$key $(, $alias)*],
                        &mut aliases,
                    ),)*
                    other: members,
                    aliases,
                }
            }
        }

        impl $crate::event::model::from_json::FromJson for $name {
            fn fits(value: &serde_json::Value) -> bool {
                value.is_object()
            }

            fn from_json(value: serde_json::Value) -> Option<Self> {
                $crate::event::model::from_json::FromJson::from_json(value).map(Self::from_members)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serde::Serializer::serialize_map(serializer, None)?;
                $($crate::event::model::field::write(
                    &mut map,
                    $crate::event::model::field::name(&[$key $(, $alias)*], &self.aliases),
                    &self.$field,
                )?;)*
                for (key, value) in &self.other {
                    serde::ser::SerializeMap::serialize_entry(&mut map, key, value)?;
                }
                serde::ser::SerializeMap::end(map)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                serde_json::Map::deserialize(deserializer).map(Self::from_members)
            }
        }
    };
}

pub(super) use object;
