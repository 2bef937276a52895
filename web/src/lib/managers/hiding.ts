import { recommender, type Subject } from '../api/recommender.ts';
import type { Video } from '../api/types.ts';
import { errorText } from '../errors.ts';
import { words } from '../i18n/taste/index.ts';
import { isAbout, subjectName } from '../subjects.ts';
import { UNDO_MS } from '../../thresholds.ts';
import { feeds } from './app.ts';
import type { FeedManager } from './feed.svelte.ts';
import { toasts } from './toasts.svelte.ts';

/**
 * The viewer wants no more of `subject`, a part of `video`: everything of it leaves every feed at
 * once, the one on the stage too. It can be taken back, and is where the server refuses.
 */
export function hide(stage: FeedManager, video: Video, subject: Subject): void {
  const { m } = words;
  const unwanted = (other: Video) => isAbout(other, subject);
  const restores = [...new Set([stage, ...Object.values(feeds)])].map((feed) => feed.withdraw(unwanted));
  let restored = false;
  const restore = () => {
    if (!restored) for (const back of restores) back();
    restored = true;
  };
  const told = recommender.hide(subject, true);
  told.catch((error: unknown) => {
    restore();
    toasts.show(errorText(error));
  });
  const name = subjectName(subject, video) || m.hidden.this[subject.kind] || '';
  const text = subject.kind === 'video' ? m.hidden.video : m.hidden.other(name);
  const undo = () => {
    toasts.dismiss(toast);
    restore();
    told
      .then(() => recommender.hide(subject, false))
      .catch((error: unknown) => toasts.show(errorText(error)));
  };
  const toast: number = toasts.show(text, { label: m.hidden.undo, run: undo }, UNDO_MS);
}
