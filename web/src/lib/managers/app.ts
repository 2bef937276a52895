/** The one place where managers are made and tied to the server and to each other. */
import { addresses, api } from '../api/client.ts';
import { FEED_KINDS, type FeedKind } from '../api/types.ts';
import { EventQueue } from './events.ts';
import { FeedManager } from './feed.svelte.ts';
import { FollowManager } from './follows.svelte.ts';
import { LikeManager } from './likes.svelte.ts';
import { network } from './network.svelte.ts';
import { IndexedDbOutbox, MemoryOutbox } from './outbox.ts';
import { session } from './session.svelte.ts';
import { toasts } from './toasts.svelte.ts';

const storage = <T>(read: () => T): T | undefined => {
  try {
    return read();
  } catch {
    return undefined;
  }
};

export const events = new EventQueue({
  send: (batch) => api.sendEvents(batch),
  beacon: (batch) =>
    navigator.sendBeacon(addresses.events, new Blob([JSON.stringify({ events: batch })], { type: 'application/json' })),
  store: typeof indexedDB === 'undefined' ? new MemoryOutbox() : new IndexedDbOutbox(indexedDB),
  now: () => Date.now(),
  newId: newUuid,
  setTimer: (work, ms) => window.setTimeout(work, ms),
  clearTimer: (timer) => window.clearTimeout(timer),
});

export const likes = new LikeManager({
  set: (id, liked) => (liked ? api.like(id) : api.unlike(id)),
  storage: storage(() => localStorage),
});

export const follows = new FollowManager({ set: api.follow, ask: async (handle) => (await api.account(handle)).followed });

function feed(kind: FeedKind): FeedManager {
  const forYou = kind === 'for-you';
  return new FeedManager({
    fetch: async (limit, cursor) => {
      await session.start();
      // A page of For You reflects the swipes before it: they have to be there first.
      if (forYou) await events.flush();
      return api.feed(kind, limit, cursor);
    },
    paged: !forYou,
    ...(forYou ? { storage: storage(() => sessionStorage), storageKey: 'takt.feed.for-you' } : {}),
  });
}

export const feeds: Record<FeedKind, FeedManager> = {
  following: feed('following'),
  'for-you': feed('for-you'),
  popular: feed('popular'),
  latest: feed('latest'),
};

const hideHooks = new Set<() => void>();

/** Runs `work` when the page is hidden, before the events collected so far are handed over. */
export function beforeHide(work: () => void): () => void {
  hideHooks.add(work);
  return () => hideHooks.delete(work);
}

/** Starts what runs for the whole visit. */
export function startApp(): void {
  network.start(() => {
    void events.flush();
    void likes.flush();
    void session.start().catch(() => undefined);
  });
  void session
    .start()
    .then(() => Promise.all([events.restore(), likes.flush()]))
    .catch(() => undefined);
  session.onChange(async (change) => {
    if (change !== 'signed-up') {
      await events.clear();
      likes.clear();
    }
    follows.clear();
    for (const kind of FEED_KINDS) {
      if (kind !== 'for-you' || change !== 'signed-up') feeds[kind].reset();
    }
  });
  session.beforeChange = () => events.flush();
  const hide = () => {
    for (const work of hideHooks) work();
    events.hide();
  };
  addEventListener('pagehide', () => {
    toasts.commitAll();
    hide();
  });
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'hidden') hide();
    else void events.flush();
  });
}

/** A random UUID; `crypto.randomUUID` exists only on secure origins, a test server in the LAN is none. */
export function newUuid(): string {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
