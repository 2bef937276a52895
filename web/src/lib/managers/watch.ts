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

export class WatchMeter {
  private durationMs = 0;
  private lastMs: number | null = null;
  private watchMs = 0;
  private loops = 0;
  private paused = false;

  start(durationMs: number): void {
    this.durationMs = durationMs;
    this.lastMs = null;
    this.watchMs = 0;
    this.loops = 0;
    this.paused = false;
  }

  /** Position while playing; call it a few times a second and once when leaving. */
  tick(positionMs: number): void {
    if (this.lastMs !== null) {
      let step = positionMs - this.lastMs;
      const wrapped = step < 0 && this.durationMs > 0 && this.lastMs > this.durationMs - STEP_MS_MAX && positionMs < STEP_MS_MAX;
      if (wrapped) {
        step += this.durationMs;
        this.loops += 1;
      }
      if (step > 0 && step <= STEP_MS_MAX) this.watchMs += step;
    }
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

  /** Everything watched since `start`: a later report replaces an earlier one. */
  get watched(): Watched {
    return { watch_ms: Math.round(this.watchMs), loops: this.loops, paused: this.paused };
  }
}
