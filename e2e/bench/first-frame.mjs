/**
 * How long a viewer waits for moving pictures: from opening the feed to the first frame, and from a key press to the
 * first frame of the next video. Prints numbers and judges nothing; the targets stand beside them.
 *
 * The link is Chromium's own emulation (`Network.emulateNetworkConditions`): each request waits one round trip and all
 * responses share the bandwidth. It knows no connection set-up, no slow start, no loss and no jitter, and it counts from
 * the browser's network stack, so a real link of this kind is a little slower on the first visit. Frames come from
 * `requestVideoFrameCallback`, the moment a frame was handed to the compositor.
 *
 *     node bench/first-frame.mjs [--runs 9] [--rtt 80] [--mbit 8]
 */
import { parseArgs } from 'node:util';
import { Api, newHandle } from '../lib/api.mjs';
import { launch, moving, PHONE, visitor } from '../lib/browser.mjs';
import { clip } from '../lib/clips.mjs';
import { Takt } from '../lib/takt.mjs';
import { until } from '../lib/wait.mjs';

const CLIPS = 8;
const SWIPES_PER_RUN = 4;
const TARGET_FIRST_MS = 250;
const TARGET_NEXT_MS = 80;

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '9' }, rtt: { type: 'string', default: '80' }, mbit: { type: 'string', default: '8' } },
});
const link = { offline: false, latency: Number(values.rtt), downloadThroughput: (Number(values.mbit) * 1e6) / 8, uploadThroughput: (Number(values.mbit) * 1e6) / 8 };

/** Runs in the page before anything else: notes when each video shows its first frame. */
function watchFrames() {
  const frames = (window.taktFrames = []);
  const seen = new WeakMap();
  const follow = (element) => {
    element.requestVideoFrameCallback(function step(now, { presentationTime }) {
      if (seen.get(element) !== element.currentSrc) {
        seen.set(element, element.currentSrc);
        frames.push({ at: Math.max(now, presentationTime), src: element.currentSrc });
      }
      element.requestVideoFrameCallback(step);
    });
  };
  const known = new WeakSet();
  new MutationObserver(() => {
    for (const element of document.querySelectorAll('video')) {
      if (known.has(element)) continue;
      known.add(element);
      follow(element);
    }
  }).observe(document, { childList: true, subtree: true });
}

/** One visit. `warm` has been here before: shell in the cache, worker at hand. */
async function visit(browser, url, warm) {
  const context = await visitor(browser, { viewport: PHONE, hasTouch: true, isMobile: true });
  const page = await context.newPage();
  if (warm) {
    // Another page than the feed, so that the first video is as new as on the first visit.
    await page.goto(`${url}/sign-in`);
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
    await until('a worker that answers', () => page.evaluate(() => navigator.serviceWorker.controller !== null));
  }
  const client = await context.newCDPSession(page);
  await client.send('Network.enable');
  await client.send('Network.emulateNetworkConditions', link);
  await page.addInitScript(watchFrames);
  await page.goto(`${url}/`, { waitUntil: 'commit' });
  await until('a frame', () => page.evaluate(() => window.taktFrames?.length > 0));
  const marks = await page.evaluate(() => {
    const media = performance.getEntriesByType('resource').find((entry) => entry.name.includes('/media/') && entry.name.endsWith('.mp4'));
    const answer = performance.getEntriesByType('resource').find((entry) => entry.name.includes('/feeds/for-you'));
    return { frame: window.taktFrames[0].at, known: answer?.responseEnd ?? NaN, asked: media?.startTime ?? NaN };
  });
  const swipes = [];
  for (let i = 0; i < SWIPES_PER_RUN; i += 1) {
    await moving(page);
    await until('the next video at hand', () => page.evaluate(nextIsLoaded));
    swipes.push(await page.evaluate(swipe));
  }
  await context.close();
  return { ...marks, swipes };
}

/** Whether another element than the current one holds a picture, as it does for somebody who watches for a moment. */
function nextIsLoaded() {
  const current = document.querySelector('video[data-testid=player]');
  const others = [...document.querySelectorAll('[data-testid=stage] video')].filter((element) => element !== current);
  return others.some((element) => element.readyState >= 2 && element.currentTime === 0);
}

/**
 * Presses the key and waits for the first frame of the other video after it started to play. Gives back, in milliseconds
 * since the key, when that frame was handed to the compositor (`presentationTime`) and when the page was told of it,
 * which is up to one refresh later.
 */
function swipe() {
  return new Promise((resolve) => {
    const stage = document.querySelector('[data-testid=stage]');
    const before = stage.dataset.videoId;
    const start = performance.now();
    document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowDown', bubbles: true, cancelable: true }));
    const look = () => {
      const element = document.querySelector('video[data-testid=player]');
      if (stage.dataset.videoId === before || !element) return requestAnimationFrame(look);
      element.requestVideoFrameCallback(function step(now, { mediaTime, presentationTime }) {
        // The first still does not count: moving means a later picture than the first.
        if (mediaTime > 0) resolve({ presented: presentationTime - start, told: now - start });
        else element.requestVideoFrameCallback(step);
      });
    };
    look();
  });
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
const line = (what, numbers, note = '') =>
  console.log(`${what.padEnd(44)} median ${median(numbers).toFixed(0).padStart(5)} ms  (${Math.min(...numbers).toFixed(0)} to ${Math.max(...numbers).toFixed(0)}, n=${numbers.length}) ${note}`);

const takt = await Takt.start();
const browser = await launch();
try {
  const creator = await Api.signUp(takt.url, newHandle('creator'));
  for (let i = 0; i < CLIPS; i += 1) await creator.publish(await clip({ seconds: 8, size: '540x960', hue: 45 * i, turn: 45 * i, tone: 220 + 60 * i, kbit: 1400 }), `Clip ${i}`);
  console.log(`${values.rtt} ms round trip, ${values.mbit} Mbit/s, 540x960 at 1.4 Mbit/s; targets: first frame ${TARGET_FIRST_MS} ms, next ${TARGET_NEXT_MS} ms`);
  for (const warm of [false, true]) {
    const visits = [];
    for (let run = 0; run < Number(values.runs); run += 1) visits.push(await visit(browser, takt.url, warm));
    console.log(warm ? 'app there already' : 'first visit');
    line('  first frame after opening the address', visits.map((one) => one.frame));
    line('  first frame after the feed was known', visits.map((one) => one.frame - one.known));
    if (visits.every((one) => one.asked > 0)) line('  first frame after the file was asked for', visits.map((one) => one.frame - one.asked));
    const swipes = visits.flatMap((one) => one.swipes);
    line('  swipe to moving picture, next preloaded', swipes.map((one) => one.presented));
    line('  the page told of that picture', swipes.map((one) => one.told));
  }
} finally {
  await browser.close();
  await takt.close();
}
