/**
 * Turns "this video is on the stage" into events: one impression after it was visible long
 * enough, one watch event when it is left, and one each time the page is hidden meanwhile. A watch
 * event tells everything watched in this impression so far; the server lets the longer replace the
 * shorter, so a lost or repeated one does no harm.
 */
import { IMPRESSION_VISIBLE_MS } from '../../thresholds.ts';
import type { FeedItem } from '../api/types.ts';
import type { NewEvent } from './events.ts';
import type { WatchMeter } from './watch.ts';

export interface ViewingDeps {
  push(event: NewEvent): void;
  meter: WatchMeter;
  /** Reads the player's clock into the meter. */
  settle(): void;
  setTimer(work: () => void, ms: number): number;
  clearTimer(timer: number): void;
}

export class Viewing {
  private item: FeedItem | null = null;
  private timer: number | null = null;
  private seen = false;
  private reportedMs = -1;
  private readonly deps: ViewingDeps;

  constructor(deps: ViewingDeps) {
    this.deps = deps;
  }

  /** `item` fills the stage now. Call `leave` for the one before it first. */
  enter(item: FeedItem): void {
    this.item = item;
    this.seen = false;
    // Watched before and told then: only more of it is news.
    const { watch_ms } = this.deps.meter.watched;
    this.reportedMs = watch_ms > 0 ? watch_ms : -1;
    this.arm();
  }

  leave(): void {
    this.report();
    this.disarm();
    this.item = null;
  }

  /** The page was hidden: time stops, and what was watched so far is told. */
  hide(): void {
    this.disarm();
    this.report();
  }

  show(): void {
    if (this.item && !this.seen) this.arm();
  }

  private arm(): void {
    this.disarm();
    this.timer = this.deps.setTimer(() => {
      this.timer = null;
      this.see();
    }, IMPRESSION_VISIBLE_MS);
  }

  private disarm(): void {
    if (this.timer !== null) this.deps.clearTimer(this.timer);
    this.timer = null;
  }

  private see(): void {
    if (!this.item || this.seen) return;
    this.seen = true;
    this.deps.push(this.base('impression', this.item));
  }

  private report(): void {
    if (!this.item) return;
    this.deps.settle();
    const watched = this.deps.meter.watched;
    // Passed by faster than an impression: nothing was shown. Told already: only more time is news.
    if (!this.seen && watched.watch_ms === 0) return;
    if (watched.watch_ms <= this.reportedMs) return;
    this.see();
    this.reportedMs = watched.watch_ms;
    this.deps.push({ ...this.base('watch', this.item), ...watched });
  }

  private base<T extends NewEvent['type']>(type: T, item: FeedItem): NewEvent {
    const event: NewEvent = { type, video_id: item.video.id };
    if (item.impression_id) event.impression_id = item.impression_id;
    return event;
  }
}
