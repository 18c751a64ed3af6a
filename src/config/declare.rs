//! How the sections of the configuration are declared.

/// Declares the sections: `key: type = default, range;` (every number has a range, and nothing else has one).
macro_rules! sections {
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

        /// All settings. `config.toml` has the same keys and defaults.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Config {
            $($(#[$doc])* pub $section: $name,)*
        }

        /// The range of a number; `None` for a key that is not a number.
        pub(super) fn range(key: &str) -> Option<RangeInclusive<i64>> {
            $($($(if key == concat!(stringify!($section), ".", stringify!($key)) {
                return Some($range);
            })?)*)*
            None
        }
    };
}

pub(super) use sections;
