/**
 * What the recommender tells about itself and what a viewer may tell it: calls and shapes, outside
 * the first load. Scores and leanings are integers of one millionth.
 */
import { BASE, request, segment } from './client.ts';

/** What something is about: a creator, a sound, a tag, ... `label` is for people. */
export interface Subject {
  kind: string;
  id?: string;
  label?: string;
}

/** What the viewer did with videos of one subject, counted. */
export interface Deeds {
  finished: number;
  liked: number;
  shared: number;
  skipped: number;
}

export interface Term {
  name: string;
  value: number;
}

export type Reason = Deeds & { subject: Subject };

/** Where the video had come without one term, or without what the viewer did with one subject. */
export interface Counterfactual {
  without: { kind: 'term'; name: string } | ({ kind: 'evidence'; subject: Subject } & Deeds);
  /** From 1; null where it is not among the first 100. */
  rank: number | null;
  /** Null where nothing had brought it up. */
  score: number | null;
}

export interface Count {
  name: string;
  count: number;
}

export interface Why {
  impression_id: string;
  video: { id: string };
  feed: string;
  at: string;
  position: number | string;
  policy: { name: string; version: number | string; hash: string };
  rank: number;
  source: string;
  placement: string;
  score: number;
  terms: Term[];
  reasons: Reason[];
  counterfactuals: Counterfactual[];
  nearby: { video_id: string; fate: string; rank?: number | null; score?: number | null }[];
  stages: { sources: Count[]; dropped: Count[]; ranked: number };
}

export interface Reach {
  video_id: string;
  eligible: number;
  shown: number;
  passed_over: { reason: string; count: number }[];
  sources: Count[];
}

export type Wish = 'more' | 'less' | 'neutral' | 'forget';

export interface TasteSubject extends Subject {
  /** -1,000,000 (against) to 1,000,000 (for). */
  leaning: number;
  /** What the viewer asked for. */
  pinned?: Wish | null;
}

export interface Taste {
  learning: boolean;
  subjects: TasteSubject[];
  not_interested: Subject[];
  seen_count: number;
}

export const recommender = {
  why: (impressionId: string) => request<Why>('GET', `/impressions/${segment(impressionId)}/why`),
  reach: (videoId: string) => request<Reach>('GET', `/videos/${segment(videoId)}/reach`),

  taste: () => request<Taste>('GET', '/taste'),
  wish: ({ kind, id, label }: Subject, wish: Wish) => request<void>('PUT', '/taste/subjects', { body: { kind, ...(id ? { id } : { label }), wish } }),
  learn: (learning: boolean) => request<void>('PUT', '/taste/learning', { body: { learning } }),
  reset: () => request<void>('DELETE', '/taste'),
  importTaste: (file: unknown) => request<void>('POST', '/taste/import', { body: file }),

  hide: ({ kind, id, label }: Subject, hidden: boolean) =>
    request<void>(hidden ? 'PUT' : 'DELETE', '/not-interested', { body: { kind, ...(id ? { id } : { label }) } }),
};

/** Addresses of files to be saved. */
export const files = {
  receipt: (impressionId: string) => `${BASE}/impressions/${segment(impressionId)}/receipt`,
  taste: `${BASE}/taste/export`,
};
