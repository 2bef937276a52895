//! `docs/ranking.md`, from the registry.

use crate::fixed::MICRO;
use crate::policy::{DEFAULT_POLICY, Policy};
use crate::registry::{FilterName, OutcomeName, SourceName, TermName};
use std::fmt::Write as _;

/// The page that tells people how videos are ordered, with the weights of `policy`.
pub fn reference(policy: &Policy) -> String {
    let mut page = String::from(INTRODUCTION);
    page.push_str("\n## Candidate sources\n\nEach puts forward at most its quota of videos per page, in this order.\n\n");
    page.push_str("| source | quota | what |\n| --- | ---: | --- |\n");
    for &source in SourceName::ALL {
        let quota = match policy.quota(source) {
            0 => "off".to_owned(),
            quota => quota.to_string(),
        };
        line(&mut page, source.as_str(), &quota, source.description());
    }
    page.push_str("\n## Filters\n\nA video is dropped for the first of these reasons that holds.\n\n");
    page.push_str("| reason | what |\n| --- | --- |\n");
    for &filter in FilterName::ALL {
        let _ = writeln!(page, "| `{filter}` | {} |", filter.description());
    }
    page.push_str("\n## Terms\n\nThe score is the sum of these terms; each is weight times value, except for the signals, see below.\n\n");
    page.push_str("| term | weight | value |\n| --- | ---: | --- |\n");
    for &term in TermName::ALL {
        line(&mut page, term.as_str(), &decimal(policy.weight(term)), term.description());
    }
    page.push_str("\n## Outcomes that are predicted\n\n| outcome | what |\n| --- | --- |\n");
    for &outcome in OutcomeName::ALL {
        let _ = writeln!(page, "| `{outcome}` | {} |", outcome.description());
    }
    page.push_str(RULES);
    let _ = write!(page, "\n## The policy compiled in\n\n```toml\n{DEFAULT_POLICY}```\n");
    page
}

fn line(page: &mut String, name: &str, number: &str, description: &str) {
    let _ = writeln!(page, "| `{name}` | {number} | {description} |");
}

/// Micro-units as a decimal number, without floating point.
fn decimal(micro: i64) -> String {
    let text = format!("{}.{:06}", micro / MICRO, micro % MICRO);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

const INTRODUCTION: &str = "\
# How videos are ordered

<!-- Generated from crates/takt-recommender; a test fails when it is stale. To write it anew:
     TAKT_WRITE_DOCS=1 cargo test -p takt-recommender --test it reference -->

The recommender is a deterministic state machine over the event log.
A page is a function of the log up to a position, the ranking policy, the viewer, the time and a seed; asked again, it is the same page, byte for byte.
Everything is computed in integers of one millionth (micro-units): where this page says 1, the code says 1000000.

A page comes about in four stages: **candidate sources** put videos forward, **filters** drop those that must not be shown, the **ranker** gives each
a score, the **re-ranker** fills the page place by place.
Being shown is never taken as being liked: only finishing, liking and sharing speak for a video, skipping and \"not interested\" against it.
";

const RULES: &str = "
## Signals

Nine signals each spread one unit over the videos that the viewer has not met: the share of the viewer's next likes that they expect there.
Six are paths over connections between liked videos (`co_watch`, `next`, `walk`, `after_last`, `after_second`, `after_earlier`), three are popularity (`trending`, `popularity`, `lasting`).
A video's share times the number of videos is its lift: 1 is no better than a draw. The score takes log2(1 + 2 lift) of every signal, times the signal's weight, times the term's weight above and `relevance.weight`.
The tenth, `embedding`, is a logarithm itself: how far the video's learned vector lies in the direction of the viewer's. Vectors are learned from every like by setting the liked video apart from 32 others; few likes count little.
`acclaim` is no signal: it is how much more often a video was enjoyed than the predictions below expect of the same viewers when they leave the video's own record out, per exposure, with 20 exposures of doubt. So a video that only its friends were shown gains nothing by their liking it. It counts times 1 - likes / `acclaim.likes_max` of the viewer.
The weights of the signals are learned from likes alone, for four classes of viewers by how many videos they have liked (none, up to 2, up to 9, more): those that set the liked video apart from what the viewer could have met instead gain. None falls below zero.
At most 4 likes a day of one viewer take part in this.

## Predictions

Every outcome has one logistic regression, learned online from every exposure, those that came to nothing included.
It knows the rates of the outcome given exposure for the length of the video on the surface it is shown on, for the video and for the viewer; how the video is liked together with the viewer's; how often the video was shown and how much the viewer has liked and seen;
the rates of its creator and tags, and the viewer's leaning to its creator and to its tags and words.
Long and short videos are compared with their own kind, and a video counts as watched through after `enough_ms` or its end.
Being shown alone lowers every rate.
Predictions cost the most, so the ranker works in two steps: everything else scores every candidate, and predictions join the scores of the best `page.shortlist` of them and of what exploration put forward.

## The page as a whole

What is above reaches back into the pages served before, so that it makes no difference how many videos a page has.
The page is filled from the top; each place goes to the highest score among the videos that keep these rules, of equals to the newer one.

1. Two neighbours never have the same creator or the same sound, as long as another candidate is left.
2. Of `window` videos in a row, at most a share has one creator and at most a share one sound (`spreading`), as long as another candidate is left.
   A candidate whose score is lower than the best one's by more than `tolerance` is not counted as left: rather more of one creator than what the viewer has turned down.
3. The terms `repeat_creator`, `repeat_sound` and `repeat_tag` grow with every such video among those above.
4. A share of all places (`exploration`) goes to videos that few viewers have met, to those younger than `exploration.young_hours` first. A bandit chooses: what is believed of a video is how often its creator's, its sound's and its tags' videos are enjoyed, corrected by what came of showing it; the highest draw from these beliefs wins, so that the unknown is tried, what is liked is shown on, and what is not is dropped. Of the viewer's taste counts what they turned down in full, what they like (`creator`, `sound`, `tag`, `word`, `language`, `wish`) to three tenths. Which places these are is drawn by the seed.

## What is learned from what

| event | about the viewer | about the video |
| --- | --- | --- |
| impression | has seen it; one more exposure | one more exposure, also of its creator and tags |
| watch: left early (`skip_ms`, `skip_completion`) | evidence against its creator, sound, tags, words, language | every prediction of it falls |
| watch: further | evidence for them in proportion to completion, more for replays | its predictions rise |
| like, share | evidence for them; an unlike takes the like back | predictions of likes and shares, once per viewer |
| finished, liked or shared | joins the viewer's recent videos | is connected with the viewer's recent videos and becomes more popular, once per viewer and for 30 videos of a viewer's day |
| not interested | strong evidence against; `not_interested` term for its creator, sound and tags | predictions of refusals, once per viewer |
| follow; a creator, sound or tag turned down | is put forward, or never comes | the latest such video shown in the last half hour: predictions of follows or refusals, once per viewer |
| one subject forgotten | the leaning to it goes; of a creator, sound or tag the viewer's recent videos, too | nothing |
| page served | its videos are kept back until shown, or `reserve_minutes` have passed | nothing |
| viewers merged | seen set, taste and the rest are joined | nothing |
| viewer forgotten | the whole row is dropped | totals stay, without a name |
| nothing for `keeping.viewer_days` | all but follows, wishes and what was turned down is dropped | totals stay |

A later report on the same watching replaces an earlier one only if it is longer, and no viewer counts twice for one video.
Evidence on taste is held as for and against per feature; its value is (for - against) / (for + against + prior), and it fades with `taste.half_life_hours`.
";
