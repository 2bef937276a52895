/** One sound and the videos made with it. */
import { studio, type Consent, type Sound } from '../../api/studio.ts';
import { ApiError } from '../../api/client.ts';
import type { Video } from '../../api/types.ts';
import { session } from '../session.svelte.ts';

function maySingWith({ creator, consents }: Video): boolean {
  const reuse = consents?.reuse ?? 'nobody';
  return creator.id === session.account?.id || reuse === 'everyone' || (reuse === 'followers' && creator.followed === true);
}

export class SoundPage {
  sound = $state.raw<Sound | null>(null);
  videos = $state.raw<Video[]>([]);
  status = $state<'loading' | 'ready' | 'missing' | 'failed'>('loading');
  error = $state.raw<unknown>(null);
  more = $state(false);
  playing = $state(false);
  /** 0 to 1 of the sound. */
  progress = $state(0);

  private cursor: string | undefined;
  private player: HTMLAudioElement | null = null;

  constructor(readonly id: string) {}

  /** Its videos that one may sing with: they have the sound, and their creators permit duets. */
  readonly singable = $derived(this.videos.filter((video) => !video.muted && video.status === 'ready' && maySingWith(video)));

  async load(): Promise<void> {
    try {
      const [sound, page] = await Promise.all([studio.sound(this.id), studio.soundVideos(this.id)]);
      this.sound = sound;
      this.videos = page.videos;
      this.cursor = page.cursor ?? undefined;
      this.more = this.cursor !== undefined;
      this.status = 'ready';
    } catch (error) {
      this.error = error;
      this.status = error instanceof ApiError && (error.status === 404 || error.status === 400) ? 'missing' : 'failed';
    }
  }

  async loadMore(): Promise<void> {
    if (!this.cursor) return;
    const page = await studio.soundVideos(this.id, this.cursor).catch(() => null);
    if (!page) return;
    const known = new Set(this.videos.map((video) => video.id));
    this.videos = [...this.videos, ...page.videos.filter((video) => !known.has(video.id))];
    this.cursor = page.cursor ?? undefined;
    this.more = this.cursor !== undefined;
  }

  async save(saved: boolean): Promise<void> {
    if (!this.sound) return;
    const before = this.sound;
    this.sound = { ...before, saved };
    try {
      await studio.saveSound(this.id, saved);
    } catch (error) {
      this.sound = before;
      throw error;
    }
  }

  /** The owner's choices. */
  async change(change: { consent?: Consent; on_revoke?: 'keep' | 'mute' }): Promise<void> {
    if (!this.sound) return;
    await studio.changeSound(this.id, change);
    this.sound = await studio.sound(this.id);
  }

  toggle(): void {
    if (this.playing) return this.silence();
    if (!this.sound?.audio_url) return;
    const player = this.player ?? new Audio(this.sound.audio_url);
    this.player = player;
    player.onended = () => this.silence();
    player.ontimeupdate = () => (this.progress = player.currentTime / (player.duration || 1));
    this.playing = true;
    void player.play().catch(() => this.silence());
  }

  silence(): void {
    this.player?.pause();
    this.playing = false;
    this.progress = 0;
    if (this.player) this.player.currentTime = 0;
  }
}
