/**
 * The shapes of the HTTP API, written from its contract. `npm run api` generates
 * `schema.gen.ts` from the server's own description; these names then become aliases of it.
 * Times are RFC 3339 strings, durations milliseconds, sizes bytes.
 */

export interface Account {
  id: string;
  handle: string;
  /** Whether the viewer follows it; absent where the server does not say. */
  followed?: boolean;
}

export interface Rendition {
  url: string;
  width: number;
  height: number;
  codec: string;
  bytes: number;
}

export type ProcessingStage = 'queued' | 'rendering' | 'checking' | 'first_rendition' | 'further_renditions';

export interface Progress {
  stage: ProcessingStage;
  /** 0 to 100 of all the work on this video; never falls. */
  percent: number;
}

export type VideoStatus = 'processing' | 'ready' | 'failed';

export interface Video {
  id: string;
  status: VideoStatus;
  failure?: { code: string; message: string } | null;
  progress?: Progress | null;
  caption: string;
  language?: string | null;
  ai_generated: boolean;
  /** What the Content Credentials of the upload are worth; absent where it has none. */
  provenance?: 'valid' | 'broken';
  creator: Account;
  sound?: { id: string; title: string; video_id?: string | null; start_ms?: number } | null;
  /** The clip it answers to; without an id where that is gone. */
  lineage?: { kind: 'duet' | 'stitch'; video_id: string | null; creator: Account | null } | null;
  /** Who may use its sound, and it itself in duets and stitches. */
  consents?: { sound: string; reuse: string; reuse_on_revoke?: string };
  alt_text?: string | null;
  /** What is said, as timed text, by language. */
  captions?: { language: string; automatic: boolean; updated_at: string; url: string }[];
  /** Only its link leads to it. */
  unlisted?: boolean;
  /** The part of another in it was withdrawn. */
  part_withdrawn?: boolean;
  /** The earlier video it is a copy of; told to its creator alone. */
  duplicate_of?: string;
  /** The owner of its sound took it back and wanted silence. */
  muted?: boolean;
  published_at?: string | null;
  /** The next six are null until the first rendition is made. */
  duration_ms: number | null;
  width: number | null;
  height: number | null;
  /** The still its creator chose: grids and shares. */
  poster_url: string | null;
  /** First frame of the encoded file: shown until the player has painted. */
  first_frame_url: string | null;
  /** ThumbHash, base64. */
  thumbhash: string | null;
  renditions: Rendition[];
  counts: { likes: number; views: number; shares: number };
  liked?: boolean;
}

/** The feeds, in the order of their tabs. */
export const FEED_KINDS = ['following', 'for-you', 'popular', 'latest'] as const;
export type FeedKind = (typeof FEED_KINDS)[number];

export interface FeedItem {
  impression_id?: string;
  video: Video;
}

export interface FeedPage {
  items: FeedItem[];
  position?: number | string;
  cursor?: string | null;
  fallback?: 'newest' | null;
}

export type EventType = 'impression' | 'watch' | 'like' | 'share';

export interface ClientEvent {
  /** Made here, so that sending twice has one effect. */
  id: string;
  type: EventType;
  impression_id?: string;
  video_id: string;
  /** Played in this impression so far, all loops together. A longer report replaces a shorter one. */
  watch_ms?: number;
  loops?: number;
  paused?: boolean;
  at: string;
}

export interface Session {
  id: string;
  created_at: string;
  last_seen_at: string;
  client: string;
  current: boolean;
}

export interface PublicAccount {
  account: Account & { created_at: string };
  counts: { videos: number; likes: number; views: number; followers: number; following: number };
  followed?: boolean;
}

export interface VideoPage {
  videos: Video[];
  cursor?: string | null;
}

export interface Config {
  video: { duration_min_ms: number; duration_max_ms: number; bytes_max: number };
  signup: boolean;
}

export interface ProgressUpdate {
  status: VideoStatus;
  progress?: Progress | null;
  video?: Video | null;
}

/** RFC 9457 problem document. */
export interface Problem {
  type?: string;
  title?: string;
  status?: number;
  code?: string;
  detail?: string;
  field?: string;
}
