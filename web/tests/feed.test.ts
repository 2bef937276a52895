import { describe, expect, it, vi } from 'vitest';
import type { FeedPage } from '../src/lib/api/types.ts';
import { FeedManager, type FeedDeps } from '../src/lib/managers/feed.svelte.ts';
import { FEED_KEPT_COUNT, FEED_PAGE_COUNT, FEED_REFILL_LEFT } from '../src/thresholds.ts';
import { item, memoryStorage } from './fixtures.ts';

/** A server that hands out `v0`, `v1`, ... once each. */
function server(total: number) {
  let next = 0;
  return vi.fn(async (limit: number): Promise<FeedPage> => {
    const items = Array.from({ length: Math.max(0, Math.min(limit, total - next)) }, (_, i) => item(`v${next + i}`));
    next += items.length;
    return { items };
  });
}

function feedOf(fetch: FeedDeps['fetch'], more: Partial<FeedDeps> = {}): FeedManager {
  return new FeedManager({ fetch, paged: false, ...more });
}

const ids = (feed: FeedManager) => feed.items.map((one) => one.video.id);

describe('feed queue', () => {
  it('asks for a small page, and for the next one when few are left', async () => {
    const fetch = server(100);
    const feed = feedOf(fetch);
    await feed.start();
    expect(fetch.mock.calls).toEqual([[FEED_PAGE_COUNT, undefined]]);
    while (feed.left > FEED_REFILL_LEFT + 1) feed.go(1);
    expect(fetch).toHaveBeenCalledTimes(1);
    feed.go(1);
    await feed.refill();
    expect(fetch).toHaveBeenCalledTimes(2);
    expect(ids(feed)).toEqual(Array.from({ length: 2 * FEED_PAGE_COUNT }, (_, i) => `v${i}`));
  });

  it('has one request under way at most', async () => {
    const fetch = server(100);
    const feed = feedOf(fetch);
    await Promise.all([feed.start(), feed.refill(), feed.refill()]);
    expect(fetch).toHaveBeenCalledTimes(1);
  });

  it('ends when an empty page comes, and looks again when asked', async () => {
    const fetch = server(2);
    const feed = feedOf(fetch);
    await feed.start();
    await feed.refill();
    expect(feed.exhausted).toBe(true);
    expect([feed.go(1), feed.go(1), feed.go(1)]).toEqual([true, true, false]);
    expect(feed.current).toBeUndefined();
    fetch.mockResolvedValueOnce({ items: [item('new')] });
    await feed.again();
    expect(feed.current?.video.id).toBe('new');
  });

  it('asks again when a page is shorter than a swipe needs', async () => {
    let next = 0;
    const fetch = vi.fn(async (): Promise<FeedPage> => ({ items: next < 3 ? [item(`v${next++}`)] : [] }));
    const feed = feedOf(fetch);
    await feed.start();
    expect(ids(feed)).toEqual(['v0', 'v1', 'v2']);
    expect(feed.exhausted).toBe(true);
  });

  it('never shows a video twice', async () => {
    const fetch = vi.fn(async (): Promise<FeedPage> => ({ items: [item('same'), item('same2')] }));
    const feed = feedOf(fetch);
    await feed.start();
    await feed.refill();
    expect(ids(feed)).toEqual(['same', 'same2']);
  });

  it('keeps what was not shown over a reload', async () => {
    const storage = memoryStorage();
    const fetch = server(100);
    const before = feedOf(fetch, { storage, storageKey: 'q' });
    await before.start();
    before.go(1);
    before.go(1);
    await before.refill();
    const after = feedOf(fetch, { storage, storageKey: 'q' });
    await after.start();
    expect(ids(after)[0]).toBe('v2');
    expect(ids(after)).toEqual(ids(before).slice(2));
  });

  it('does not take up an old or broken queue', async () => {
    for (const text of ['{"at":0,"items":[]}', 'nonsense', '{"at":0,"items":7}']) {
      const storage = memoryStorage({ q: text });
      const feed = feedOf(server(10), { storage, storageKey: 'q', now: () => 1e9 });
      await feed.start();
      expect(ids(feed)[0]).toBe('v0');
    }
  });

  it('fails only when there is nothing to show', async () => {
    const fetch = server(100);
    const feed = feedOf(fetch);
    fetch.mockRejectedValueOnce(new Error('offline'));
    await feed.start();
    expect(feed.status).toBe('failed');
    await feed.refill();
    expect(feed.status).toBe('ready');
    fetch.mockRejectedValueOnce(new Error('offline'));
    feed.go(1);
    feed.go(1);
    await feed.refill();
    expect(feed.status).toBe('ready');
  });

  it('keeps the place of the current video when an earlier one goes', async () => {
    const feed = feedOf(server(100));
    await feed.start();
    feed.go(1);
    feed.go(1);
    const place = feed.base + feed.index;
    feed.remove('v0');
    expect(feed.current?.video.id).toBe('v2');
    expect(feed.base + feed.index).toBe(place);
    feed.remove('v2');
    expect(feed.current?.video.id).toBe('v3');
    expect(feed.base + feed.index).toBe(place);
  });

  it('keeps a bounded number of videos without moving the current one', async () => {
    const feed = feedOf(server(10_000));
    await feed.start();
    for (let i = 0; i < 3 * FEED_KEPT_COUNT; i += 1) {
      await feed.refill();
      expect(feed.go(1)).toBe(true);
      expect(feed.current?.video.id).toBe(`v${i + 1}`);
      expect(feed.base + feed.index).toBe(i + 1);
    }
    expect(feed.items.length).toBeLessThanOrEqual(FEED_KEPT_COUNT + FEED_PAGE_COUNT);
  });

  it('drops the answer of somebody else', async () => {
    let answer: (page: FeedPage) => void = () => undefined;
    const feed = feedOf(() => new Promise<FeedPage>((resolve) => (answer = resolve)));
    const started = feed.start();
    await Promise.resolve();
    feed.reset();
    answer({ items: [item('foreign')] });
    await started;
    expect(feed.items).toEqual([]);
  });

  it('follows a cursor to the end of a list', async () => {
    const fetch = vi
      .fn<FeedDeps['fetch']>()
      .mockResolvedValueOnce({ items: [item('a')], cursor: 'next' })
      .mockResolvedValueOnce({ items: [item('b')], cursor: null });
    const feed = feedOf(fetch, { paged: true });
    await feed.start();
    await feed.refill();
    expect(fetch.mock.calls[1]?.[1]).toBe('next');
    expect(ids(feed)).toEqual(['a', 'b']);
    expect(feed.exhausted).toBe(true);
  });

  it('lets go of what is not wanted, behind and ahead, and moves on from it', async () => {
    const feed = feedOf(server(100));
    await feed.start();
    feed.go(1);
    feed.go(1);
    const place = feed.base + feed.index;
    const back = feed.withdraw((one) => ['v0', 'v2', 'v3'].includes(one.id));
    expect(ids(feed).slice(0, 4)).toEqual(['v1', 'v4', 'v5', ...ids(feed).slice(3, 4)]);
    expect(feed.current?.video.id).toBe('v4');
    expect(feed.base + feed.index).toBe(place + 1);
    back();
    await feed.refill();
    expect(ids(feed).slice(0, 6)).toEqual(['v0', 'v1', 'v2', 'v3', 'v4', 'v5']);
    expect(feed.current?.video.id).toBe('v2');
    expect(feed.base + feed.index).toBe(place);
    expect(new Set(ids(feed)).size).toBe(ids(feed).length);
  });

  it('keeps what is on the stage where something else is not wanted, and holds later pages to it', async () => {
    const feed = feedOf(server(100));
    await feed.start();
    feed.go(1);
    const place = feed.base + feed.index;
    const odd = (one: { id: string }) => Number(one.id.slice(1)) % 2 === 0;
    const back = feed.withdraw(odd);
    expect(feed.current?.video.id).toBe('v1');
    expect(feed.base + feed.index).toBe(place);
    await feed.refill();
    feed.go(1);
    feed.go(1);
    await feed.refill();
    expect(feed.items.some((one) => odd(one.video))).toBe(false);
    back();
    expect(feed.current?.video.id).toBe('v5');
  });

  it('goes on when everything at hand was not wanted', async () => {
    const feed = feedOf(server(100));
    await feed.start();
    const first = new Set(ids(feed));
    feed.withdraw((one) => first.has(one.id));
    expect(feed.current).toBeUndefined();
    await feed.refill();
    expect(feed.current?.video.id).toBe('v6');
  });

  it('chooses anew after a change of taste, and loses nothing that was handed out', async () => {
    const storage = memoryStorage();
    const feed = feedOf(server(8), { storage, storageKey: 'k' });
    await feed.start();
    feed.go(1);
    feed.rethink();
    await feed.refill();
    expect(ids(feed).slice(0, 4)).toEqual(['v0', 'v1', 'v6', 'v7']);
    while (!feed.exhausted) {
      feed.go(1);
      await feed.refill();
    }
    expect(new Set(ids(feed)).size).toBe(8);

    const again = feedOf(server(0), { storage: memoryStorage({ k: JSON.stringify({ at: Date.now(), items: [item('a'), item('b')] }) }), storageKey: 'k' });
    again.rethink();
    await again.refill();
    expect(ids(again)).toEqual(['a', 'b']);
  });

  it('ends when the server only repeats what waits here, but not because of a page of hidden videos', async () => {
    const feed = feedOf(vi.fn(async () => ({ items: [item('a'), item('b')] })));
    await feed.start();
    await feed.refill();
    expect(ids(feed)).toEqual(['a', 'b']);
    expect(feed.exhausted).toBe(true);

    const pages = [['a'], ['x'], ['b'], []];
    const other = feedOf(vi.fn(async () => ({ items: (pages.shift() ?? []).map(item) })));
    other.withdraw((one) => one.id === 'x');
    await other.start();
    expect([ids(other), other.exhausted]).toEqual([['a'], false]);
    await other.refill();
    expect(ids(other)).toEqual(['a', 'b']);
  });
});
