import { describe, expect, it } from 'vitest';
import { SwipeTracker, TapResolver, WheelGate, type GestureEnd } from '../src/lib/managers/gesture.ts';
import { DOUBLE_TAP_MS, SWIPE_COMMIT_PX_PER_MS, SWIPE_COMMIT_RATIO, WHEEL_LOCK_MS } from '../src/thresholds.ts';

const size = { width: 400, height: 800 };

/** A drag in even steps of 16 ms. */
function drag(dx: number, dy: number, ms: number): GestureEnd {
  const tracker = new SwipeTracker();
  tracker.start({ x: 200, y: 400, t: 0 });
  const steps = Math.max(1, Math.round(ms / 16));
  for (let i = 1; i < steps; i += 1) tracker.move({ x: 200 + (dx * i) / steps, y: 400 + (dy * i) / steps, t: (ms * i) / steps });
  return tracker.end({ x: 200 + dx, y: 400 + dy, t: ms }, size);
}

describe('swipes', () => {
  it('commits by distance, however slow', () => {
    const enough = size.height * SWIPE_COMMIT_RATIO;
    expect(drag(0, -(enough + 1), 3000)).toEqual({ kind: 'swipe', axis: 'y', step: 1 });
    expect(drag(0, enough + 1, 3000)).toEqual({ kind: 'swipe', axis: 'y', step: -1 });
    expect(drag(0, -(enough - 2), 3000)).toEqual({ kind: 'none', axis: 'y' });
  });

  it('commits by speed, however short', () => {
    const ms = 100;
    expect(drag(0, -(SWIPE_COMMIT_PX_PER_MS * ms * 1.1), ms).kind).toBe('swipe');
    expect(drag(0, -(SWIPE_COMMIT_PX_PER_MS * ms * 0.8), ms).kind).toBe('none');
  });

  it('is taken back by a flick the other way', () => {
    const tracker = new SwipeTracker();
    tracker.start({ x: 0, y: 0, t: 0 });
    tracker.move({ x: 0, y: -300, t: 400 });
    tracker.move({ x: 0, y: -290, t: 480 });
    expect(tracker.end({ x: 0, y: -220, t: 500 }, size).kind).toBe('none');
  });

  it('changes tabs sideways and never both ways at once', () => {
    expect(drag(-120, 30, 300)).toEqual({ kind: 'swipe', axis: 'x', step: 1 });
    expect(drag(30, -200, 300)).toEqual({ kind: 'swipe', axis: 'y', step: 1 });
  });

  it('is a tap within the slop', () => {
    expect(drag(4, -5, 80)).toEqual({ kind: 'tap' });
  });
});

describe('taps', () => {
  it('tells a double tap by time and place', () => {
    const tap = (x: number, t: number) => ({ x, y: 0, t });
    const taps = new TapResolver();
    expect(taps.tap(tap(0, 0))).toBe('first');
    expect(taps.tap(tap(5, DOUBLE_TAP_MS))).toBe('double');
    expect(taps.tap(tap(5, DOUBLE_TAP_MS + 100))).toBe('double');
    expect(taps.tap(tap(5, 2 * DOUBLE_TAP_MS + 101))).toBe('first');
    expect(taps.tap(tap(200, 2 * DOUBLE_TAP_MS + 150))).toBe('first');
  });
});

describe('wheel', () => {
  it('turns one step per notch', () => {
    const gate = new WheelGate();
    expect(gate.turn(100, 0)).toBe(1);
    expect(gate.turn(-100, 1000)).toBe(-1);
  });

  it('turns one step per push of a trackpad, whatever its inertia', () => {
    const gate = new WheelGate();
    let steps = 0;
    for (let i = 0; i < 90; i += 1) steps += Math.abs(gate.turn(Math.max(1, 60 - i * 0.66), i * 16));
    expect(steps).toBe(1);
    expect(gate.turn(60, 90 * 16 + WHEEL_LOCK_MS)).toBe(1);
  });
});
