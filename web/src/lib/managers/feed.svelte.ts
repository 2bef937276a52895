/**
 * The queue behind a feed. Videos of For You are handed out once only, so what was fetched and
 * not yet shown is kept over a reload instead of being lost.
 */
import { FEED_KEPT_COUNT, FEED_PAGE_COUNT, FEED_REFILL_LEFT } from '../../thresholds.ts';
import type { FeedItem, FeedPage, Video } from '../api/types.ts';

/** A queue older than this is not taken up again: links may have expired. */
const QUEUE_AGE_MS_MAX = 30 * 60 * 1000;

export interface FeedDeps {
  /** Asks for the next page. `cursor` is what the last page gave. */
  fetch(limit: number, cursor: string | undefined): Promise<FeedPage>;
  /** Whether an empty cursor means the end (lists), or only an empty page does (For You). */
  paged: boolean;
  storage?: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> | undefined;
  storageKey?: string;
  now?(): number;
}

export type FeedStatus = 'idle' | 'loading' | 'ready' | 'failed';

export class FeedManager {
  items = $state.raw<FeedItem[]>([]);
  index = $state(0);
  /** Videos dropped in front of `items`: `base + i` names a place that never shifts. */
  base = $state(0);
  status = $state<FeedStatus>('idle');
  /** Nothing more to show for now. */
  exhausted = $state(false);
  /** The recommender is not at hand; these are the newest videos. */
  fallback = $state(false);

  private cursor: string | undefined;
  /** Chosen before the taste changed: shown when nothing newer is left. */
  private aside: FeedItem[] = [];
  private readonly unwanted = new Set<(video: Video) => boolean>();
  private refilling: Promise<void> | null = null;
  private generation = 0;
  private readonly deps: FeedDeps;

  constructor(deps: FeedDeps) {
    this.deps = deps;
  }

  get current(): FeedItem | undefined {
    return this.items[this.index];
  }

  /** Videos after the current one. */
  get left(): number {
    return Math.max(0, this.items.length - 1 - this.index);
  }

  /** Whether the place behind the last video (the empty state) can be reached. */
  get length(): number {
    return this.items.length + (this.exhausted ? 1 : 0);
  }

  async start(): Promise<void> {
    if (this.status === 'ready' || this.status === 'loading') return;
    this.restore();
    await this.refill();
  }

  /** Starts over, as somebody else or from the top. */
  reset(): void {
    this.generation += 1;
    this.items = [];
    this.aside = [];
    this.unwanted.clear();
    this.index = 0;
    this.base = 0;
    this.cursor = undefined;
    this.exhausted = false;
    this.fallback = false;
    this.status = 'idle';
    this.refilling = null;
    if (this.deps.storageKey) this.deps.storage?.removeItem(this.deps.storageKey);
  }

  canGo(step: 1 | -1): boolean {
    const target = this.index + step;
    return target >= 0 && target < this.length;
  }

  go(step: 1 | -1): boolean {
    if (!this.canGo(step)) {
      // The end of what is known, not of the feed: an answer may have been short or lost.
      if (step === 1) void this.refill();
      return false;
    }
    this.index += step;
    this.trim();
    this.save();
    if (this.left <= FEED_REFILL_LEFT) void this.refill();
    return true;
  }

  /** Asks again after the end or a failure. */
  async again(): Promise<void> {
    this.exhausted = false;
    await this.refill();
  }

  refill(): Promise<void> {
    if (this.exhausted || this.left > FEED_REFILL_LEFT) return this.refilling ?? Promise.resolve();
    this.refilling ??= this.fetchPage(this.generation).finally(() => {
      this.refilling = null;
    });
    return this.refilling;
  }

  /** A video is gone or unwanted: take it out, staying at the same place in the queue. */
  remove(videoId: string): void {
    const at = this.items.findIndex((item) => item.video.id === videoId);
    if (at < 0) return;
    this.items = this.items.filter((_, i) => i !== at);
    if (at < this.index) {
      this.index -= 1;
      this.base += 1;
    }
    this.index = Math.max(0, Math.min(this.index, this.length - 1));
    this.save();
    if (this.left <= FEED_REFILL_LEFT) void this.refill();
  }

