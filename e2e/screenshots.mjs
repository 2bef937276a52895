/**
 * The pictures of `docs/images/`, from a running Takt with the demo's sample videos.
 * `cargo xtask screenshots` starts that and sets the variables below.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { currentVideo, launch, moving, open, swap, visitor } from './lib/browser.mjs';

const URL = need('TAKT_URL');
const IMAGES = need('TAKT_IMAGES');
const DEMO = JSON.parse(readFileSync(need('TAKT_ACCOUNTS'), 'utf8'));
const CLIP = need('TAKT_CLIP');

const HANDLE = 'mira';
/** Videos that show the feed well, by the sample's slug. */
const SHOWN = ['oil-on-water', 'ember', 'deep-blue'];
const SWIPES_MAX = 24;
/** GitHub shows pictures beside text; larger ones only slow the page down. */
const BYTES_MAX = 300_000;
const COLOURS = [256, 128, 64, 32];

const DEVICES = {
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 1.5, isMobile: true, hasTouch: true },
  desktop: { viewport: { width: 1280, height: 800 }, deviceScaleFactor: 1 },
};

const PAGES = {
  feed: async (page) => {
    await visitPath(page, '/');
    await moving(page);
    const wanted = new Set(SHOWN.map((slug) => DEMO.videos[slug]));
    for (let i = 0; i < SWIPES_MAX && !wanted.has(await currentVideo(page)); i += 1) {
      await swap(page, () => page.keyboard.press('ArrowDown'));
    }
    await settle(page, 1500);
  },
  profile: async (page) => {
    await visitPath(page, `/@${HANDLE}`);
    await page.locator('[data-testid=tile]').first().waitFor();
    await settle(page);
  },
  upload: async (page) => {
    await signIn(page);
    await visitPath(page, '/upload');
    await page.locator('[data-testid=file]').setInputFiles(CLIP);
    await page.locator('[data-testid=caption-input]').fill('First light, made of three gradients #colour');
    await settle(page, 1500);
  },
  settings: async (page) => {
    await signIn(page);
    await visitPath(page, '/settings');
    await page.locator('[data-testid=settings]').waitFor();
    await settle(page);
  },
};

const browser = await launch(['--autoplay-policy=no-user-gesture-required', '--hide-scrollbars']);
try {
  for (const [device, options] of Object.entries(DEVICES)) {
    for (const colorScheme of ['light', 'dark']) {
      for (const [name, visit] of Object.entries(PAGES)) {
        const context = await visitor(browser, { ...options, colorScheme });
        const page = await open(context, `${URL}/`);
        await visit(page);
        const file = join(IMAGES, `${name}-${device}-${colorScheme}.png`);
        await page.screenshot({ path: file });
        await context.close();
        shrink(file);
        console.log(`${file} ${statSync(file).size}`);
      }
    }
  }
} finally {
  await browser.close();
}

async function visitPath(page, path) {
  if (new globalThis.URL(page.url()).pathname !== path) await page.goto(`${URL}${path}`);
  await page.locator('[data-testid=navigation]').waitFor();
}

async function signIn(page) {
  await page.goto(`${URL}/sign-in`);
  await page.locator('input[name=handle]').fill(HANDLE);
  await page.locator('input[name=password]').fill(DEMO.accounts[HANDLE].password);
  await page.locator('[data-testid=submit]').click();
  await page.waitForURL((url) => url.pathname !== '/sign-in');
}

/** Lets pictures load and transitions end. A picture is no test: a fixed pause is enough here. */
async function settle(page, milliseconds = 600) {
  await page.waitForLoadState('networkidle').catch(() => undefined);
  await page.waitForTimeout(milliseconds);
}

/** A palette of as many colours as fit the limit; FFmpeg is there anyway. */
function shrink(file) {
  for (const colours of COLOURS) {
    const smaller = `${file}.small.png`;
    const filter = `split[a][b];[a]palettegen=max_colors=${colours}[p];[b][p]paletteuse=dither=sierra2_4a`;
    execFileSync('ffmpeg', ['-v', 'error', '-y', '-i', file, '-vf', filter, smaller]);
    if (statSync(smaller).size <= BYTES_MAX || colours === COLOURS.at(-1)) {
      renameSync(smaller, file);
      return;
    }
  }
}

function need(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run \`cargo xtask screenshots\``);
  return value;
}
