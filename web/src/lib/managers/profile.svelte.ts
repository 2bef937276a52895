/** A profile and its grid. Kept for going back, so that the page stands as it was left. */
import { GRID_PAGE_COUNT } from '../../thresholds.ts';
import { api, ApiError } from '../api/client.ts';
import type { ProgressUpdate, PublicAccount, Video } from '../api/types.ts';
import { addresses } from '../api/client.ts';

const KEPT_COUNT = 5;
/** Live progress for at most this many tiles; browsers allow few connections. */
const STREAM_COUNT_MAX = 2;

export class ProfileManager {
  readonly handle: string;
  about = $state.raw<PublicAccount | null>(null);
  videos = $state.raw<Video[]>([]);
  status = $state<'loading' | 'ready' | 'missing' | 'failed'>('loading');
  error = $state.raw<unknown>(null);
  more = $state(false);
  private cursor: string | undefined;
  private loading = false;
  private streams = new Map<string, EventSource>();

  constructor(handle: string) {
    this.handle = handle;
  }

  /** Loads from the top; what is shown stays until the answer is there. */
  async load(): Promise<void> {
    try {
      const [about, page] = await Promise.all([
        api.account(this.handle),
        api.accountVideos(this.handle, GRID_PAGE_COUNT),
      ]);
      this.about = about;
      this.videos = page.videos;
      this.cursor = page.cursor ?? undefined;
      this.more = this.cursor !== undefined;
      this.status = 'ready';
    } catch (error) {
      this.error = error;
      this.status = error instanceof ApiError && error.status === 404 ? 'missing' : this.about ? 'ready' : 'failed';
    }
  }

  async loadMore(): Promise<void> {
    if (!this.cursor || this.loading) return;
    this.loading = true;
    try {
      const page = await api.accountVideos(this.handle, GRID_PAGE_COUNT, this.cursor);
      const known = new Set(this.videos.map((video) => video.id));
      this.videos = [...this.videos, ...page.videos.filter((video) => !known.has(video.id))];
      this.cursor = page.cursor ?? undefined;
      this.more = this.cursor !== undefined;
    } catch {
      // The button stays; pressing it again tries again.
    } finally {
      this.loading = false;
    }
  }

  take(id: string): void {
    this.videos = this.videos.filter((video) => video.id !== id);
  }

  putBack(video: Video, at: number): void {
    this.videos = [...this.videos.slice(0, at), video, ...this.videos.slice(at)];
  }

  /** Follows the processing of the owner's videos. Returns what stops it. */
  follow(): () => void {
    for (const video of this.videos.filter((one) => one.status === 'processing').slice(0, STREAM_COUNT_MAX)) {
      if (this.streams.has(video.id)) continue;
      const stream = new EventSource(addresses.progress(video.id));
      this.streams.set(video.id, stream);
      stream.addEventListener('progress', (event) => {
        const update = JSON.parse((event as MessageEvent<string>).data) as ProgressUpdate;
        this.videos = this.videos.map((one) => (one.id === video.id ? { ...one, ...update.video, status: update.status, progress: update.progress } : one));
        if (update.status === 'processing') return;
        stream.close();
        this.streams.delete(video.id);
        void this.load();
      });
    }
    return () => {
      for (const stream of this.streams.values()) stream.close();
      this.streams.clear();
    };
  }
}

const kept = new Map<string, ProfileManager>();

export function profileOf(handle: string): ProfileManager {
  const known = kept.get(handle);
  if (known) return known;
  const oldest = kept.keys().next();
  if (kept.size >= KEPT_COUNT && !oldest.done) kept.delete(oldest.value);
  const made = new ProfileManager(handle);
  kept.set(handle, made);
  return made;
}
