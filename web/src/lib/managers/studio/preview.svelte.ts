/**
 * Plays an edit list in the browser: one video element per source in use, the sound and the voices on
 * the audio clock. What is shown when follows `momentAt`, the same sums the server renders by.
 */
import type { Size } from '../../studio/place.ts';
import { lengthOf, momentAt, soundAt, startsOf, totalMs, type EditList, type Segment } from '../../studio/edit.ts';
import { audio, bufferOf, bufferOfBlob, playBuffer, type Playing } from './audio.ts';

/** A video element further from where it should be than this is moved there. */
const DRIFT_MS_MAX = 120;
/** While paused it stands exactly. */
const STILL_MS_MAX = 8;

export interface PreviewSources {
  /** Address of the pictures of a segment: a take's bytes, or a published video. */
  urlOf: (segment: Pick<Segment, 'source' | 'video'>) => Promise<string | null>;
  blobOf: (source: string) => Promise<Blob | null>;
  soundUrl: () => string | null;
}

/** Key of the other clip of a duet. */
export const CLIP = 'clip';

interface Slot {
  element: HTMLVideoElement;
  key: string;
}

export const keyOf = (segment: Pick<Segment, 'source' | 'video'>): string => segment.source ?? `video:${segment.video ?? ''}`;

export class Preview {
  positionMs = $state(0);
  playing = $state(false);
  /** Key of the element on show. */
  shown = $state('');
  /** Sources whose bytes are not on this device and could not be fetched. */
  missing = $state<string[]>([]);
  /** Size of each source's upright picture, by key, as far as it is known. */
  sizes = $state.raw<Readonly<Record<string, Size>>>({});

  private edit: EditList;
  private readonly slots = new Map<string, Slot>();
  private clip: HTMLVideoElement | null = null;
  private voices: { playing: Playing; volume: number }[] = [];
  private startedAt = 0;
  private startedFrom = 0;
  private frame = 0;

  constructor(
    edit: EditList,
    private readonly sources: PreviewSources,
  ) {
    this.edit = edit;
  }

  /** The elements to be in the page, one per source. */
  attach(key: string, element: HTMLVideoElement, segment: Pick<Segment, 'source' | 'video'>): () => void {
    this.slots.set(key, { element, key });
    element.playsInline = true;
    element.preload = 'auto';
    this.measure(key, element);
    void this.sources.urlOf(segment).then((url) => {
      if (this.slots.get(key)?.element !== element) return;
      if (url) element.src = url;
      else this.missing = [...this.missing, key];
      element.addEventListener('loadeddata', () => this.place(), { once: true });
    });
    return () => {
      this.slots.delete(key);
      element.pause();
      element.removeAttribute('src');
      element.load();
    };
  }

  /** The other clip of a duet. */
  attachClip(element: HTMLVideoElement): () => void {
    this.clip = element;
    this.measure(CLIP, element);
    element.addEventListener('loadeddata', () => this.place(), { once: true });
    return () => {
      this.clip = null;
      element.pause();
    };
  }

  private measure(key: string, element: HTMLVideoElement): void {
    const note = () => {
      const { videoWidth: width, videoHeight: height } = element;
      if (width > 0 && height > 0) this.sizes = { ...this.sizes, [key]: { width, height } };
    };
    element.addEventListener('loadedmetadata', note);
    // Some recorders turn the picture in the middle of a file.
    element.addEventListener('resize', note);
    note();
  }

  update(edit: EditList): void {
    const sounds = edit.sound !== this.edit.sound || edit.voice_over !== this.edit.voice_over;
    this.edit = edit;
    const total = totalMs(edit);
    if (this.positionMs > total) this.positionMs = Math.max(0, total - 1);
    if (this.playing && sounds) void this.play();
    else this.place();
  }

  async play(): Promise<void> {
    const total = totalMs(this.edit);
    if (total === 0) return;
    this.silence();
    if (this.positionMs >= total - 50) this.positionMs = 0;
    await audio().resume();
    this.playing = true;
    this.startedFrom = this.positionMs;
    this.startedAt = performance.now();
    await this.startSounds();
    if (!this.playing) return this.silence();
    cancelAnimationFrame(this.frame);
    this.step();
  }

  pause(): void {
    this.playing = false;
    cancelAnimationFrame(this.frame);
    this.silence();
    for (const { element } of this.slots.values()) element.pause();
    this.clip?.pause();
    this.place();
  }

  toggle(): void {
    if (this.playing) this.pause();
    else void this.play();
  }

  seek(ms: number): void {
    const again = this.playing;
    if (again) this.pause();
    this.positionMs = Math.min(Math.max(0, ms), Math.max(0, totalMs(this.edit) - 1));
    this.place();
    if (again) void this.play();
  }

  close(): void {
    this.pause();
    this.slots.clear();
  }

