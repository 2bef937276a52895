//! No step computes or stores a template of a face or a voice, and none may be added unseen: what is built in and what is
//! stored is held against lists of what such templates come with.

use crate::harness::app_test;
use std::collections::BTreeSet;
use std::path::Path;

/// Parts of the names of libraries that find, describe or tell apart faces and speakers.
const LIBRARIES: &[&str] = &[
    "arcface",
    "blazeface",
    "deepface",
    "dlib",
    "face-api",
    "face-detect",
    "face-landmark",
    "face-mesh",
    "face-recog",
    "face_detect",
    "face_recog",
    "facemesh",
    "facenet",
    "facer",
    "insightface",
    "mediapipe",
    "mtcnn",
    "openface",
    "pyannote",
    "resemblyzer",
    "rust-faces",
    "rustface",
    "seetaface",
    "sherpa",
    "speaker",
    "speechbrain",
    "voiceprint",
    "voxceleb",
    "wespeaker",
    "yunet",
];

/// Words of columns' names.
const COLUMNS: &[&str] = &[
    "biometric",
    "biometrics",
    "embedding",
    "face",
    "faces",
    "facial",
    "gait",
    "iris",
    "speaker",
    "speakers",
    "template",
    "voice",
    "voiceprint",
    "voices",
];

fn denied<'a>(names: impl IntoIterator<Item = &'a str>, list: &[&str]) -> Vec<&'a str> {
    // A standard library is not dlib, which finds faces.
    let telling = |name: &str| name.to_lowercase().replace("stdlib", "");
    names.into_iter().filter(|name| list.iter().any(|part| telling(name).contains(part))).collect()
}

fn denied_columns<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let named = |name: &&str| name.split(['_', '.']).any(|word| COLUMNS.contains(&word));
    names.into_iter().filter(named).collect()
}

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::read_to_string(root.join(path)).unwrap()
}

#[test]
fn no_library_of_the_server_makes_templates_of_faces_or_voices() {
    let lock = read("Cargo.lock");
    let names: BTreeSet<&str> =
        lock.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"')).collect();
    assert!(names.contains("realfft") && names.len() > 100, "the lock file was not read");
    assert_eq!(denied(names, LIBRARIES), Vec::<&str>::new());
}

#[test]
fn no_library_of_the_web_app_makes_templates_of_faces_or_voices() {
    let lock: serde_json::Value = serde_json::from_str(&read("web/package-lock.json")).unwrap();
    let names: Vec<&str> = lock["packages"].as_object().unwrap().keys().map(String::as_str).collect();
    assert!(names.len() > 10, "the lock file was not read");
    assert_eq!(denied(names, LIBRARIES), Vec::<&str>::new());
}

app_test! {
    async fn no_column_holds_a_template_of_a_face_or_a_voice(app: TestApp) {
        let db = &app.app.state().db;
        let sql = if db.is_embedded() {
            "SELECT m.name || '.' || c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'"
        } else {
            "SELECT CAST(table_name || '.' || column_name AS TEXT) FROM information_schema.columns \
             WHERE table_schema = current_schema()"
        };
        let rows: Vec<(String,)> = db.all(sql, takt_store::Args::new()).await.unwrap();
        let names: Vec<&str> = rows.iter().map(|row| row.0.as_str()).collect();
        assert!(names.contains(&"sound.fingerprint") && names.contains(&"video_picture.hashes"), "{names:?}");
        assert_eq!(denied_columns(names), Vec::<&str>::new());
    }
}

#[test]
fn the_lists_find_what_they_are_for() {
    assert_eq!(
        denied(["tokio", "alloc-stdlib", "rust-faces", "dlib-wrappers", "@mediapipe/face_mesh"], LIBRARIES),
        ["rust-faces", "dlib-wrappers", "@mediapipe/face_mesh"]
    );
    assert_eq!(
        denied_columns(["video.surface", "video.face_hash", "sound.voice"]),
        ["video.face_hash", "sound.voice"]
    );
}
