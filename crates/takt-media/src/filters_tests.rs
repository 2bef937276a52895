use super::*;
use crate::plan::FrameRate;

fn rung(width: u32, height: u32, fps: u32) -> Rung {
    Rung {
        width,
        height,
        frame_rate: FrameRate { frames: fps, seconds: 1 },
        preset: "veryfast".into(),
        crf: 25,
        kbit_max: 1000,
    }
}

/// A source as the server keeps it between two stages.
fn source(changes: &str) -> Source {
    let mut value: serde_json::Value = serde_json::from_str(
        r#"{"container":"mp4","bytes":1,"duration_ms":2000,"truncated":false,"audio":null,"video":{"index":2,
        "codec":"h264","profile":"High","level":40,"coded_width":1080,"coded_height":1920,"width":1080,"height":1920,
        "pixel_format":"yuv420p","square_pixels":true,"transformed":false,"interlaced":false,"hdr":false,
        "hdr_is_hlg":false,"color_matrix":"bt709","frame_rate":{"frames":60,"seconds":1},"fps_mean":60.0,"bit_rate":1,
        "starts_with_key":true,"key_gap_ms":1,"duration_ms":2000,"start_ms":0,"edited":false,"damaged":false}}"#,
    )
    .unwrap();
    let changes: serde_json::Map<String, serde_json::Value> = serde_json::from_str(changes).unwrap();
    for (name, change) in changes {
        value["video"][name] = change;
    }
    serde_json::from_value(value).unwrap()
}

#[test]
fn one_chain() {
    assert_eq!(
        video(&source("{}"), &rung(540, 960, 30), true),
        "fps=fps=30/1:start_time=0,scale=540:960:in_color_matrix=auto:out_color_matrix=bt709:out_range=tv,\
         format=yuv420p,setsar=1,setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
    );
    let hdr = video(&source(r#"{"hdr":true,"hdr_is_hlg":true}"#), &rung(540, 960, 30), true);
    assert!(hdr.contains("zscale=tin=arib-std-b67") && hdr.contains("tonemap"), "{hdr}");
    let without_filters = video(&source(r#"{"hdr":true}"#), &rung(540, 960, 30), false);
    assert!(!without_filters.contains("zscale"), "{without_filters}");
    assert!(video(&source(r#"{"interlaced":true}"#), &rung(540, 960, 30), true).starts_with("bwdif"));
}

#[test]
fn colours_not_stated_are_what_players_take_them_for() {
    let of = |changes: &str| levels(&source(changes)).matrix;
    assert_eq!(of(r#"{"color_matrix":""}"#), "bt709");
    assert_eq!(of(r#"{"color_matrix":"","coded_width":360,"coded_height":640}"#), "smpte170m");
    assert_eq!(
        of(r#"{"color_matrix":"","coded_width":360,"coded_height":640,"pixel_format":"gbrp"}"#),
        "bt709"
    );
    assert_eq!(of(r#"{"color_matrix":"bt2020nc"}"#), "bt709");
    assert_eq!(of(r#"{"color_matrix":"bt470bg"}"#), "bt470bg");
}

#[test]
fn a_cascade_scales_from_the_next_larger_and_drops_frames_where_it_may() {
    let chain = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709";
    let graph = |rungs: &[Rung]| {
        let graph = cascade(&source("{}"), rungs, true);
        let (from, rest) =
            graph.split_once(chain).map(|(from, rest)| (from.to_owned(), rest.to_owned())).unwrap();
        assert!(from.starts_with("[0:2]fps=fps=60/1"), "{from}");
        rest
    };
    assert_eq!(graph(&[rung(720, 1280, 60)]), ",null[v0]");
    assert_eq!(
        graph(&[rung(720, 1280, 60), rung(360, 640, 30)]),
        ",split=2[v0][c1];[c1]fps=fps=30/1,scale=360:640,setsar=1,null[v1]"
    );
    assert_eq!(
        graph(&[rung(720, 1280, 60), rung(540, 960, 30), rung(360, 640, 30)]),
        ",split=2[v0][c1];[c1]fps=fps=30/1,scale=540:960,setsar=1,split=2[v1][c2];[c2]scale=360:640,setsar=1,null[v2]"
    );
    // A rung that needs more frames than the largest one gets them.
    assert_eq!(
        graph(&[rung(720, 1280, 30), rung(360, 640, 60)]),
        ",split=2[x0][c1];[c1]scale=360:640,setsar=1,null[v1];[x0]fps=fps=30/1[v0]"
    );
    assert_eq!(cascade(&source("{}"), &[], true), "");
}
