//! The names of every source, filter and term, each with what it means.
//!
//! The same lists drive the policy's keys, the pages' explanations and `docs/ranking.md`; an entry without a
//! description does not compile.

macro_rules! registry {
    ($(#[$doc:meta])* $name:ident { $($variant:ident $key:literal $description:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $(#[doc = $description] $variant,)*
        }

        impl $name {
            /// All of them, in the order in which they run.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];
            /// How many there are.
            pub(crate) const COUNT: usize = Self::ALL.len();

            /// The name in the policy, in pages and in the docs.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => {
                        // An empty description is as bad as none.
                        const { assert!($description.len() > 20, "describe it") };
                        $key
                    })*
                }
            }
            /// What it means, for people.
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => $description,)* }
            }
            pub(crate) const fn index(self) -> usize {
                self as usize
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

registry! {
    /// Where candidates come from. A video that several sources put forward is named after the first of them.
    SourceName {
        Followed "followed" "The newest videos of the creators you follow.",
        Wished "wished" "The newest videos of what you asked for more of.",
        CoWatch "co_watch" "Videos that viewers who liked your latest liked videos liked too.",
        Next "next" "Videos that viewers liked soon after they liked your latest liked videos.",
        Walk "walk" "Videos two steps away: liked by those who liked what your own kind of viewers liked.",
        Embedding "embedding" "Videos whose learned vectors lie in the direction of what you liked.",
        Creator "creator" "The newest videos of the creators you like best.",
        Sound "sound" "The newest videos with the sounds you like best.",
        Topic "topic" "The newest videos with the tags and caption words you like best.",
        Language "language" "What most viewers come to like these days in the languages you like, then the newest in them.",
        Trending "trending" "What most viewers come to like in these hours.",
        Popular "popular" "What most viewers come to like these days.",
        Lasting "lasting" "What most viewers have come to like over the last weeks.",
        Fresh "fresh" "The newest videos of all.",
        Exploration "exploration" "Videos that few viewers have met yet, young ones first: the best of draws from what is believed of each, by the page's seed.",
        Backlog "backlog" "Any video you have not seen yet, drawn by the page's seed, where the other sources find too few.",
        Returned "returned" "Videos that were served to you a short while ago and never shown, where nothing else is left.",
    }
}

registry! {
    /// Why a video that a source put forward was not considered. The first reason that holds is counted.
    FilterName {
        Removed "removed" "The video was deleted or restricted.",
        Own "own" "The video is the viewer's own.",
        NotInterested "not_interested" "The viewer said that they are not interested in this video, or in its creator, its sound or one of its tags.",
        Seen "seen" "The viewer has met the video before, in any feed. The record is exact.",
        Reserved "reserved" "The video was served to the viewer a short while ago and may still be waiting on their device.",
        Copy "copy" "It is the same video as one that the viewer has met, that waits on their device, or that is a candidate for the same page already.",
    }
}

registry! {
    /// What a score is the sum of.
    TermName {
        CoWatch "co_watch" "Liked by those who liked your latest liked videos.",
        Next "next" "Liked soon after your latest liked videos.",
        Walk "walk" "Liked by those who liked what was liked with your videos: two steps of a random walk, in which every viewer weighs the same.",
        AfterLast "after_last" "Liked soon after the video you liked last.",
        AfterSecond "after_second" "Liked soon after the video you liked before your last.",
        AfterEarlier "after_earlier" "Liked soon after the three videos you liked before these.",
        Trending "trending" "Liked by many in the last hours.",
        Popularity "popularity" "Liked by many in the last day.",
        Lasting "lasting" "Liked by many in the last weeks.",
        Acclaim "acclaim" "Enjoyed by more of those who were shown it than was to be expected of them, whoever they are; -1 to 1, and less the more is known of your own taste.",
        Embedding "embedding" "Its learned vector lies in the direction of what you liked: many weak connections together.",
        Enjoyed "enjoyed" "How likely you watch it through, like it or pass it on, against the average; -1 to 1.",
        Completion "completion" "How much of it you are expected to watch, against the average; -1 to 1.",
        Like "like" "How likely you like it, against the average; -1 to 1.",
        Share "share" "How likely you pass it on, against the average; -1 to 1.",
        Follow "follow" "How likely you begin to follow its creator, against the average; -1 to 1, and 0 where you follow already.",
        Skip "skip" "How likely you leave it at once, against the average; from -1 for certainly to 1.",
        Refusal "refusal" "How likely you ask for less of this, against the average; from -1 for certainly to 1.",
        Creator "creator" "What you made of this creator's videos: finished, liked and shared against skipped; -1 to 1.",
        Sound "sound" "What you made of videos with this sound; -1 to 1.",
        Tag "tag" "What you made of videos with these tags, rare tags counting more; -1 to 1.",
        Word "word" "What you made of videos with these words in the caption, rare words counting more; -1 to 1.",
        Language "language" "What you made of videos in this language; -1 to 1.",
        Followed "followed" "You follow its creator; 0 or 1.",
        Wish "wish" "You asked for more or less of its creator, its sound, a tag, a word or its language; -1 to 1.",
        Freshness "freshness" "How new it is; 1 when published, halved with every half-life.",
        Exploration "exploration" "Few viewers have met it, so that meeting it tells something; 0 to 1.",
        Chance "chance" "A number drawn by the page's seed, so that equals do not always come in the same order; 0 to 1.",
        NotInterested "not_interested" "You asked for less of this creator, sound or tag; -1 to 0.",
        RepeatCreator "repeat_creator" "The latest videos above have this creator; -1 for each, at most -3.",
        RepeatSound "repeat_sound" "The latest videos above have this sound; -1 for each, at most -3.",
        RepeatTag "repeat_tag" "The latest videos above have these tags; -1 for each tag in common, at most -4.",
    }
}

registry! {
    /// What can come of showing a video, and is predicted.
    OutcomeName {
        Enjoyed "enjoyed" "It was watched through, liked or passed on.",
        Completion "completion" "The part of it that was watched, where a long video counts as watched through after the policy's `enough_ms`.",
        Like "like" "The viewer pressed the like button.",
        Share "share" "The viewer passed it on.",
        Follow "follow" "The viewer began to follow its creator.",
        Skip "skip" "It was left before it had really begun.",
        NotInterested "not_interested" "The viewer asked for less of this.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_indexes_are_positions() {
        fn check<T: Copy>(all: &[T], name: fn(T) -> &'static str, index: fn(T) -> usize) {
            let mut names: Vec<_> = all.iter().map(|&item| name(item)).collect();
            assert!(all.iter().enumerate().all(|(i, &item)| index(item) == i));
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), all.len());
        }
        check(SourceName::ALL, SourceName::as_str, SourceName::index);
        check(FilterName::ALL, FilterName::as_str, FilterName::index);
        check(OutcomeName::ALL, OutcomeName::as_str, OutcomeName::index);
        check(TermName::ALL, TermName::as_str, TermName::index);
    }
}
