import type { Why } from '../src/lib/api/recommender.ts';
import type { FeedItem, Video } from '../src/lib/api/types.ts';

export function video(id: string, more: Partial<Video> = {}): Video {
  return {
    id,
    status: 'ready',
    caption: '',
    ai_generated: false,
    creator: { id: 'c', handle: 'mira' },
    duration_ms: 10_000,
    width: 720,
    height: 1280,
    poster_url: '/p.jpg',
    first_frame_url: '/f.jpg',
    thumbhash: null,
    renditions: [],
    counts: { likes: 3, views: 0, shares: 0 },
    ...more,
  };
}

export const item = (id: string): FeedItem => ({ impression_id: `i-${id}`, video: video(id) });

/** An answer of the server to "why?", shortened. */
export function why(): Why {
  const mira = { subject: { kind: 'creator', id: 'c', label: 'mira' }, finished: 3, liked: 1, shared: 0, skipped: 0 };
  const cats = { subject: { kind: 'tag', label: 'cats' }, finished: 2, liked: 0, shared: 0, skipped: 0 };
  return {
    impression_id: 'i-a',
    video: { id: 'a' },
    feed: 'for-you',
    at: '2026-11-22T16:20:11Z',
    position: 18_231,
    policy: { name: 'default', version: 1, hash: '9f2c1e7a' },
    rank: 2,
    source: 'creator',
    placement: 'ranked',
    score: 810_000,
    terms: [
      { name: 'popularity', value: 120_000 },
      { name: 'creator', value: 740_000 },
      { name: 'word', value: 0 },
      { name: 'repeat_creator', value: -50_000 },
    ],
    reasons: [mira, cats],
    counterfactuals: [
      { without: { kind: 'term', name: 'creator' }, rank: 9, score: 70_000 },
      { without: { kind: 'evidence', ...mira }, rank: 14, score: 60_000 },
    ],
    nearby: [{ video_id: 'b', fate: 'ranked', rank: 3, score: 800_000 }],
    stages: { sources: [{ name: 'creator', count: 12 }], dropped: [{ name: 'seen', count: 4 }], ranked: 8 },
  };
}

export function memoryStorage(values: Record<string, string> = {}): Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> {
  const map = new Map(Object.entries(values));
  return {
    getItem: (key) => map.get(key) ?? null,
    setItem: (key, value) => void map.set(key, value),
    removeItem: (key) => void map.delete(key),
  };
}

/** Timers that run when the test says so. */
export class FakeTimers {
  now = 0;
  private next = 1;
  private readonly due = new Map<number, { at: number; work: () => void }>();

  readonly setTimer = (work: () => void, ms: number): number => {
    this.due.set(this.next, { at: this.now + ms, work });
    return this.next++;
  };

  readonly clearTimer = (timer: number): void => void this.due.delete(timer);

  /** Lets `ms` pass and everything that follows from it happen. */
  async pass(ms: number): Promise<void> {
    const end = this.now + ms;
    for (;;) {
      const first = [...this.due].filter(([, one]) => one.at <= end).sort((a, b) => a[1].at - b[1].at)[0];
      if (!first) break;
      this.due.delete(first[0]);
      this.now = first[1].at;
      first[1].work();
      await settled();
    }
    this.now = end;
    await settled();
  }
}

export const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
