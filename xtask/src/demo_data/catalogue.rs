//! Who the sample creators are and what they publish.

use super::picture::Picture;

/// What a clip is about; sample viewers have tastes in these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    Colour,
    Life,
    Fractals,
    Waves,
    Sound,
    Words,
}

/// One sample video.
pub(crate) struct Clip {
    pub(crate) slug: &'static str,
    pub(crate) creator: &'static str,
    pub(crate) topic: Topic,
    pub(crate) caption: &'static str,
    /// BCP 47, as the API takes it.
    pub(crate) language: &'static str,
    /// The slug of a score; clips with the same one share the sound to the last bit.
    pub(crate) sound: &'static str,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) picture: Picture,
}

/// Handles of the sample creators.
pub(crate) const CREATORS: &[&str] =
    &["mira", "jonas", "pixelgarten", "ottilie", "sam_draws_math", "kleine_welle"];

/// Every sample video, in the order of publishing.
pub(crate) const CLIPS: &[Clip] = &[
    Clip {
        slug: "aurora",
        creator: "mira",
        topic: Topic::Colour,
        caption: "Aurora, but it fits in a pocket #colour #calm",
        language: "en",
        sound: "slow-lake",
        width: 540,
        height: 960,
        picture: Picture::AURORA,
    },
    Clip {
        slug: "petri-pink",
        creator: "pixelgarten",
        topic: Topic::Life,
        caption: "Conway's Game of Life, grown on pink agar #life #cellular",
        language: "en",
        sound: "marching-ants",
        width: 540,
        height: 960,
        picture: Picture::LIFE_PINK,
    },
    Clip {
        slug: "seahorse",
        creator: "sam_draws_math",
        topic: Topic::Fractals,
        caption: "Falling into Seahorse Valley #fractals #math",
        language: "en",
        sound: "glass-stairs",
        width: 540,
        height: 960,
        picture: Picture::SEAHORSE,
    },
    Clip {
        slug: "ember",
        creator: "kleine_welle",
        topic: Topic::Waves,
        caption: "Three stones in a pond of lava #waves",
        language: "en",
        sound: "kitchen-beat",
        width: 540,
        height: 960,
        picture: Picture::EMBER,
    },
    Clip {
        slug: "see-the-beat",
        creator: "jonas",
        topic: Topic::Sound,
        caption: "This is what the beat looks like #sound",
        language: "en",
        sound: "kitchen-beat",
        width: 540,
        height: 960,
        picture: Picture::BARS,
    },
    Clip {
        slug: "count-in",
        creator: "ottilie",
        topic: Topic::Words,
        caption: "Count with me #words #rhythm",
        language: "en",
        sound: "kitchen-beat",
        width: 540,
        height: 960,
        picture: Picture::COUNT,
    },
    Clip {
        slug: "oil-on-water",
        creator: "ottilie",
        topic: Topic::Colour,
        caption: "Öl auf Wasser, nur ohne Sauerei #farbe #colour",
        language: "de",
        sound: "low-tide",
        width: 540,
        height: 960,
        picture: Picture::OIL,
    },
    Clip {
        slug: "night-city",
        creator: "pixelgarten",
        topic: Topic::Life,
        caption: "Looks like a city from the air. It is four rules and a grid #life",
        language: "en",
        sound: "night-tram",
        width: 540,
        height: 960,
        picture: Picture::LIFE_CITY,
    },
    Clip {
        slug: "golden-spiral",
        creator: "sam_draws_math",
        topic: Topic::Fractals,
        caption: "The same formula in gold. z² + c, that is all #fractals",
        language: "en",
        sound: "low-tide",
        width: 540,
        height: 960,
        picture: Picture::GOLD,
    },
    Clip {
        slug: "ripple-tank",
        creator: "kleine_welle",
        topic: Topic::Waves,
        caption: "Wellenwanne: zwei Quellen, ein Muster #wellen #waves",
        language: "de",
        sound: "paper-boats",
        width: 540,
        height: 960,
        picture: Picture::RIPPLE,
    },
    Clip {
        slug: "lissajous",
        creator: "jonas",
        topic: Topic::Sound,
        caption: "Left ear sideways, right ear up #sound #oscilloscope",
        language: "en",
        sound: "eight-bits-up",
        width: 540,
        height: 960,
        picture: Picture::SCOPE,
    },
    Clip {
        slug: "eins-zwei",
        creator: "kleine_welle",
        topic: Topic::Words,
        caption: "Eins, zwei, drei, vier. Und jetzt du #words #takt",
        language: "de",
        sound: "marching-ants",
        width: 540,
        height: 960,
        picture: Picture::EINS,
    },
    Clip {
        slug: "sunset-machine",
        creator: "mira",
        topic: Topic::Colour,
        caption: "I built a machine that only makes sunsets #colour",
        language: "en",
        sound: "paper-boats",
        width: 720,
        height: 1280,
        picture: Picture::SUNSET,
    },
    Clip {
        slug: "rule-30",
        creator: "sam_draws_math",
        topic: Topic::Life,
        caption: "Rule 30: one line of logic, no end of patterns #life #math",
        language: "en",
        sound: "kitchen-beat",
        width: 540,
        height: 960,
        picture: Picture::RULE_30,
    },
    Clip {
        slug: "deep-blue",
        creator: "jonas",
        topic: Topic::Fractals,
        caption: "Je näher man kommt, desto mehr ist da #fractals #fraktale",
        language: "de",
        sound: "slow-lake",
        width: 540,
        height: 960,
        picture: Picture::DEEP_BLUE,
    },
    Clip {
        slug: "op-art",
        creator: "ottilie",
        topic: Topic::Waves,
        caption: "Stare at the middle for ten seconds #waves #opart",
        language: "en",
        sound: "night-tram",
        width: 540,
        height: 960,
        picture: Picture::OP_ART,
    },
    Clip {
        slug: "spectrum-rain",
        creator: "mira",
        topic: Topic::Sound,
        caption: "Regen aus Tönen #sound #klang",
        language: "de",
        sound: "glass-stairs",
        width: 540,
        height: 960,
        picture: Picture::RAIN,
    },
    Clip {
        slug: "takt",
        creator: "sam_draws_math",
        topic: Topic::Words,
        caption: "One word, three meanings #words #takt",
        language: "en",
        sound: "eight-bits-up",
        width: 540,
        height: 960,
        picture: Picture::TAKT,
    },
    Clip {
        slug: "wide-light",
        creator: "ottilie",
        topic: Topic::Colour,
        caption: "Once in landscape, for everyone with a wide heart #colour #landscape",
        language: "en",
        sound: "slow-lake",
        width: 960,
        height: 540,
        picture: Picture::WIDE,
    },
    Clip {
        slug: "rule-90",
        creator: "pixelgarten",
        topic: Topic::Life,
        caption: "Regel 90, einmal gespiegelt. Wer sieht das Dreieck? #life #mathe",
        language: "de",
        sound: "glass-stairs",
        width: 540,
        height: 960,
        picture: Picture::RULE_90,
    },
    Clip {
        slug: "carpet",
        creator: "jonas",
        topic: Topic::Fractals,
        caption: "Sierpinski carpet. Do not try to vacuum it #fractals",
        language: "en",
        sound: "eight-bits-up",
        width: 540,
        height: 960,
        picture: Picture::CARPET,
    },
    Clip {
        slug: "mint-drift",
        creator: "kleine_welle",
        topic: Topic::Waves,
        caption: "Mint and midnight, drifting #waves #calm",
        language: "en",
        sound: "glass-stairs",
        width: 720,
        height: 1280,
        picture: Picture::MINT,
    },
    Clip {
        slug: "string",
        creator: "mira",
        topic: Topic::Sound,
        caption: "One string, one tram, one night #sound",
        language: "en",
        sound: "night-tram",
        width: 540,
        height: 960,
        picture: Picture::STRING,
    },
    Clip {
        slug: "small-poem",
        creator: "pixelgarten",
        topic: Topic::Words,
        caption: "A very small poem #words #calm",
        language: "en",
        sound: "paper-boats",
        width: 540,
        height: 960,
        picture: Picture::POEM,
    },
];

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::super::score;
    use super::*;

    #[test]
    fn the_catalogue_is_varied_and_consistent() {
        let slugs: BTreeSet<_> = CLIPS.iter().map(|clip| clip.slug).collect();
        let captions: BTreeSet<_> = CLIPS.iter().map(|clip| clip.caption).collect();
        assert_eq!(
            (slugs.len(), captions.len()),
            (CLIPS.len(), CLIPS.len()),
            "slugs and captions are unique"
        );
        let mut by_sound: BTreeMap<_, u32> = BTreeMap::new();
        for clip in CLIPS {
            assert!(CREATORS.contains(&clip.creator), "{}", clip.creator);
            assert!(score::find(clip.sound).is_some(), "{}", clip.sound);
            assert!(clip.caption.contains('#'), "{}", clip.caption);
            *by_sound.entry(clip.sound).or_default() += 1;
        }
        assert!(by_sound.values().filter(|clips| **clips >= 2).count() >= 3, "sounds are shared");
        for topic in [Topic::Colour, Topic::Life, Topic::Fractals, Topic::Waves, Topic::Sound, Topic::Words] {
            let creators: BTreeSet<_> =
                CLIPS.iter().filter(|c| c.topic == topic).map(|c| c.creator).collect();
            assert!(creators.len() >= 2, "{topic:?} has {creators:?}");
        }
        assert!(CLIPS.iter().any(|clip| clip.width > clip.height), "one is landscape");
        assert!(CLIPS.iter().any(|clip| clip.language == "de"));
    }
}
