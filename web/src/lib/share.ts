import type { Video } from './api/types.ts';
import { i18n } from './i18n/index.svelte.ts';
import { events } from './managers/app.ts';
import { toasts } from './managers/toasts.svelte.ts';

/** The address of a video that unfolds elsewhere. */
export const videoLink = (id: string): string => `${location.origin}/v/${id}`;

export async function copyText(text: string, done: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    toasts.show(done);
    return true;
  } catch {
    toasts.show(i18n.m.feed.copyFailed);
    return false;
  }
}

/** The device's own share sheet where there is one, else the clipboard. */
export async function shareLink(url: string, title: string): Promise<boolean> {
  if (typeof navigator.share === 'function') {
    try {
      await navigator.share({ url, title });
      return true;
    } catch (error) {
      if ((error as DOMException).name === 'AbortError') return false;
    }
  }
  return copyText(url, i18n.m.feed.linkCopied);
}

export async function shareVideo(video: Video, impressionId?: string): Promise<void> {
  if (!(await shareLink(videoLink(video.id), i18n.m.feed.shareTitle(`@${video.creator.handle}`)))) return;
  events.push({ type: 'share', video_id: video.id, ...(impressionId ? { impression_id: impressionId } : {}) });
}
