/** What plays while recording: a sound, or the other clip of a duet. Both tell when they are really heard or seen. */
import { audio, bufferOf, playBuffer, type Playing } from './audio.ts';

export interface Backing {
  /** Gets everything ready, so that `start` is prompt. */
  prepare(): Promise<void>;
  /** Plays from a position of its own. */
  start(positionMs: number): Promise<void>;
  /** `performance.now()` at which that position was heard or seen. */
  startedAt(): number;
  stop(): void;
}

function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

export class SoundBacking implements Backing {
  private buffer: AudioBuffer | null = null;
  private playing: Playing | null = null;
  private readonly readings: number[] = [];
  private timer = 0;

  constructor(
    private readonly url: string,
    private readonly volume: number,
  ) {}

  async prepare(): Promise<void> {
    await audio().resume();
    this.buffer ??= await bufferOf(this.url);
  }

  async start(positionMs: number): Promise<void> {
    if (!this.buffer) return;
    this.playing = playBuffer(this.buffer, positionMs, this.volume);
    this.readings.length = 0;
    // One reading may fall into a hiccup of the sound card; the median of many does not.
    this.timer = window.setInterval(() => this.playing && this.readings.push(this.playing.heardAt()), 50);
  }

  startedAt(): number {
    return median(this.readings) ?? this.playing?.heardAt() ?? performance.now();
  }

  stop(): void {
    clearInterval(this.timer);
    this.playing?.stop();
    this.playing = null;
  }
}

export class ClipBacking implements Backing {
  private readonly readings: number[] = [];
  private handle = 0;

  constructor(private readonly element: HTMLVideoElement) {}

  async prepare(): Promise<void> {
    await audio().resume();
    if (this.element.readyState < HTMLMediaElement.HAVE_FUTURE_DATA) {
      this.element.load();
      await new Promise((resolve) => {
        this.element.addEventListener('canplay', resolve, { once: true });
        this.element.addEventListener('error', resolve, { once: true });
      });
    }
  }

  async start(positionMs: number): Promise<void> {
    const { element } = this;
    this.readings.length = 0;
    if (Math.abs(element.currentTime * 1000 - positionMs) > 5) {
      element.currentTime = positionMs / 1000;
      await new Promise((resolve) => element.addEventListener('seeked', resolve, { once: true }));
    }
    await element.play().catch(() => undefined);
    await new Promise<void>((resolve) => {
      // The first pictures may be a frame early, until picture and sound of the clip have met: all of them are asked.
      const next = () => {
        this.handle = element.requestVideoFrameCallback((_, frame) => {
          // When this frame is on the screen, the position asked for was there that much earlier.
          this.readings.push(frame.expectedDisplayTime - (frame.mediaTime * 1000 - positionMs));
          resolve();
          next();
        });
      };
      next();
    });
  }

  startedAt(): number {
    return median(this.readings) ?? performance.now();
  }

  stop(): void {
    this.element.cancelVideoFrameCallback(this.handle);
    this.element.pause();
  }
}
