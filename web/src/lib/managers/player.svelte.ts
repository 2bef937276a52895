/**
 * Three video elements, recycled: the current video, the one before it and the one after it.
 *
 * Invariant: at most one preload is under way, and only when the current video has enough
 * buffered (`preload.ts`). An element is shown only after it has painted its own first frame,
 * so that neither black nor a picture of the previous video is ever seen.
 */
import type { FeedItem, Video } from '../api/types.ts';
import { chooseRendition, mayPreloadNext, mediaType, SLOT_COUNT, slotOf } from './preload.ts';
import { connection, preferences } from './preferences.svelte.ts';
import { WatchMeter } from './watch.ts';

/** Wait before an element that left the stage lets its video go: longer than a slide takes. */
const CLEAR_AFTER_MS = 400;
/** Wait after a preload failed; its turn comes by swiping in any case. */
const PRELOAD_RETRY_MS = 5000;

interface Slot {
  element: HTMLVideoElement;
  videoId: string | null;
  stop: AbortController;
}

export class PlayerManager {
  /** Per slot: whether the element shows a frame of the video assigned to it. */
  painted = $state<boolean[]>(Array(SLOT_COUNT).fill(false));
  /** The current video moves. */
  playing = $state(false);
  /** Stopped by the viewer. */
  paused = $state(false);
  /** Sound is wanted but the browser waits for a gesture. */
  soundBlocked = $state(false);
  positionMs = $state(0);
  durationMs = $state(0);
  bufferedMs = $state(0);
  rate = $state(1);
  /** The current video cannot be played here. */
  broken = $state(false);

  readonly meter = new WatchMeter();
  /** Width of the stage in CSS pixels, for the choice of rendition. */
  stageWidth = 400;

  private slots: (Slot | null)[] = Array(SLOT_COUNT).fill(null);
  private items: readonly FeedItem[] = [];
  private index = -1;
  private base = 0;
  private currentId: string | null = null;
  private suspended = false;
  /** A video has played with sound, so the browser lets this page. */
  private heard = false;
  /** No preload before this moment: the last one failed. */
  private preloadAfter = 0;

  get muted(): boolean {
    return !preferences.sound || this.soundBlocked;
  }

  attach(at: number, element: HTMLVideoElement): () => void {
    const stop = new AbortController();
    const slot: Slot = { element, videoId: null, stop };
    this.slots[at] = slot;
    element.loop = true;
    element.playsInline = true;
    element.disablePictureInPicture = true;
    const on = (name: string, work: () => void) => element.addEventListener(name, work, { signal: stop.signal });
    on('loadeddata', () => (this.painted[at] = slot.videoId !== null));
    on('timeupdate', () => this.tick(at));
    on('progress', () => this.preloadNext());
    on('playing', () => this.isCurrent(at) && (this.playing = true));
    on('waiting', () => this.isCurrent(at) && (this.playing = false));
    on('pause', () => this.isCurrent(at) && (this.playing = false));
    on('durationchange', () => this.tick(at));
    on('error', () => this.fail(at));
    if (this.isCurrent(at)) this.show(this.items, this.index, this.base);
    return () => {
      stop.abort();
      element.pause();
      element.removeAttribute('src');
      element.load();
      this.slots[at] = null;
      this.painted[at] = false;
    };
  }

  /** Makes `items[index]` the current video and plays it. `base + index` is its unshifting place. */
  show(items: readonly FeedItem[], index: number, base: number): void {
    this.items = items;
    this.index = index;
    this.base = base;
    const item = items[index];
    const changed = (item?.video.id ?? null) !== this.currentId;
    if (changed) {
      this.currentId = item?.video.id ?? null;
      this.paused = false;
      this.broken = false;
      this.playing = false;
      this.rate = 1;
      this.positionMs = 0;
      this.bufferedMs = 0;
      this.durationMs = item?.video.duration_ms ?? 0;
      this.meter.start(this.durationMs, item?.impression_id ?? item?.video.id ?? '');
    }
    const current = this.slotAt(index);
    const slot = this.slots[current];
    if (!item) this.stand(current, undefined);
    else if (slot) {
      this.load(slot, current, item.video);
      if (changed && slot.element.currentTime > 0 && slot.element.readyState > 0) slot.element.currentTime = 0;
      // It starts before the others are told to stop: every millisecond until the picture moves is felt.
      if (!this.paused) void this.play();
    }
    for (const offset of [-1, 1]) this.stand(this.slotAt(index + offset), items[index + offset]?.video);
  }

