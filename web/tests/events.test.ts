import { describe, expect, it } from 'vitest';
import type { ClientEvent } from '../src/lib/api/types.ts';
import { EventQueue } from '../src/lib/managers/events.ts';
import { MemoryOutbox } from '../src/lib/managers/outbox.ts';
import { EVENT_BATCH_COUNT, EVENT_BATCH_MS, EVENT_REQUEST_COUNT_MAX, OUTBOX_RETRY_MS } from '../src/thresholds.ts';
import { FakeTimers, settled } from './fixtures.ts';

type Answer = 'ok' | 'offline' | 'refused';

function setUp(answer: (batch: ClientEvent[]) => Answer = () => 'ok', beacon = true) {
  const timers = new FakeTimers();
  const store = new MemoryOutbox();
  const sent: string[][] = [];
  const beaconed: string[][] = [];
  let id = 0;
  const make = () =>
    new EventQueue({
      send: async (batch) => {
        const result = answer(batch);
        if (result !== 'ok') throw Object.assign(new Error(result), { temporary: result === 'offline' });
        sent.push(batch.map((event) => event.id));
      },
      beacon: (batch) => {
        if (beacon) beaconed.push(batch.map((event) => event.id));
        return beacon;
      },
      store,
      now: () => timers.now,
      newId: () => `e${id++}`,
      setTimer: timers.setTimer,
      clearTimer: timers.clearTimer,
    });
  const queue = make();
  const push = (count = 1) => {
    for (let i = 0; i < count; i += 1) queue.push({ type: 'impression', video_id: 'v' });
  };
  return { queue, make, push, sent, beaconed, store, timers };
}

describe('event queue', () => {
  it('sends after the batch time', async () => {
    const { push, sent, timers, store } = setUp();
    push(3);
    await timers.pass(EVENT_BATCH_MS - 1);
    expect(sent).toEqual([]);
    await timers.pass(1);
    expect(sent).toEqual([['e0', 'e1', 'e2']]);
    expect(store.events.size).toBe(0);
  });

  it('sends at once when a batch is full', async () => {
    const { push, sent } = setUp();
    push(EVENT_BATCH_COUNT);
    await settled();
    expect(sent.flat()).toHaveLength(EVENT_BATCH_COUNT);
  });

  it('keeps events over failures and sends them with the same ids', async () => {
    let online = false;
    const { push, sent, timers, store } = setUp(() => (online ? 'ok' : 'offline'));
    push(2);
    await timers.pass(EVENT_BATCH_MS);
    expect(store.events.size).toBe(2);
    online = true;
    await timers.pass(OUTBOX_RETRY_MS);
    expect(sent).toEqual([['e0', 'e1']]);
    expect(store.events.size).toBe(0);
  });

  it('takes up what an earlier page left, once', async () => {
    let online = false;
    const { push, make, sent, store, timers } = setUp(() => (online ? 'ok' : 'offline'));
    push(2);
    await timers.pass(EVENT_BATCH_MS);
    online = true;
    const next = make();
    await next.restore();
    await next.restore();
    await next.flush();
    expect(sent).toEqual([['e0', 'e1']]);
    expect(store.events.size).toBe(0);
  });

  it('loses only the event the server refuses', async () => {
    const { push, sent, store, queue } = setUp((batch) => (batch.some((event) => event.id === 'e1') ? 'refused' : 'ok'));
    push(3);
    await queue.flush();
    expect(sent).toEqual([['e0'], ['e2']]);
    expect(store.events.size).toBe(0);
    expect(queue.waiting).toBe(0);
  });

  it('hands over to the browser on page hide and confirms when there is a next time', async () => {
    const { push, sent, beaconed, store, queue } = setUp();
    push(2);
    queue.hide();
    expect(beaconed).toEqual([['e0', 'e1']]);
    expect(store.events.size).toBe(2);
    await queue.flush();
    expect(sent).toEqual([['e0', 'e1']]);
    expect(store.events.size).toBe(0);
  });

  it('keeps events that the browser refuses to take', async () => {
    const { push, queue, sent } = setUp(() => 'ok', false);
    push(2);
    queue.hide();
    expect(queue.waiting).toBe(2);
    await queue.flush();
    expect(sent).toEqual([['e0', 'e1']]);
  });

  it('sends what came in during a flush before it resolves', async () => {
    const { push, queue, sent } = setUp();
    push(1);
    const first = queue.flush();
    push(1);
    await queue.flush();
    await first;
    expect(sent.flat()).toEqual(['e0', 'e1']);
  });

  it('limits the events of a request', async () => {
    let online = false;
    const { push, sent, queue } = setUp(() => (online ? 'ok' : 'offline'));
    push(EVENT_REQUEST_COUNT_MAX + 5);
    await settled();
    online = true;
    await queue.flush();
    expect(sent.map((batch) => batch.length)).toEqual([EVENT_REQUEST_COUNT_MAX, 5]);
  });

  it('forgets everything when somebody else takes over', async () => {
    const { push, queue, store, sent, timers } = setUp();
    push(3);
    await queue.clear();
    await timers.pass(60_000);
    expect([sent.length, store.events.size, queue.waiting]).toEqual([0, 0, 0]);
  });
});
