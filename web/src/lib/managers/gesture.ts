/**
 * Turns pointer and wheel movement into taps, swipes and holds. Pure: positions and times come
 * in, decisions go out; timers belong to the caller.
 */
import {
  DOUBLE_TAP_DISTANCE_PX,
  DOUBLE_TAP_MS,
  SWIPE_COMMIT_PX_PER_MS,
  SWIPE_COMMIT_RATIO,
  SWIPE_RUBBER_BAND,
  SWIPE_SPEED_WINDOW_MS,
  TAP_SLOP_PX,
  WHEEL_LOCK_MS,
  WHEEL_REST_MS,
  WHEEL_STEP_PX,
} from '../../thresholds.ts';

export interface Point {
  x: number;
  y: number;
  /** Milliseconds of any steady clock. */
  t: number;
}

export type Axis = 'x' | 'y';

/** `step` is +1 for the next (finger moved up or left) and -1 for the previous. */
export type GestureEnd = { kind: 'tap' } | { kind: 'swipe'; axis: Axis; step: 1 | -1 } | { kind: 'none'; axis: Axis | null };

export class SwipeTracker {
  private from: Point | null = null;
  private recent: Point[] = [];
  axis: Axis | null = null;

  start(point: Point): void {
    this.from = point;
    this.recent = [point];
    this.axis = null;
  }

  get active(): boolean {
    return this.from !== null;
  }

  /** Distance along the locked axis in pixels, 0 while it may still be a tap. */
  move(point: Point): number {
    if (!this.from) return 0;
    const dx = point.x - this.from.x;
    const dy = point.y - this.from.y;
    if (!this.axis && Math.max(Math.abs(dx), Math.abs(dy)) > TAP_SLOP_PX) {
      this.axis = Math.abs(dx) > Math.abs(dy) ? 'x' : 'y';
    }
    this.recent.push(point);
    while (this.recent.length > 2 && point.t - (this.recent[0]?.t ?? 0) > SWIPE_SPEED_WINDOW_MS) this.recent.shift();
    if (!this.axis) return 0;
    return this.axis === 'x' ? dx : dy;
  }

  end(point: Point, size: { width: number; height: number }): GestureEnd {
    const offset = this.move(point);
    const { axis, recent } = this;
    this.cancel();
    if (!axis) return { kind: 'tap' };
    const first = recent[0] ?? point;
    const elapsed = Math.max(1, point.t - first.t);
    const travelled = axis === 'x' ? point.x - first.x : point.y - first.y;
    const speed = travelled / elapsed;
    const far = Math.abs(offset) >= SWIPE_COMMIT_RATIO * (axis === 'x' ? size.width : size.height);
    // A flick back against the drag takes the swipe back.
    const fast = Math.abs(speed) >= SWIPE_COMMIT_PX_PER_MS;
    if (fast && Math.sign(speed) !== Math.sign(offset)) return { kind: 'none', axis };
    if (!far && !fast) return { kind: 'none', axis };
    return { kind: 'swipe', axis, step: offset < 0 ? 1 : -1 };
  }

  cancel(): void {
    this.from = null;
    this.recent = [];
    this.axis = null;
  }
}

/** Movement shown when there is nothing on the other side. */
export const rubberBand = (offset: number): number => offset * SWIPE_RUBBER_BAND;

export class TapResolver {
  private last: Point | null = null;

  /** `double` when this tap completes a double tap; otherwise the caller waits `DOUBLE_TAP_MS`. */
  tap(point: Point): 'first' | 'double' {
    const { last } = this;
    const near = last !== null && Math.hypot(point.x - last.x, point.y - last.y) <= DOUBLE_TAP_DISTANCE_PX;
    if (last && near && point.t - last.t <= DOUBLE_TAP_MS) {
      // The next quick tap is a like again, not a pause: keep the window open.
      this.last = point;
      return 'double';
    }
    this.last = point;
    return 'first';
  }
}

/** One step per push of the wheel, however much inertia a trackpad adds to it. */
export class WheelGate {
  private sum = 0;
  private lastT = -Infinity;
  private lockedUntil = -Infinity;
  private lastSize = 0;

  /** Returns +1, -1, or 0 for "not yet". `delta` in pixels. */
  turn(delta: number, t: number): 1 | -1 | 0 {
    const rested = t - this.lastT > WHEEL_REST_MS;
    const pushedAgain = Math.abs(delta) > this.lastSize * 1.6 && Math.abs(delta) > WHEEL_STEP_PX;
    this.lastT = t;
    this.lastSize = Math.abs(delta);
    if (rested) this.sum = 0;
    if (t < this.lockedUntil) return 0;
    // Inertia fades out: after the lock only a rest or a new push counts.
    if (!rested && this.lockedUntil > 0 && !pushedAgain && this.sum === 0) return 0;
    this.sum += delta;
    if (Math.abs(this.sum) < WHEEL_STEP_PX) return 0;
    const step = this.sum > 0 ? 1 : -1;
    this.sum = 0;
    this.lockedUntil = t + WHEEL_LOCK_MS;
    return step;
  }
}
