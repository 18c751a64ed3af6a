//! How the sections of the configuration are declared.

/// Declares sections: `key: type = default, range;` (every number has a range, and nothing else has one). A file of
/// sections also says the range of a number and lists its keys.
macro_rules! section_types {
    ($(
        $(#[$doc:meta])*
        $section:ident: $name:ident {
            $($(#[$key_doc:meta])* $key:ident: $ty:ty = $default:expr $(, $range:expr)?;)*
        }
    )*) => {
        $(
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
        )*

        /// The range of a number; `None` for a key that is not a number of this file.
        pub(super) fn range(key: &str) -> Option<RangeInclusive<i64>> {
            $($($(if key == concat!(stringify!($section), ".", stringify!($key)) {
                return Some($range);
            })?)*)*
            None
        }

        /// The sections and keys of this file, and how the keys' types are written.
        pub(super) const KEYS: &[(&str, &str, &str)] =
            &[$($((stringify!($section), stringify!($key), stringify!($ty)),)*)*];
    };
}

/// Declares sections, and all settings: those of this file, and those `elsewhere`.
macro_rules! sections {
    (
        elsewhere { $($(#[$doc_there:meta])* $section_there:ident: $name_there:ident;)* }
        $($(#[$doc:meta])* $section:ident: $name:ident { $($keys:tt)* })*
    ) => {
        section_types! { $($(#[$doc])* $section: $name { $($keys)* })* }

        /// All settings. `config.toml` has the same keys and defaults.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Config {
            $($(#[$doc])* pub $section: $name,)*
            $($(#[$doc_there])* pub $section_there: $name_there,)*
        }
    };
}

pub(super) use {section_types, sections};
