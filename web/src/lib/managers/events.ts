/**
 * Collects what happened on the screen and brings it to the server in batches.
 *
 * Invariant: an event leaves the outbox only after the server answered for it. A batch the
 * server refuses for good is sent again one by one, so that a single bad event costs only itself.
 */
import {
  EVENT_BATCH_COUNT,
  EVENT_BATCH_MS,
  EVENT_REQUEST_COUNT_MAX,
  OUTBOX_COUNT_MAX,
  OUTBOX_RETRY_MS,
  OUTBOX_RETRY_MS_MAX,
} from '../../thresholds.ts';
import type { ClientEvent } from '../api/types.ts';
import type { OutboxStore } from './outbox.ts';

export interface EventQueueDeps {
  /** Rejects with an error that has `temporary` when trying again makes sense. */
  send(events: ClientEvent[]): Promise<unknown>;
  /** Hands events to the browser for delivery after the page is gone. */
  beacon(events: ClientEvent[]): boolean;
  store: OutboxStore;
  now(): number;
  newId(): string;
  setTimer(work: () => void, ms: number): number;
  clearTimer(timer: number): void;
}

export type NewEvent = Omit<ClientEvent, 'id' | 'at'>;

export class EventQueue {
  private pending: ClientEvent[] = [];
  /** Given to the browser on page hide, not acknowledged: sent again when there is a next time. */
  private unconfirmed: ClientEvent[] = [];
  private timer: number | null = null;
  private sending: Promise<void> | null = null;
  private retryMs = OUTBOX_RETRY_MS;

  private readonly deps: EventQueueDeps;

  constructor(deps: EventQueueDeps) {
    this.deps = deps;
  }

  /** Number of events the server has not acknowledged. */
  get waiting(): number {
    return this.pending.length + this.unconfirmed.length;
  }

  /** Takes up what an earlier page left behind. */
  async restore(): Promise<void> {
    const left = await this.deps.store.all().catch(() => []);
    const known = new Set(this.pending.map((event) => event.id));
    this.pending.unshift(...left.filter((event) => !known.has(event.id)));
    if (this.pending.length > 0) this.schedule(EVENT_BATCH_MS);
  }

  push(event: NewEvent): void {
    const full: ClientEvent = { ...event, id: this.deps.newId(), at: new Date(this.deps.now()).toISOString() };
    this.pending.push(full);
    if (this.pending.length > OUTBOX_COUNT_MAX) this.pending.shift();
    this.deps.store.put([full]).catch(() => undefined);
    if (this.pending.length >= EVENT_BATCH_COUNT && this.retryMs === OUTBOX_RETRY_MS) void this.flush();
    else this.schedule(EVENT_BATCH_MS);
  }

  /** Sends everything now. Resolves when the server has answered, or when there is no connection. */
  async flush(): Promise<void> {
    this.pending.unshift(...this.unconfirmed.splice(0));
    // A flush under way may have started before the newest events: wait, then send the rest.
    while (this.sending) await this.sending;
    if (this.pending.length === 0) return;
    this.cancelTimer();
    this.sending = this.drain().finally(() => {
      this.sending = null;
    });
    await this.sending;
  }

  /** The page is being hidden and may never come back. */
  hide(): void {
    this.cancelTimer();
    while (this.pending.length > 0) {
      const batch = this.pending.slice(0, EVENT_REQUEST_COUNT_MAX);
      if (!this.deps.beacon(batch)) return;
      this.unconfirmed.push(...batch);
      this.pending.splice(0, batch.length);
    }
  }

  /** Forgets everything: what one person did must not be sent in another's name. */
  async clear(): Promise<void> {
    this.cancelTimer();
    this.pending = [];
    this.unconfirmed = [];
    await this.deps.store.clear().catch(() => undefined);
  }

  private async drain(): Promise<void> {
    let batchSize = EVENT_REQUEST_COUNT_MAX;
    while (this.pending.length > 0) {
      const batch = this.pending.splice(0, batchSize);
      try {
        await this.deps.send(batch);
      } catch (error) {
        if ((error as { temporary?: boolean }).temporary) {
          this.pending.unshift(...batch);
          this.schedule(this.retryMs);
          this.retryMs = Math.min(this.retryMs * 2, OUTBOX_RETRY_MS_MAX);
          return;
        }
        if (batch.length > 1) {
          this.pending.unshift(...batch);
          batchSize = 1;
          continue;
        }
      }
      this.retryMs = OUTBOX_RETRY_MS;
      await this.deps.store.remove(batch.map((event) => event.id)).catch(() => undefined);
    }
  }

  private schedule(ms: number): void {
    if (this.timer !== null) return;
    this.timer = this.deps.setTimer(() => {
      this.timer = null;
      void this.flush();
    }, ms);
  }

  private cancelTimer(): void {
    if (this.timer !== null) this.deps.clearTimer(this.timer);
    this.timer = null;
  }
}
