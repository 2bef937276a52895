/**
 * Measures how much of a video was watched: media time that passed while it played, counted
 * over loops, without jumps made by scrubbing.
 */

/** A step larger than this between two ticks is a jump, not playback (media milliseconds). */
const STEP_MS_MAX = 2000;

export interface Watched {
  watch_ms: number;
  loops: number;
  paused: boolean;
}

/** Impressions whose watch time is remembered for coming back. */
const KEPT_COUNT_MAX = 200;

export class WatchMeter {
  private readonly kept = new Map<string, Watched>();
  private key = '';
  private durationMs = 0;
  private lastMs = 0;
  private watchMs = 0;
  private loops = 0;
  private paused = false;

  /** `key` names the impression: coming back to it goes on where it was left. */
  start(durationMs: number, key: string): void {
    if (this.key !== '') this.kept.set(this.key, { watch_ms: this.watchMs, loops: this.loops, paused: this.paused });
    const oldest = this.kept.keys().next();
    if (this.kept.size > KEPT_COUNT_MAX && !oldest.done) this.kept.delete(oldest.value);
    const before = this.kept.get(key);
    this.key = key;
    this.durationMs = durationMs;
    // Playback starts at the beginning: the time before the first tick counts too.
    this.lastMs = 0;
    this.watchMs = before?.watch_ms ?? 0;
    this.loops = before?.loops ?? 0;
    this.paused = before?.paused ?? false;
  }

  /** Position while playing; call it a few times a second and once when leaving. */
  tick(positionMs: number): void {
    let step = positionMs - this.lastMs;
    const wrapped = step < 0 && this.durationMs > 0 && this.lastMs > this.durationMs - STEP_MS_MAX && positionMs < STEP_MS_MAX;
    if (wrapped) {
      step += this.durationMs;
      this.loops += 1;
    }
    if (step > 0 && step <= STEP_MS_MAX) this.watchMs += step;
    this.lastMs = positionMs;
  }

  /** The viewer moved to another position. */
  jump(positionMs: number): void {
    this.lastMs = positionMs;
  }

  /** The viewer paused by hand. */
  markPaused(): void {
    this.paused = true;
  }

  /** Everything watched in this impression: a later report replaces an earlier one. */
  get watched(): Watched {
    return { watch_ms: Math.round(this.watchMs), loops: this.loops, paused: this.paused };
  }
}
