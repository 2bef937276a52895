/** The shelf of sounds: search, saved ones, one at a time to listen to. */
import { studio, type Sound } from '../../api/studio.ts';

const SEARCH_AFTER_MS = 250;
/** A tempo is shown, and beats are offered, only from this confidence on. */
const TEMPO_CONFIDENCE_MIN = 0.5;

export type Shelf = 'all' | 'saved';

export class SoundShelf {
  shelf = $state<Shelf>('all');
  words = $state('');
  items = $state.raw<Sound[]>([]);
  status = $state<'loading' | 'ready' | 'failed'>('loading');
  error = $state.raw<unknown>(null);
  more = $state(false);
  /** The one being listened to. */
  playingId = $state('');

  private cursor: string | undefined;
  private asked = 0;
  private timer = 0;
  private player: HTMLAudioElement | null = null;

  async load(): Promise<void> {
    const asked = ++this.asked;
    this.status = 'loading';
    try {
      const page = this.shelf === 'saved' ? await studio.savedSounds() : await studio.sounds(this.words.trim());
      if (asked !== this.asked) return;
      this.items = page.items;
      this.cursor = page.cursor ?? undefined;
      this.more = this.cursor !== undefined;
      this.status = 'ready';
    } catch (error) {
      if (asked !== this.asked) return;
      this.error = error;
      this.status = 'failed';
    }
  }

  async loadMore(): Promise<void> {
    if (!this.cursor || this.shelf === 'saved') return;
    const page = await studio.sounds(this.words.trim(), this.cursor).catch(() => null);
    if (!page) return;
    const known = new Set(this.items.map((sound) => sound.id));
    this.items = [...this.items, ...page.items.filter((sound) => !known.has(sound.id))];
    this.cursor = page.cursor ?? undefined;
    this.more = this.cursor !== undefined;
  }

  search(words: string): void {
    this.words = words;
    this.shelf = 'all';
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.load(), SEARCH_AFTER_MS);
  }

  show(shelf: Shelf): void {
    this.shelf = shelf;
    this.items = [];
    void this.load();
  }

  toggle(sound: Sound): void {
    const again = this.playingId === sound.id;
    this.silence();
    if (again || !sound.audio_url) return;
    const player = new Audio(sound.audio_url);
    this.player = player;
    this.playingId = sound.id;
    player.onended = () => this.player === player && this.silence();
    player.onerror = () => this.player === player && this.silence();
    void player.play().catch(() => this.player === player && this.silence());
  }

  silence(): void {
    this.player?.pause();
    this.player = null;
    this.playingId = '';
  }
}

/** Beats that may be shown and snapped to; none where the tempo is a guess. */
export function beatsOf(sound: Sound | null): readonly number[] {
  return sound?.tempo && sound.tempo.confidence >= TEMPO_CONFIDENCE_MIN ? sound.tempo.beats_ms : [];
}

export function bpmOf(sound: Sound): number | null {
  return sound.tempo && sound.tempo.confidence >= TEMPO_CONFIDENCE_MIN ? Math.round(sound.tempo.bpm) : null;
}