  /**
   * Takes out every video the viewer does not want, behind and ahead. Where the current one is
   * among them the feed moves on to the next that stays. Pages that come later are held to it as
   * well: one may be on its way. Returns what puts the videos back.
   */
  withdraw(unwanted: (video: Video) => boolean): () => void {
    const { items: before, generation } = this;
    const shown = this.current;
    const moves = shown !== undefined && unwanted(shown.video);
    const ahead = this.items.slice(0, this.index).filter((item) => !unwanted(item.video)).length;
    const items = this.items.filter((item) => !unwanted(item.video));
    this.unwanted.add(unwanted);
    if (items.length < before.length) this.arrange(items, ahead, this.base + this.index + (moves ? 1 : 0));
    return () => {
      this.unwanted.delete(unwanted);
      if (generation !== this.generation || items.length === before.length) return;
      const known = new Set(before.map((item) => item.video.id));
      const back = [...before, ...this.items.filter((item) => !known.has(item.video.id))];
      const wanted = moves ? shown : this.current;
      const at = wanted ? back.findIndex((item) => item.video.id === wanted.video.id) : before.length;
      this.arrange(back, at, this.base + this.index - (moves ? 1 : 0));
    };
  }

  /** The viewer's taste was changed: what comes next is chosen anew. Nothing handed out is lost. */
  rethink(): void {
    this.restore();
    this.unwanted.clear();
    this.generation += 1;
    this.refilling = null;
    this.exhausted = false;
    this.aside = [...this.items.slice(this.index + 1), ...this.aside];
    this.items = this.items.slice(0, this.index + 1);
    this.save();
    if (this.status !== 'idle') void this.refill();
  }

  /** Newer facts about a video, wherever it stands in the queue. */
  patch(video: Video): void {
    this.items = this.items.map((item) => (item.video.id === video.id ? { ...item, video } : item));
  }

  /** Other videos at hand, the current one at the same place on the track or a step from it. */
  private arrange(items: FeedItem[], index: number, place: number): void {
    this.items = items;
    this.index = index;
    this.base = place - index;
    this.save();
    void this.refill();
  }

  private async fetchPage(generation: number): Promise<void> {
    if (this.items.length === 0) this.status = 'loading';
    try {
      const page = await this.deps.fetch(FEED_PAGE_COUNT, this.cursor);
      if (generation !== this.generation) return;
      const known = new Set(this.items.map((item) => item.video.id));
      const unwanted = ({ video }: FeedItem) => [...this.unwanted].some((matches) => matches(video));
      const choose = (items: FeedItem[]) => items.filter((item) => item.video.status === 'ready' && !known.has(item.video.id) && !unwanted(item));
      let fresh = choose(page.items);
      if (fresh.length === 0) fresh = choose(this.aside.splice(0));
      this.items = [...this.items, ...fresh];
      this.cursor = page.cursor ?? undefined;
      this.fallback = page.fallback === 'newest';
      // With nothing else left the server hands out again what waits here. A page that was on its
      // way when something was hidden is no end either.
      this.exhausted = this.deps.paged ? !page.cursor : fresh.length === 0 && !page.items.some(unwanted);
      this.status = 'ready';
      this.save();
      // A short page is no reason to wait for a swipe that cannot happen.
      if (fresh.length > 0 && !this.exhausted && this.left <= FEED_REFILL_LEFT) await this.fetchPage(generation);
    } catch {
      if (generation !== this.generation) return;
      // With videos in hand the feed goes on; the next swipe asks again.
      this.status = this.items.length === 0 ? 'failed' : 'ready';
    }
  }

  private trim(): void {
    const drop = this.items.length > FEED_KEPT_COUNT ? this.index - FEED_KEPT_COUNT / 2 : 0;
    if (drop <= 0) return;
    this.items = this.items.slice(drop);
    this.index -= drop;
    this.base += drop;
  }

  private save(): void {
    const { storage, storageKey } = this.deps;
    if (!storage || !storageKey) return;
    try {
      const items = [...this.items.slice(this.index), ...this.aside];
      storage.setItem(storageKey, JSON.stringify({ at: this.now(), items, cursor: this.cursor }));
    } catch {
      // A full or forbidden storage only costs the queue after a reload.
    }
  }

  private restore(): void {
    const { storage, storageKey } = this.deps;
    if (!storage || !storageKey || this.items.length > 0) return;
    try {
      const saved = JSON.parse(storage.getItem(storageKey) ?? 'null') as { at: number; items: FeedItem[]; cursor?: string } | null;
      if (!saved || this.now() - saved.at > QUEUE_AGE_MS_MAX || !Array.isArray(saved.items)) return;
      this.items = saved.items;
      this.cursor = saved.cursor;
      if (saved.items.length > 0) this.status = 'ready';
    } catch {
      storage.removeItem(storageKey);
    }
  }

  private now(): number {
    return this.deps.now?.() ?? Date.now();
  }
}
