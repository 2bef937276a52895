/**
 * The pictures in `docs/images`, taken from a running Takt with its sample videos: `cargo xtask screenshots`.
 *
 * TAKT_URL       address of the server
 * TAKT_IMAGES    folder for the pictures
 * TAKT_ACCOUNTS  JSON file with the sample creators and videos: {accounts: {handle: {password}}, videos: {slug: id}}
 * TAKT_CLIP      a video file to choose on the upload page
 * TAKT_CHROMIUM  the browser
 */
import { execFile } from 'node:child_process';
import { mkdir, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { currentVideo, DESKTOP, launch, moving, open, PHONE, player, swap, visitor } from './lib/browser.mjs';
import { at, saved } from './lib/studio.mjs';
import { until } from './lib/wait.mjs';

const run = promisify(execFile);
const PICTURE_BYTES_MAX = 300_000;
const COLOURS = [256, 128, 64, 32];

const url = needed('TAKT_URL');
const images = needed('TAKT_IMAGES');
const sample = needed('TAKT_CLIP');
const { accounts, videos: samples } = JSON.parse(await readFile(needed('TAKT_ACCOUNTS'), 'utf8'));

function needed(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: start this by cargo xtask screenshots`);
  return value.replace(/\/$/, '');
}

/** The creator with the most videos, and the one of them people like most. */
async function choose() {
  let best = { handle: '', videos: [] };
  for (const handle of Object.keys(accounts)) {
    const { videos } = await fetch(`${url}/api/v1/accounts/${handle}/videos?limit=24`).then((answer) => answer.json());
    if (videos.length > best.videos.length) best = { handle, videos };
  }
  const [video] = best.videos.toSorted((a, b) => b.counts.likes - a.counts.likes);
  return { handle: best.handle, video };
}

/** The cookies of a creator who is signed in once: the settings list every sign-in. */
async function signedIn(browser, handle) {
  const context = await browser.newContext();
  const answer = await context.request.post(`${url}/api/v1/sessions`, { data: { handle, password: accounts[handle].password } });
  if (!answer.ok()) throw new Error(`signing in as ${handle} answered ${answer.status()}`);
  const state = await context.storageState();
  await context.close();
  return state;
}

/** All pictures are there and nothing moves but the video. */
async function still(page) {
  await page.waitForLoadState('networkidle');
  await page.evaluate(() => document.fonts.ready.then(() => true));
  await until('pictures', () => page.evaluate(() => [...document.images].every((image) => image.complete && (image.naturalWidth > 0 || !image.src))));
  await until('an end of all fading', () =>
    page.evaluate(() => document.getAnimations().every((one) => one.playState !== 'running' || one.effect?.getTiming().iterations === Infinity)),
  );
}

/** Some way into the video on the stage: the same picture every time. */
async function playing(page, seconds = 1.5) {
  await moving(page);
  const { duration } = await player(page);
  const at = Math.min(seconds, duration / 2);
  await until('some way into the video', async () => (await player(page)).time >= at);
}

/** Samples that show well beside text; the feed is swiped until one of them comes. */
const SHOWN = ['oil-on-water', 'ember', 'deep-blue', 'petri-pink'].map((slug) => samples[slug]);
const SWIPES_MAX = 24;

async function playingAPicture(page) {
  await moving(page);
  for (let i = 0; i < SWIPES_MAX && !SHOWN.includes(await currentVideo(page)); i += 1) {
    await swap(page, () => page.keyboard.press('ArrowDown'));
  }
  await playing(page);
}

const SCENES = [
  { name: 'feed', path: '/', as: null, ready: playingAPicture },
  { name: 'profile', path: (is) => `/@${is.handle}`, as: 'creator', ready: (page) => page.locator('[data-testid=tile] img').first().waitFor() },
  { name: 'upload', path: '/upload', as: 'creator', ready: chooseFile },
  { name: 'studio', path: '/create', as: 'creator', ready: edit },
  { name: 'sign-in', path: '/sign-in', as: null, ready: (page) => page.locator('[data-testid=handle]').waitFor() },
  { name: 'video', path: (is) => `/v/${is.video.id}`, as: null, ready: playing },
  { name: 'settings', path: '/settings', as: 'creator', ready: (page) => page.locator('[data-testid=sign-out]').waitFor() },
];

/** A clip in the editor with a text over it. */
async function edit(page) {
  await page.locator('[data-testid=recorder] input[type=file]').setInputFiles(sample);
  await at(page, 'editor').waitFor();
  await at(page, 'tool-text').click();
  await at(page, 'add-text').click();
  await at(page, 'text-input').fill('First light');
  await at(page, 'text-input').blur();
  await saved(page);
}

/** An upload half-way described: preview, poster strip, caption. */
async function chooseFile(page) {
  await page.locator('[data-testid=file]').setInputFiles(sample);
  await page.locator('[data-testid=upload-progress][data-phase=uploaded]').waitFor();
  await page.locator('[data-testid=caption-input]').fill('First light, made of three gradients #colour');
  await page.locator('[data-testid=caption-input]').blur();
  await until('the poster strip', () => page.locator('.strip span').evaluateAll((stills) => stills.every((one) => one.style.backgroundImage !== 'none')));
  await page.locator('form video').evaluate(async (element) => {
    element.pause();
    element.removeAttribute('controls');
    element.currentTime = 1;
    await new Promise((resolve) => element.addEventListener('seeked', resolve, { once: true }));
  });
}

/** A smaller palette where the picture is too large; screens with video have many colours. */
async function shrink(path) {
  for (const colours of COLOURS) {
    const reduced = `${path}.reduced.png`;
    await run('ffmpeg', [
      ...['-nostdin', '-v', 'error', '-y', '-i', path],
      ...['-vf', `split[a][b];[a]palettegen=max_colors=${colours}:stats_mode=full[p];[b][p]paletteuse=dither=bayer:bayer_scale=4`],
      ...['-compression_level', '100', '-pred', 'mixed', reduced],
    ]);
    const { size } = await stat(reduced);
    if (size > PICTURE_BYTES_MAX && colours !== COLOURS.at(-1)) continue;
    await rename(reduced, path);
    return size;
  }
  return 0;
}

const browser = await launch(['--force-color-profile=srgb', '--hide-scrollbars', '--autoplay-policy=no-user-gesture-required']);
try {
  await mkdir(images, { recursive: true });
  const is = await choose();
  const cookies = await signedIn(browser, is.handle);
  for (const [size, viewport] of Object.entries({ phone: PHONE, desktop: DESKTOP })) {
    for (const colorScheme of ['light', 'dark']) {
      for (const scene of SCENES) {
        const phone = size === 'phone';
        const context = await visitor(browser, {
          ...{ viewport, colorScheme, hasTouch: phone, isMobile: phone, deviceScaleFactor: phone ? 1.5 : 1 },
          ...(scene.as ? { storageState: cookies } : {}),
        });
        const page = await open(context, url + (typeof scene.path === 'string' ? scene.path : scene.path(is)));
        await scene.ready(page);
        await still(page);
        const path = join(images, `${scene.name}-${size}-${colorScheme}.png`);
        await page.screenshot({ path, animations: 'allow' });
        console.log(`${path} ${Math.round((await shrink(path)) / 1000)} kB`);
        if (scene.name === 'upload') await page.getByRole('button', { name: 'Discard' }).click();
        await context.close();
      }
    }
  }
} finally {
  await browser.close();
}
