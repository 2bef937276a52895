/**
 * Every threshold of the interface in one place. The table in the documentation quotes these
 * names; changing a value here is a product decision, not a detail.
 */

/** A video counts as an impression when this share of it was visible ... */
export const IMPRESSION_VISIBLE_RATIO = 0.5;
/** ... for this long. */
export const IMPRESSION_VISIBLE_MS = 250;
/** A view is this much playback, or the whole video if that is shorter. */
export const VIEW_WATCH_MS = 1000;
/** A skip left before both of these. */
export const SKIP_WATCH_MS = 2000;
export const SKIP_COMPLETION = 0.25;

/** Two taps within this window are a double tap; a single tap acts no later than this. */
export const DOUBLE_TAP_MS = 280;
/** Two taps further apart than this are two single taps. */
export const DOUBLE_TAP_DISTANCE_PX = 64;
/** A finger that stays within the slop for this long is a long press. */
export const LONG_PRESS_MS = 450;
/** Movement below this is still a tap. */
export const TAP_SLOP_PX = 10;
/** The right-hand share of the stage where holding plays at double speed. */
export const SPEED_EDGE_RATIO = 0.2;

/** A swipe commits after this share of the stage's height (or width, for tabs) ... */
export const SWIPE_COMMIT_RATIO = 0.18;
/** ... or at this speed in pixels per millisecond. */
export const SWIPE_COMMIT_PX_PER_MS = 0.35;
/** Speed is measured over the last part of the gesture. */
export const SWIPE_SPEED_WINDOW_MS = 100;
/** Pulling past the first or last video moves this fraction of the finger. */
export const SWIPE_RUBBER_BAND = 0.3;
/** Wheel movement that counts as one step, and the pause in which further movement is ignored. */
export const WHEEL_STEP_PX = 40;
export const WHEEL_REST_MS = 160;
export const WHEEL_LOCK_MS = 520;
/** Duration of the slide from one video to the next. */
export const SLIDE_MS = 280;
/** A still is fetched when the video has not shown a picture of its own by then. */
export const STILL_AFTER_MS = 200;

/** The next video is loaded when the current one has this much buffered ahead ... */
export const PRELOAD_AHEAD_MS = 3000;
/** ... or this share of its length. */
export const PRELOAD_AHEAD_RATIO = 0.25;

/** Events are sent after this long or this many, and at once when the page is hidden. */
export const EVENT_BATCH_MS = 2000;
export const EVENT_BATCH_COUNT = 10;
/** Most events in one request. */
export const EVENT_REQUEST_COUNT_MAX = 50;
/** Most events kept on the device while offline; the oldest go first. */
export const OUTBOX_COUNT_MAX = 2000;
/** Wait before a failed send is tried again; doubles up to the maximum. */
export const OUTBOX_RETRY_MS = 4000;
export const OUTBOX_RETRY_MS_MAX = 120_000;

/** Videos asked for at once. Small, so that a page reflects the swipes before it. */
export const FEED_PAGE_COUNT = 6;
/** The next page is asked for when this many videos are left after the current one. */
export const FEED_REFILL_LEFT = 3;
/** Most videos a feed keeps in memory for going back. */
export const FEED_KEPT_COUNT = 120;

/** Destructive steps can be taken back for this long. */
export const UNDO_MS = 8000;
/** Other toasts leave after this long. */
export const TOAST_MS = 4000;
/** Caption limit of the server, in characters. */
export const CAPTION_CHARS_MAX = 500;
/** Stills in the strip from which the poster is chosen. */
export const POSTER_STRIP_COUNT = 8;
/** Grid page size on profiles. */
export const GRID_PAGE_COUNT = 24;
/** A grid preview starts after this much hovering or focus. */
export const PREVIEW_DELAY_MS = 180;
