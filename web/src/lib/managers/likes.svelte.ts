/**
 * Likes, shown at once and sent as fast as the connection allows. One wish per video: tapping
 * five times while offline sends one request later. Wishes survive a reload.
 */
import type { Video } from '../api/types.ts';

const KEY = 'takt.likes';

export interface LikeDeps {
  set(videoId: string, liked: boolean): Promise<unknown>;
  storage: Pick<Storage, 'getItem' | 'setItem'> | undefined;
}

interface Shown {
  liked: boolean;
  likes: number;
}

export class LikeManager {
  private shown = $state<Record<string, Shown>>({});
  private wishes = new Map<string, boolean>();
  private busy = new Set<string>();
  private readonly deps: LikeDeps;

  constructor(deps: LikeDeps) {
    this.deps = deps;
    try {
      const saved = JSON.parse(deps.storage?.getItem(KEY) ?? '[]') as [string, boolean][];
      this.wishes = new Map(saved);
    } catch {
      // Unreadable: nothing to send.
    }
  }

  of(video: Video): Shown {
    return this.shown[video.id] ?? { liked: video.liked ?? false, likes: video.counts.likes };
  }

  set(video: Video, liked: boolean): void {
    const before = this.of(video);
    if (before.liked === liked) return;
    this.shown[video.id] = { liked, likes: Math.max(0, before.likes + (liked ? 1 : -1)) };
    this.wishes.set(video.id, liked);
    this.save();
    void this.send(video.id, before);
  }

  /** Sends what waited for a connection. */
  async flush(): Promise<void> {
    for (const id of [...this.wishes.keys()]) await this.send(id);
  }

  /** Somebody else is watching now. */
  clear(): void {
    this.wishes.clear();
    this.shown = {};
    this.save();
  }

  private async send(id: string, before?: Shown): Promise<void> {
    if (this.busy.has(id)) return;
    this.busy.add(id);
    try {
      let wish: boolean | undefined;
      while ((wish = this.wishes.get(id)) !== undefined) {
        await this.deps.set(id, wish);
        // A tap during the request changed the wish: go round again.
        if (this.wishes.get(id) === wish) this.wishes.delete(id);
      }
    } catch (error) {
      if (!(error as { temporary?: boolean }).temporary) {
        this.wishes.delete(id);
        if (before) this.shown[id] = before;
      }
    } finally {
      this.busy.delete(id);
      this.save();
    }
  }

  private save(): void {
    try {
      this.deps.storage?.setItem(KEY, JSON.stringify([...this.wishes]));
    } catch {
      // Likes of this page still go out while it is open.
    }
  }
}
