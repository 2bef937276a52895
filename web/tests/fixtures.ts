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
