//! The fonts texts are set in: three in the program, and what the system has of their family.

use std::path::PathBuf;
use std::sync::Arc;

use cosmic_text::{Fallback, FontSystem, fontdb};
use unicode_script::Script;

/// Every letter that it has is taken from this one.
pub(super) const FAMILY: &str = "Noto Sans";

/// A font that is part of the program, so that an app can paint with the very same.
#[derive(Debug, Clone, Copy)]
pub struct Font {
    /// Name of the family.
    pub family: &'static str,
    /// Name of the file.
    pub file: &'static str,
    /// Its bytes, TrueType.
    pub bytes: &'static [u8],
}

/// The fonts in the program, all bold: Latin, Greek, Cyrillic and Vietnamese; Arabic; Hebrew.
pub const FONTS: [Font; 3] = [
    Font {
        family: FAMILY,
        file: "NotoSans-Bold.ttf",
        bytes: include_bytes!("../../../fonts/NotoSans-Bold.ttf"),
    },
    Font {
        family: "Noto Sans Arabic",
        file: "NotoSansArabic-Bold.ttf",
        bytes: include_bytes!("../../../fonts/NotoSansArabic-Bold.ttf"),
    },
    Font {
        family: "Noto Sans Hebrew",
        file: "NotoSansHebrew-Bold.ttf",
        bytes: include_bytes!("../../../fonts/NotoSansHebrew-Bold.ttf"),
    },
];

/// Further scripts and emoji, where the system's packages (Debian: `fonts-noto-color-emoji`, `fonts-noto-core`,
/// `fonts-noto-cjk`) or those of other distributions put them.
const SYSTEM_FOLDERS: &[&str] = &[
    "/usr/share/fonts/truetype/noto",
    "/usr/share/fonts/opentype/noto",
    "/usr/share/fonts/noto",
    "/usr/share/fonts/noto-cjk",
    "/usr/share/fonts/google-noto-emoji",
];
const SYSTEM_FILES: &[&str] = &[
    "NotoColorEmoji.ttf",
    "NotoSansDevanagari-Bold.ttf",
    "NotoSansBengali-Bold.ttf",
    "NotoSansTamil-Bold.ttf",
    "NotoSansThai-Bold.ttf",
    "NotoSansGeorgian-Bold.ttf",
    "NotoSansArmenian-Bold.ttf",
    "NotoSansEthiopic-Bold.ttf",
    "NotoSansSymbols-Bold.ttf",
    "NotoSansSymbols2-Regular.ttf",
    "NotoSansCJK-Bold.ttc",
];

/// Which of the further fonts this system has. Looks into the file system.
pub fn system_fonts() -> Vec<PathBuf> {
    let found = |file: &&str| {
        SYSTEM_FOLDERS.iter().map(|folder| PathBuf::from(folder).join(file)).find(|path| path.is_file())
    };
    SYSTEM_FILES.iter().filter_map(found).collect()
}

pub(super) fn load() -> FontSystem {
    let mut fonts = fontdb::Database::new();
    for font in FONTS {
        fonts.load_font_source(fontdb::Source::Binary(Arc::new(font.bytes)));
    }
    for path in system_fonts() {
        if let Err(error) = fonts.load_font_file(&path) {
            tracing::warn!(%error, path = %path.display(), "a font can not be read");
        }
    }
    FontSystem::new_with_locale_and_db_and_fallback("en-US".into(), fonts, Order)
}

/// Which font stands in for a letter that the first one lacks.
struct Order;

impl Fallback for Order {
    fn common_fallback(&self) -> &[&'static str] {
        &[FAMILY, "Noto Color Emoji", "Noto Sans Symbols", "Noto Sans Symbols2", "Noto Sans CJK JP"]
    }

    fn forbidden_fallback(&self) -> &[&'static str] {
        &[]
    }

    fn script_fallback(&self, script: Script, _locale: &str) -> &[&'static str] {
        match script {
            Script::Arabic => &["Noto Sans Arabic"],
            Script::Hebrew => &["Noto Sans Hebrew"],
            Script::Devanagari => &["Noto Sans Devanagari"],
            Script::Bengali => &["Noto Sans Bengali"],
            Script::Tamil => &["Noto Sans Tamil"],
            Script::Thai => &["Noto Sans Thai"],
            Script::Georgian => &["Noto Sans Georgian"],
            Script::Armenian => &["Noto Sans Armenian"],
            Script::Ethiopic => &["Noto Sans Ethiopic"],
            Script::Hangul => &["Noto Sans CJK KR"],
            Script::Han | Script::Hiragana | Script::Katakana => &["Noto Sans CJK JP"],
            _ => &[],
        }
    }
}
