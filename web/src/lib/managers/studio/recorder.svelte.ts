/**
 * Recording, take by take. A take remembers when the backing (sound or other clip) was heard in it,
 * measured against the camera's own frame times, so that lips and sound meet to the frame.
 */
import { cameraCount, hasTorch, measure, openCamera, problemOf, recorderFor, setTorch, supported, type CameraProblem, type Facing } from './camera.ts';
import type { Backing } from './backing.ts';
import { FrameWatch } from './frames.ts';

export type RecorderPhase = 'off' | 'starting' | 'ready' | 'counting' | 'recording' | 'saving' | 'problem';

export interface Recorded {
  blob: Blob;
  durationMs: number;
  leadMs: number | null;
  backingMs: number;
  width: number;
  height: number;
}

export interface Plan {
  /** At most so much, counted from the backing's start. */
  limitMs: number;
  backing: Backing | null;
  /** Where the backing starts. */
  backingMs: number;
}

/** Less than this is a slip of the finger. */
const TAKE_MS_MIN = 400;
/** Frames that must have come before the backing starts: the take then holds its beginning for certain. */
const FRAMES_FIRST = 2;
const CHUNK_MS = 1000;
const REMEMBERED = 'takt.studio.camera';

interface Remembered {
  facing?: Facing;
  grid?: boolean;
  mirrored?: boolean;
  countdown?: number;
}

export class Recorder {
  phase = $state<RecorderPhase>('off');
  problem = $state<CameraProblem | null>(null);
  facing = $state<Facing>('user');
  mirrored = $state(true);
  grid = $state(false);
  torch = $state(false);
  torchable = $state(false);
  cameras = $state(1);
  /** Seconds before recording starts: 0, 3 or 10. */
  countdown = $state(0);
  counting = $state(0);
  /** Length of the take under way. */
  elapsedMs = $state(0);

  private stream: MediaStream | null = null;
  private element: HTMLVideoElement | null = null;
  private finish: (() => void) | null = null;
  private stopCounting: (() => void) | null = null;
  /** Counts openings: an answer to an earlier one is late. */
  private opening = 0;

  constructor() {
    const saved = remembered();
    this.facing = saved.facing ?? 'user';
    this.grid = saved.grid ?? false;
    this.mirrored = saved.mirrored ?? true;
    this.countdown = saved.countdown ?? 0;
  }

  async open(element: HTMLVideoElement, hearsBacking: boolean): Promise<void> {
    this.element = element;
    if (!supported()) return this.fail('unsupported');
    this.phase = 'starting';
    this.release();
    const opening = ++this.opening;
    try {
      const stream = await openCamera(this.facing, hearsBacking);
      if (opening !== this.opening) {
        for (const track of stream.getTracks()) track.stop();
        return;
      }
      this.stream = stream;
      element.srcObject = stream;
      await element.play().catch(() => undefined);
      this.torchable = hasTorch(stream);
      this.torch = false;
      this.cameras = await cameraCount();
      this.problem = null;
      this.phase = 'ready';
      for (const track of stream.getTracks()) track.addEventListener('ended', () => this.stream === stream && this.fail('busy'));
    } catch (error) {
      if (opening === this.opening) this.fail(problemOf(error));
    }
  }

  close(): void {
    this.opening += 1;
    this.stopCounting?.();
    this.finish?.();
    this.release();
    this.phase = 'off';
  }

  async turn(hearsBacking: boolean): Promise<void> {
    this.facing = this.facing === 'user' ? 'environment' : 'user';
    this.remember();
    if (this.element) await this.open(this.element, hearsBacking);
  }

  async setTorch(on: boolean): Promise<void> {
    if (!this.stream) return;
    try {
      await setTorch(this.stream, on);
      this.torch = on;
    } catch {
      this.torchable = false;
    }
  }

  set(change: Partial<Pick<Recorder, 'grid' | 'mirrored' | 'countdown'>>): void {
    Object.assign(this, change);
    this.remember();
  }

  /** Whether the picture is shown as in a mirror; it is never recorded so. */
  get mirrors(): boolean {
    return this.mirrored && this.facing === 'user';
  }

