//! `config!`: one declaration gives a section's type, its defaults and its reference page.

/// One key of the configuration, as the reference shows it.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Name within its section.
    pub name: &'static str,
    /// Rust type of the value.
    pub kind: &'static str,
    /// What the key does: the lines of its doc comment.
    pub doc: &'static [&'static str],
}

/// One `[section]` of the configuration.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// Name in square brackets.
    pub name: &'static str,
    /// What the section is about.
    pub doc: &'static [&'static str],
    /// Its keys, in the order of the reference.
    pub keys: &'static [Key],
}

macro_rules! config {
    ($(
        $(#[doc = $section_doc:literal])*
        $section:ident: $type:ident {
            $( $(#[doc = $doc:literal])* $key:ident: $kind:ty = $default:expr, )*
        }
    )*) => {
        $(
            $(#[doc = $section_doc])*
            #[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
            #[serde(deny_unknown_fields, default)]
            pub struct $type { $( $(#[doc = $doc])* pub $key: $kind, )* }

            impl Default for $type {
                fn default() -> Self {
                    Self { $( $key: $default, )* }
                }
            }
        )*

        /// Everything an operator can set. `docs/generated/config.md` is made from this declaration.
        #[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Config { $( $(#[doc = $section_doc])* pub $section: $type, )* }

        /// All sections and keys there are.
        pub const SECTIONS: &[Section] = &[ $( Section {
            name: stringify!($section),
            doc: &[$($section_doc),*],
            keys: &[ $( Key { name: stringify!($key), kind: stringify!($kind), doc: &[$($doc),*] }, )* ],
        }, )* ];
    };
}
pub(super) use config;
