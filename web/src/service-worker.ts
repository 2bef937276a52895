/// <reference lib="webworker" />
/**
 * Keeps the shell at hand, so that Takt opens without a connection.
 *
 * Invariant: nothing under `/api` and no media is ever stored or answered here. Videos come from
 * the browser's own cache, which knows byte ranges; what the API says is never older than now.
 */
const worker = self as unknown as ServiceWorkerGlobalScope;

/** Both are filled in by the build. */
const CACHE = 'takt-__TAKT_VERSION__';
const PRECACHE = '__TAKT_PRECACHE__' as unknown as string[];

/** How long a page load waits for the network before the stored shell answers. */
const SHELL_WAIT_MS = 1500;

worker.addEventListener('install', (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll(PRECACHE))
      .then(() => worker.skipWaiting()),
  );
});

worker.addEventListener('activate', (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name))))
      .then(() => worker.clients.claim()),
  );
});

worker.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== worker.location.origin) return;
  if (request.mode === 'navigate') {
    if (!url.pathname.startsWith('/api/') && !url.pathname.startsWith('/media/')) event.respondWith(shell(request));
  } else if (url.pathname.startsWith('/assets/')) {
    event.respondWith(asset(request));
  }
});

/** The server's page when it answers in time, else the stored one. */
async function shell(request: Request): Promise<Response> {
  const stored = caches.match('/');
  const fresh = fetch(request);
  const late = new Promise<'late'>((resolve) => setTimeout(() => resolve('late'), SHELL_WAIT_MS));
  try {
    const first = await Promise.race([fresh, late]);
    if (first !== 'late') return first.status < 500 ? first : ((await stored) ?? first);
    fresh.catch(() => undefined);
    return (await stored) ?? (await fresh);
  } catch {
    return (await stored) ?? Response.error();
  }
}

/** Hashed files never change: the stored one is right. */
async function asset(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  const stored = await cache.match(request);
  if (stored) return stored;
  const response = await fetch(request);
  if (response.ok) void cache.put(request, response.clone());
  return response;
}