  /** Counts down, records until `stop` or the limit. Null where it was called off or too short. */
  async record(plan: Plan): Promise<Recorded | null> {
    if (this.phase !== 'ready' || !this.stream || !this.element) return null;
    if (this.countdown > 0 && !(await this.count())) {
      this.phase = 'ready';
      return null;
    }
    this.phase = 'recording';
    this.elapsedMs = 0;
    try {
      await plan.backing?.prepare();
      return await this.take(plan, this.stream, this.element);
    } catch {
      plan.backing?.stop();
      return null;
    } finally {
      this.finish = null;
      if (this.phase === 'recording' || this.phase === 'saving') this.phase = 'ready';
    }
  }

  /** Ends the take, or the countdown before it. */
  stop(): void {
    this.stopCounting?.();
    this.finish?.();
  }

  private async take(plan: Plan, stream: MediaStream, element: HTMLVideoElement): Promise<Recorded | null> {
    const watch = new FrameWatch(element);
    const recorder = recorderFor(stream);
    const chunks: Blob[] = [];
    recorder.ondataavailable = (event) => event.data.size > 0 && chunks.push(event.data);
    const ended = new Promise<void>((resolve) => {
      recorder.onstop = () => resolve();
      recorder.onerror = () => resolve();
    });
    let wanted = true;
    const stopped = new Promise<void>((resolve) => {
      this.finish = () => {
        wanted = false;
        resolve();
      };
    });
    const askedAt = performance.now();
    recorder.start(CHUNK_MS);
    await Promise.race([watch.frames(FRAMES_FIRST), stopped]);
    if (wanted) await plan.backing?.start(plan.backingMs);
    const countedFrom = plan.backing ? plan.backing.startedAt() : askedAt;
    const timer = this.tick(countedFrom, plan.limitMs);
    await Promise.race([stopped, ended]);
    cancelAnimationFrame(timer());
    this.phase = 'saving';
    const startedAt = plan.backing?.startedAt() ?? null;
    const zero = watch.firstSince(askedAt);
    const stoppedAt = performance.now();
    if (recorder.state !== 'inactive') recorder.stop();
    plan.backing?.stop();
    watch.stop();
    await ended;
    const blob = new Blob(chunks, { type: recorder.mimeType || chunks[0]?.type || 'video/webm' });
    if (stoppedAt - countedFrom < TAKE_MS_MIN || blob.size === 0) return null;
    const facts = await measure(blob);
    const durationMs = facts.durationMs ?? Math.floor(stoppedAt - zero);
    return { blob, durationMs, leadMs: startedAt === null ? null : startedAt - zero, backingMs: plan.backingMs, width: facts.width, height: facts.height };
  }

  private tick(fromMs: number, limitMs: number): () => number {
    let handle = 0;
    const step = () => {
      this.elapsedMs = Math.max(0, Math.min(limitMs, performance.now() - fromMs));
      if (this.elapsedMs >= limitMs) this.finish?.();
      else handle = requestAnimationFrame(step);
    };
    step();
    return () => handle;
  }

  private async count(): Promise<boolean> {
    this.phase = 'counting';
    let goOn = true;
    for (this.counting = this.countdown; this.counting > 0 && goOn; this.counting -= 1) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1000);
        this.stopCounting = () => {
          clearTimeout(timer);
          goOn = false;
          resolve();
        };
      });
    }
    this.stopCounting = null;
    this.counting = 0;
    return goOn;
  }

  private fail(problem: CameraProblem): void {
    this.release();
    this.problem = problem;
    this.phase = 'problem';
  }

  private release(): void {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    if (this.element) this.element.srcObject = null;
  }

  private remember(): void {
    const saved: Remembered = { facing: this.facing, grid: this.grid, mirrored: this.mirrored, countdown: this.countdown };
    try {
      localStorage.setItem(REMEMBERED, JSON.stringify(saved));
    } catch {
      // Forbidden storage: the choice lasts as long as the page.
    }
  }
}

function remembered(): Remembered {
  try {
    return JSON.parse(localStorage.getItem(REMEMBERED) ?? '{}') as Remembered;
  } catch {
    return {};
  }
}