  /** An element beside the stage stands still, and shows no picture of a video that is no neighbour any more. */
  private stand(at: number, video: Video | undefined): void {
    const slot = this.slots[at];
    if (!slot) return;
    slot.element.pause();
    if (slot.videoId !== null && slot.videoId !== video?.id) this.clear(slot, at);
    else slot.element.preload = 'metadata';
  }

  async play(): Promise<void> {
    const slot = this.slots[this.slotAt(this.index)];
    if (!slot?.videoId || this.suspended) return;
    this.paused = false;
    const { element } = slot;
    element.playbackRate = this.rate;
    // Opening a device for sound takes longer than showing a picture, so the picture goes first.
    const soundFollows = preferences.sound && this.heard;
    const silent = !preferences.sound || soundFollows;
    element.muted = silent;
    try {
      await element.play();
      if (soundFollows) this.followWithSound(slot);
      else if (preferences.sound) {
        this.soundBlocked = false;
        this.heard = true;
      }
    } catch (error) {
      if ((error as DOMException).name !== 'NotAllowedError') return;
      if (silent) {
        this.paused = true;
        return;
      }
      this.soundBlocked = true;
      element.muted = true;
      await element.play().catch((again: DOMException) => {
        if (again.name === 'NotAllowedError') this.paused = true;
      });
    }
  }

  /** Turns the sound on with the first picture. */
  private followWithSound(slot: Slot): void {
    const { element, videoId } = slot;
    const turnOn = () => {
      if (slot.videoId !== videoId || element.paused) return;
      element.muted = this.muted;
      if (!element.paused) return;
      // The browser has changed its mind and stopped it.
      this.heard = false;
      void this.play();
    };
    if ('requestVideoFrameCallback' in element) element.requestVideoFrameCallback(turnOn);
    else turnOn();
  }

  pause(): void {
    this.paused = true;
    this.meter.markPaused();
    this.element()?.pause();
  }

  toggle(): void {
    if (this.paused) void this.play();
    else this.pause();
  }

  /** The page is hidden or shown again; does not change what the viewer asked for. */
  suspend(hidden: boolean): void {
    this.suspended = hidden;
    if (hidden) this.element()?.pause();
    else if (!this.paused && this.currentId) void this.play();
  }

  /** A gesture happened: sound may start now if it is wanted. Returns whether that changed anything. */
  unblockSound(): boolean {
    if (!this.soundBlocked) return false;
    this.soundBlocked = false;
    const element = this.element();
    if (element) element.muted = !preferences.sound;
    return preferences.sound;
  }

  setSound(on: boolean): void {
    preferences.setSound(on);
    this.soundBlocked = false;
    const element = this.element();
    if (element) element.muted = !on;
  }

  setRate(rate: number): void {
    this.rate = rate;
    const element = this.element();
    if (element) element.playbackRate = rate;
  }

  seek(ms: number): void {
    const element = this.element();
    if (!element || !Number.isFinite(ms)) return;
    const target = Math.min(Math.max(0, ms), Math.max(0, this.durationMs - 50));
    this.meter.jump(target);
    element.currentTime = target / 1000;
    this.positionMs = target;
  }

  element(): HTMLVideoElement | null {
    return this.slots[this.slotAt(this.index)]?.element ?? null;
  }

  private slotAt(index: number): number {
    return slotOf(this.base + index);
  }

  private isCurrent(at: number): boolean {
    return this.index >= 0 && at === this.slotAt(this.index);
  }

