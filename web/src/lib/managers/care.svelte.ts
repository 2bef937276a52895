/** A published video in its creator's hands: what is said of it, its captions, its history. */
import { care, type Changed, type VideoChange } from '../api/care.ts';
import { api } from '../api/client.ts';
import { studio, type Replacement } from '../api/studio.ts';
import type { Video } from '../api/types.ts';
import { cueAt, ordered, readVtt, writeVtt, type Cue } from '../captions.ts';

/** How often a new edit that is being made is asked after. */
const POLL_MS = 1000;

export class Care {
  video = $state.raw<Video | null>(null);
  changes = $state.raw<Changed[]>([]);
  /** A new edit that is being made, or that could not be. */
  replacement = $state.raw<Replacement | null>(null);
  private timer = 0;
  readonly id: string;

  constructor(id: string) {
    this.id = id;
  }

  async load(): Promise<void> {
    this.video = (await api.video(this.id)).video;
    this.changes = (await care.history(this.id)).changes;
    this.replacement = (await studio.replacement(this.id)).replacement;
    if (this.replacement?.progress) this.follow();
  }

  close(): void {
    clearTimeout(this.timer);
  }

  private follow(): void {
    clearTimeout(this.timer);
    const timer = (this.timer = window.setTimeout(async () => {
      const found = await studio.replacement(this.id).catch(() => null);
      // Withdrawn while it was asked.
      if (timer !== this.timer) return;
      if (found && !found.replacement) return void this.load().catch(() => undefined);
      if (found) this.replacement = found.replacement;
      if (this.replacement?.progress) this.follow();
    }, POLL_MS));
  }

  /** Wants no other edit; answers whether that came in time. */
  async withdraw(): Promise<boolean> {
    const edits = () => this.changes.filter((change) => change.field === 'edit').length;
    const before = edits();
    this.close();
    this.timer = 0;
    try {
      await studio.withdrawEdit(this.id);
    } finally {
      await this.load().catch(() => undefined);
    }
    return edits() === before;
  }

  async change(change: VideoChange): Promise<void> {
    this.video = (await care.change(this.id, change)).video;
    this.changes = (await care.history(this.id)).changes;
  }
}

/** The captions of a video in one language, while they are written. */
export class CaptionsDraft {
  cues = $state<Cue[]>([]);
  dirty = $state(false);
  private readonly of: Care;
  readonly language: string;

  constructor(of: Care, language: string) {
    this.of = of;
    this.language = language;
  }

  get known() {
    return this.of.video?.captions?.find((one) => one.language === this.language);
  }

  async load(): Promise<void> {
    const known = this.known;
    this.cues = known ? readVtt(await care.captions(known.url)) : [];
    this.dirty = false;
  }

  /** Adds an empty line at a moment; answers its place in the list. */
  add(atMs: number): number {
    const cue = cueAt(this.cues, atMs, this.of.video?.duration_ms ?? 0);
    this.cues = ordered([...this.cues, cue]);
    this.dirty = true;
    return this.cues.findIndex((one) => one.startMs === cue.startMs && one.text === '');
  }

  set(index: number, change: Partial<Cue>): void {
    this.cues = this.cues.map((cue, at) => (at === index ? { ...cue, ...change } : cue));
    this.dirty = true;
  }

  remove(index: number): void {
    this.cues = this.cues.filter((_, at) => at !== index);
    this.dirty = true;
  }

  /** What was typed, or a file as it is. */
  async save(file?: string): Promise<void> {
    await care.putCaptions(this.of.id, this.language, file ?? writeVtt(this.cues));
    await this.of.load();
    await this.load();
  }

  async removeAll(): Promise<void> {
    await care.removeCaptions(this.of.id, this.language);
    await this.of.load();
    await this.load();
  }
}