  private step(): void {
    const total = totalMs(this.edit);
    this.positionMs = Math.min(total, this.startedFrom + performance.now() - this.startedAt);
    if (this.positionMs >= total) {
      this.positionMs = total;
      this.playing = false;
      this.silence();
      for (const { element } of this.slots.values()) element.pause();
      this.clip?.pause();
      return;
    }
    this.place();
    this.frame = requestAnimationFrame(() => this.step());
  }

  /** Brings every element where the position says. */
  private place(): void {
    const { edit, positionMs } = this;
    const moment = momentAt(edit, Math.min(positionMs, Math.max(0, totalMs(edit) - 1)));
    const segment = moment && edit.segments[moment.index];
    if (!moment || !segment) return;
    const key = keyOf(segment);
    const fade = fadeAt(edit, positionMs);
    this.shown = key;
    for (const slot of this.slots.values()) {
      if (slot.key !== key) slot.element.pause();
    }
    const slot = this.slots.get(key);
    if (slot) this.follow(slot.element, moment.sourceMs, segment.speed, segment.reverse, segment.volume * fade);
    this.prepareNext(moment.index);
    if (this.clip && edit.layout.kind !== 'single') this.follow(this.clip, edit.layout.start_ms + positionMs, 1, false, edit.layout.volume * fade);
    for (const voice of this.voices) voice.playing.gain.gain.value = voice.volume * fade;
  }

  private follow(element: HTMLVideoElement, atMs: number, speed: number, reverse: boolean, volume: number): void {
    element.volume = Math.min(1, Math.max(0, volume));
    element.muted = volume <= 0 || reverse;
    const away = Math.abs(element.currentTime * 1000 - atMs);
    if (!this.playing || reverse) {
      if (!element.paused) element.pause();
      if (away > STILL_MS_MAX && !element.seeking) element.currentTime = atMs / 1000;
      return;
    }
    element.playbackRate = speed;
    if (away > DRIFT_MS_MAX * Math.max(1, speed) && !element.seeking) element.currentTime = atMs / 1000;
    if (element.paused) void element.play().catch(() => undefined);
  }

  /** The next segment stands at its first picture before it is needed. */
  private prepareNext(index: number): void {
    const next = this.edit.segments[index + 1];
    const current = this.edit.segments[index];
    if (!this.playing || !next || !current || keyOf(next) === keyOf(current)) return;
    const element = this.slots.get(keyOf(next))?.element;
    const atMs = next.reverse ? next.end_ms : next.start_ms;
    if (element && !element.seeking && Math.abs(element.currentTime * 1000 - atMs) > STILL_MS_MAX) element.currentTime = atMs / 1000;
  }

  private async startSounds(): Promise<void> {
    const { edit } = this;
    const from = this.positionMs;
    const url = edit.sound && this.sources.soundUrl();
    const loaded: { buffer: AudioBuffer; offsetMs: number; inMs: number; volume: number }[] = [];
    if (edit.sound && url) {
      const buffer = await bufferOf(url).catch(() => null);
      const offset = soundAt(edit.sound, from);
      const inMs = offset === null ? edit.sound.lead_ms - from : 0;
      if (buffer) loaded.push({ buffer, offsetMs: offset ?? edit.sound.start_ms, inMs, volume: edit.sound.volume });
    }
    for (const voice of edit.voice_over) {
      if (voice.at_ms + voice.end_ms - voice.start_ms <= from) continue;
      const blob = await this.sources.blobOf(voice.source);
      const buffer = blob && (await bufferOfBlob(voice.source, blob).catch(() => null));
      if (buffer) loaded.push({ buffer, offsetMs: voice.start_ms + Math.max(0, from - voice.at_ms), inMs: Math.max(0, voice.at_ms - from), volume: voice.volume });
    }
    if (!this.playing) return;
    this.voices = loaded.map(({ buffer, offsetMs, inMs, volume }) => ({ playing: playBuffer(buffer, offsetMs, volume, inMs), volume }));
    // The pictures start when the first sample is heard, not when it was asked for.
    const first = loaded[0];
    const playing = this.voices[0]?.playing;
    this.startedAt = playing && first ? playing.heardAt() - first.inMs : performance.now();
  }

  private silence(): void {
    for (const { playing } of this.voices) playing.stop();
    this.voices = [];
  }
}

/** How loud everything is at a time: 0 to 1. */
export function fadeAt(edit: EditList, ms: number): number {
  const { in_ms, out_ms } = edit.fade;
  const total = totalMs(edit);
  const rise = in_ms > 0 ? Math.min(1, ms / in_ms) : 1;
  const fall = out_ms > 0 ? Math.min(1, (total - ms) / out_ms) : 1;
  return Math.max(0, Math.min(rise, fall));
}

/** Where a segment starts and how long it lasts in the finished video. */
export function spanOf(edit: EditList, index: number): { startMs: number; lengthMs: number } {
  const segment = edit.segments[index];
  return { startMs: startsOf(edit)[index] ?? 0, lengthMs: segment ? lengthOf(segment) : 0 };
}
