import { api, ApiError } from '../api/client.ts';
import type { Video } from '../api/types.ts';
import { errorText } from '../errors.ts';
import { i18n } from '../i18n/index.svelte.ts';
import { feeds } from './app.ts';
import { toasts } from './toasts.svelte.ts';

/**
 * Deletes a video after the time to take it back has passed. The caller has taken it off the
 * screen already; `undo` puts it back, also when the server refuses.
 */
export function deleteVideo(video: Video, undo: () => void): void {
  toasts.undoable(i18n.m.profile.deleted, i18n.m.profile.undo, undo, () => {
    api
      .deleteVideo(video.id)
      .then(() => Object.values(feeds).forEach((feed) => feed.remove(video.id)))
      .catch((error: unknown) => {
        // Gone already is what was wanted.
        if (error instanceof ApiError && error.status === 404) return;
        undo();
        toasts.show(errorText(error));
      });
  });
}
