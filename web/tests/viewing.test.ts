import { describe, expect, it } from 'vitest';
import type { NewEvent } from '../src/lib/managers/events.ts';
import { Viewing } from '../src/lib/managers/viewing.ts';
import { WatchMeter } from '../src/lib/managers/watch.ts';
import { IMPRESSION_VISIBLE_MS } from '../src/thresholds.ts';
import { FakeTimers, item } from './fixtures.ts';

function setUp() {
  const timers = new FakeTimers();
  const meter = new WatchMeter();
  const pushed: NewEvent[] = [];
  const viewing = new Viewing({
    push: (event) => pushed.push(event),
    meter,
    settle: () => undefined,
    setTimer: timers.setTimer,
    clearTimer: timers.clearTimer,
  });
  const enter = (id: string) => {
    meter.start(10_000, id);
    viewing.enter(item(id));
  };
  const play = (toMs: number, fromMs = 0) => {
    for (let ms = fromMs; ms <= toMs; ms += 250) meter.tick(ms);
  };
  return { timers, meter, pushed, viewing, enter, play };
}

describe('viewing', () => {
  it('is an impression after the written time, not before', async () => {
    const { timers, pushed, viewing, enter } = setUp();
    enter('a');
    await timers.pass(IMPRESSION_VISIBLE_MS - 1);
    viewing.leave();
    expect(pushed).toEqual([]);
    enter('b');
    await timers.pass(IMPRESSION_VISIBLE_MS);
    viewing.leave();
    expect(pushed.map((event) => [event.type, event.video_id, event.watch_ms])).toEqual([
      ['impression', 'b', undefined],
      ['watch', 'b', 0],
    ]);
  });

  it('tells the whole watch time, again only when it grew', async () => {
    const { timers, pushed, viewing, enter, play } = setUp();
    enter('a');
    await timers.pass(300);
    play(2000);
    viewing.hide();
    viewing.hide();
    viewing.show();
    play(5000, 2250);
    viewing.leave();
    viewing.leave();
    expect(pushed.map((event) => [event.type, event.watch_ms])).toEqual([
      ['impression', undefined],
      ['watch', 2000],
      ['watch', 5000],
    ]);
    expect(new Set(pushed.map((event) => event.impression_id))).toEqual(new Set(['i-a']));
  });

  it('goes on counting when the viewer comes back to a video', async () => {
    const { timers, pushed, viewing, enter, play } = setUp();
    enter('a');
    await timers.pass(300);
    play(2000);
    viewing.leave();
    enter('b');
    viewing.leave();
    enter('a');
    viewing.leave();
    enter('a');
    play(1000);
    viewing.leave();
    expect(pushed.filter((event) => event.type === 'watch').map((event) => event.watch_ms)).toEqual([2000, 3000]);
  });

  it('does not count hidden time as seen', async () => {
    const { timers, pushed, viewing, enter } = setUp();
    enter('a');
    viewing.hide();
    await timers.pass(5000);
    expect(pushed).toEqual([]);
    viewing.show();
    await timers.pass(IMPRESSION_VISIBLE_MS);
    expect(pushed.map((event) => event.type)).toEqual(['impression']);
  });
});

describe('watch meter', () => {
  it('counts playback over loops', () => {
    const meter = new WatchMeter();
    meter.start(2000, 'a');
    for (const ms of [0, 500, 1000, 1500, 1900, 100, 600]) meter.tick(ms);
    expect(meter.watched).toEqual({ watch_ms: 2600, loops: 1, paused: false });
  });

  it('does not count jumps in either direction', () => {
    const meter = new WatchMeter();
    meter.start(30_000, 'a');
    meter.tick(0);
    meter.tick(500);
    meter.jump(20_000);
    meter.tick(20_250);
    meter.jump(3000);
    meter.tick(3100);
    meter.tick(25_000);
    expect(meter.watched).toEqual({ watch_ms: 850, loops: 0, paused: false });
  });

  it('starts anew for the next video', () => {
    const meter = new WatchMeter();
    meter.start(1000, 'a');
    meter.tick(0);
    meter.tick(900);
    meter.markPaused();
    meter.start(1000, 'b');
    meter.tick(100);
    expect(meter.watched).toEqual({ watch_ms: 100, loops: 0, paused: false });
    meter.start(1000, 'a');
    meter.tick(300);
    expect(meter.watched).toEqual({ watch_ms: 1200, loops: 0, paused: true });
  });
});