  private tick(at: number): void {
    if (!this.isCurrent(at)) return;
    const element = this.element();
    if (!element) return;
    const positionMs = element.currentTime * 1000;
    if (Number.isFinite(element.duration)) this.durationMs = element.duration * 1000;
    if (element.seeking) this.meter.jump(positionMs);
    else if (!element.paused) this.meter.tick(positionMs);
    this.positionMs = positionMs;
    this.bufferedMs = bufferedEnd(element) * 1000;
    this.preloadNext();
  }

  /** Reads the clock once more, so that the last quarter second counts. */
  settle(): void {
    const element = this.element();
    if (element && !element.paused && !element.seeking) this.meter.tick(element.currentTime * 1000);
  }

  private load(slot: Slot, at: number, video: Video): void {
    slot.element.preload = 'auto';
    if (slot.videoId === video.id) return;
    const rendition = this.rendition(video);
    slot.videoId = video.id;
    this.painted[at] = false;
    if (!rendition) {
      if (this.isCurrent(at)) this.broken = true;
      return;
    }
    slot.element.src = rendition.url;
  }

  private clear(slot: Slot, at: number): void {
    slot.videoId = null;
    this.painted[at] = false;
    // Taking a decoder down costs as much as starting one, and just now another video is to start.
    setTimeout(() => {
      if (slot.videoId !== null || slot.stop.signal.aborted) return;
      slot.element.removeAttribute('src');
      slot.element.load();
    }, CLEAR_AFTER_MS);
  }

  private preloadNext(): void {
    const next = this.items[this.index + 1]?.video;
    const slot = this.slots[this.slotAt(this.index + 1)];
    const element = this.element();
    if (!next || !slot || !element || slot.videoId === next.id || preferences.reducedData) return;
    // A video that is about to start has the machine to itself.
    if (!this.playing && !this.paused) return;
    if (performance.now() < this.preloadAfter) return;
    const ready = mayPreloadNext({
      positionMs: element.currentTime * 1000,
      durationMs: element.duration * 1000,
      bufferedEndMs: bufferedEnd(element) * 1000,
    });
    if (ready) this.load(slot, this.slotAt(this.index + 1), next);
  }

  private rendition(video: Video) {
    const link = connection();
    return chooseRendition(video.renditions, video.duration_ms ?? 0, {
      stageWidth: this.stageWidth,
      pixelRatio: window.devicePixelRatio,
      reducedData: preferences.reducedData,
      effectiveType: link?.effectiveType,
      downlinkMbps: link?.downlink,
      canPlay: playable,
    });
  }

  private fail(at: number): void {
    const slot = this.slots[at];
    if (!slot?.videoId || !slot.element.error) return;
    if (!this.isCurrent(at)) {
      this.clear(slot, at);
      this.preloadAfter = performance.now() + PRELOAD_RETRY_MS;
    } else if (navigator.onLine) {
      this.broken = true;
    }
  }

  /** The connection is back: what failed meanwhile is tried again. */
  reconnect(): void {
    this.preloadAfter = 0;
    const at = this.slotAt(this.index);
    const slot = this.slots[at];
    const video = this.items[this.index]?.video;
    if (!slot?.element.error || !video) return this.preloadNext();
    slot.videoId = null;
    this.broken = false;
    this.load(slot, at, video);
    if (!this.paused) void this.play();
  }
}

const known = new Map<string, boolean>();

function playable(codec: string): boolean {
  const name = codec.toLowerCase();
  if (name.startsWith('avc') || name === 'h264') return true;
  let answer = known.get(name);
  if (answer === undefined) {
    answer = document.createElement('video').canPlayType(mediaType(name)) === 'probably';
    known.set(name, answer);
  }
  return answer;
}

/** End of the buffered range that holds the position, in seconds. */
function bufferedEnd(element: HTMLVideoElement): number {
  for (let i = 0; i < element.buffered.length; i += 1) {
    if (element.buffered.start(i) <= element.currentTime + 0.1 && element.buffered.end(i) >= element.currentTime) {
      return element.buffered.end(i);
    }
  }
  return 0;
}
