/** Chromium on the real web app: pages that remember every complaint, and questions about moving pictures. */
import { chromium } from 'playwright-core';
import { until, WAIT_MS_MAX } from './wait.mjs';

const EXECUTABLE = process.env.TAKT_CHROMIUM ?? '/usr/bin/chromium';

export const PHONE = { width: 390, height: 844 };
export const SMALL_PHONE = { width: 360, height: 640 };
export const DESKTOP = { width: 1440, height: 900 };

/** One browser for a test file. */
export function launch(args = []) {
  return chromium.launch({ executablePath: EXECUTABLE, args });
}

/**
 * A fresh visitor: own cookies, own storage. `complaints` of the context gathers what the console, uncaught
 * errors and the content security policy say about any of its pages.
 *
 * @param {import('playwright-core').Browser} browser
 * @param {import('playwright-core').BrowserContextOptions} [options]
 */
export async function visitor(browser, options = {}) {
  const context = await browser.newContext({ viewport: PHONE, locale: 'en-GB', ...options });
  context.setDefaultTimeout(WAIT_MS_MAX);
  /** @type {string[]} */
  const complaints = [];
  context.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`console: ${message.text()} (${message.location().url})`);
  });
  context.on('weberror', (error) => complaints.push(`uncaught: ${error.error().stack ?? error.error()}`));
  await context.exposeBinding('taktPolicyBroken', (_, what) => complaints.push(`policy: ${what}`));
  await context.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => window.taktPolicyBroken(`${event.violatedDirective} ${event.blockedURI}`));
  });
  return Object.assign(context, { complaints });
}

/** Opens a page of the app and waits until it is drawn. */
export async function open(context, address) {
  const page = await context.newPage();
  await page.goto(address);
  await page.locator('[data-testid=navigation]').waitFor();
  return page;
}

const PLAYER = 'video[data-testid=player]';
const FRAMES = 4;

/** The id of the video on the stage; empty where there is none. */
export function currentVideo(page) {
  return page.locator('[data-testid=stage]').getAttribute('data-video-id').then((id) => id ?? '');
}

/**
 * Waits until the video on the stage shows new pictures: frames are presented one after the other, each with a later
 * media time, and the decoder has made them. Gives back the id of that video.
 */
export async function moving(page) {
  const id = await currentVideo(page);
  const seen = page.evaluate(
    ({ selector, frames }) =>
      new Promise((resolve) => {
        const element = document.querySelector(selector);
        const times = [];
        const step = (_, { mediaTime }) => {
          times.push(mediaTime);
          // A loop starts over; what counts are distinct pictures.
          if (new Set(times).size >= frames) resolve({ times, decoded: element.webkitDecodedFrameCount, paused: element.paused });
          else element.requestVideoFrameCallback(step);
        };
        element.requestVideoFrameCallback(step);
      }),
    { selector: PLAYER, frames: FRAMES },
  );
  const facts = await within(seen, `frames of video ${id}`);
  if (facts.paused || facts.decoded < FRAMES) throw new Error(`video ${id} does not move: ${JSON.stringify(facts)}`);
  return id;
}

/** What the player element says about itself. */
export function player(page) {
  return page.locator(PLAYER).evaluate((element) => ({
    paused: element.paused,
    muted: element.muted,
    time: element.currentTime,
    duration: element.duration,
    painted: element.classList.contains('painted'),
  }));
}

/** Does something that moves the feed, and waits for the other video to move. Gives back its id. */
export async function swap(page, act) {
  const before = await currentVideo(page);
  await act();
  await until('another video on the stage', async () => (await currentVideo(page)) !== before);
  return moving(page);
}

/** A finger's swipe over the stage, by touch events as a phone sends them. */
export async function swipe(page, { from, to }) {
  const client = await page.context().newCDPSession(page);
  const steps = 6;
  const point = (i) => [{ x: from.x + ((to.x - from.x) * i) / steps, y: from.y + ((to.y - from.y) * i) / steps }];
  await client.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: point(0) });
  for (let i = 1; i <= steps; i += 1) await client.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: point(i) });
  await client.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
  await client.detach();
}

/** @template T @param {Promise<T>} promise @param {string} what @returns {Promise<T>} */
async function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`never came: ${what}`)), WAIT_MS_MAX);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Whether the slide behind the last video is on the stage. */
export async function atEnd(page) {
  return (await currentVideo(page)) === '' && page.locator('[data-testid=end]').isVisible();
}

/** Signs in through the real page; gives back the page, on the feed and with the feed's first answer. */
export async function signIn(context, url, handle, password) {
  const page = await open(context, `${url}/sign-in`);
  await page.locator('[data-testid=handle]').fill(handle);
  await page.locator('[data-testid=password]').fill(password);
  await page.locator('[data-testid=submit]').click();
  await until('being signed in', async () => new URL(page.url()).pathname !== '/sign-in');
  await page.locator('[data-testid=stage]').waitFor();
  await until('the feed', async () => (await currentVideo(page)) !== '' || atEnd(page));
  return page;
}
