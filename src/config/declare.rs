//! How the sections of the configuration are declared.

/// Declares a section: `key: type = default, range;` (every number has a range, and nothing else has one). `range` is that of
/// a number by its whole key; `None` for a key that is not a number of this section.
macro_rules! section {
    (
        $(#[$doc:meta])*
        $section:ident: $name:ident {
            $($(#[$key_doc:meta])* $key:ident: $ty:ty = $default:expr $(, $range:expr)?;)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$key_doc])* pub $key: $ty,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($key: $default,)* }
            }
        }

        impl $name {
            /// The section, its keys, and how these keys' types are written.
            pub(super) const KEYS: &[(&str, &str, &str)] =
                &[$((stringify!($section), stringify!($key), stringify!($ty)),)*];

            /// The range of a number of this section.
            #[allow(unused_variables, reason = "a section may have no number")]
            pub(super) fn range(key: &str) -> Option<RangeInclusive<i64>> {
                $($(if key == concat!(stringify!($section), ".", stringify!($key)) {
                    return Some($range);
                })?)*
                None
            }
        }
    };
}

/// Declares all sections: those that are declared elsewhere by their names, then the others with their keys.
macro_rules! sections {
    (
        elsewhere { $($(#[$other_doc:meta])* $other:ident: $other_name:ident;)* }
        $(
            $(#[$doc:meta])*
            $section:ident: $name:ident { $($keys:tt)* }
        )*
    ) => {
        $(section! {
            $(#[$doc])*
            $section: $name { $($keys)* }
        })*

        /// All settings. `config.toml` has the same keys and defaults.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Config {
            $($(#[$other_doc])* pub $other: $other_name,)*
            $($(#[$doc])* pub $section: $name,)*
        }

        /// The range of a number; `None` for a key that is not a number.
        pub(super) fn range(key: &str) -> Option<RangeInclusive<i64>> {
            None$(.or_else(|| $other_name::range(key)))*$(.or_else(|| $name::range(key)))*
        }

        /// All keys, section by section.
        pub(super) const ALL_KEYS: &[&[(&str, &str, &str)]] = &[$($other_name::KEYS,)* $($name::KEYS,)*];
    };
}

pub(super) use section;
pub(super) use sections;
