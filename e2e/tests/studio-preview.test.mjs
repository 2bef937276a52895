/** What the editor shows is what the server renders: both pictures of the same edit list are held against each other. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { Api, newHandle } from '../lib/api.mjs';
import { DESKTOP, visitor } from '../lib/browser.mjs';
import { studioBrowser } from '../lib/camera.mjs';
import { frameOf, likeness, pictureOf } from '../lib/likeness.mjs';
import { at, enter, fetched, slide } from '../lib/studio.mjs';
import { Takt } from '../lib/takt.mjs';
import { until } from '../lib/wait.mjs';

const run = promisify(execFile);
/** Compression and the edges of letters cost a little; a wrong look, crop or text costs far more. */
const SSIM_MIN = 0.9;
const WORST_MIN = 0.8;
const APART_MAX = 5;
/** A still has a tenth of the lines. */
const STILL_APART_MAX = 6;
const AT_MS = 500;
/** Fonts and pictures are there long before. */
const SETTLED_MS_MAX = 10_000;

let takt, studio, dir, creator, upload, other;

before(async () => {
  takt = await Takt.start();
  studio = await studioBrowser();
  dir = await mkdtemp(join(tmpdir(), 'takt-preview-'));
  creator = await Api.signUp(takt.url, newHandle('editor'));
  upload = await creator.upload(await still('testsrc=size=640x360:rate=30'));
  other = await creator.publish(await still('testsrc2=size=360x640:rate=30,hue=h=90'), 'The other');
});

after(async () => {
  await studio?.close();
  await takt?.close();
  if (dir) await rm(dir, { recursive: true, force: true });
});

/** A clip of one picture of a generator: then it does not matter which frame of it is on show. */
async function still(generator) {
  const path = join(dir, 'still.mp4');
  await run('ffmpeg', [
    ...['-nostdin', '-v', 'error', '-y', '-f', 'lavfi', '-i', `${generator},trim=end_frame=1,loop=-1:1:0,setpts=N/30/TB`, '-f', 'lavfi', '-i', 'sine=frequency=300', '-t', '2'],
    ...['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '16', '-profile:v', 'high', '-pix_fmt', 'yuv420p', '-g', '30', '-c:a', 'aac', '-movflags', '+faststart', path],
  ]);
  return readFile(path);
}

const segment = (change = {}) => ({ source: upload, start_ms: 0, end_ms: 1200, ...change });
const words = (text, change = {}) => ({ text, from_ms: 0, to_ms: 1200, x: 0.5, y: 0.5, width: 0.8, size: 0.06, colour: '#ffffff', style: 'outline', align: 'centre', rotation: 0, ...change });

/** What the list of each case has besides version and canvas. */
const CASES = {
  'a warm look, and words in two lines': () => ({
    segments: [segment()],
    look: 'warm',
    texts: [words('Two takes, one beat, and more than fits into a line', { y: 0.25 }), words('turned', { y: 0.75, rotation: 20, colour: '#ffd400', style: 'plain', size: 0.09 })],
  }),
  'a cool look, and emoji among words': () => ({ segments: [segment()], look: 'cool', texts: [words('Hi 🎉🐙 there 👍🏽', { style: 'box', size: 0.07 }), words('🌧️🥁', { y: 0.8, size: 0.12 })] }),
  'words from right to left': () => ({
    segments: [segment({ fit: 'contain' })],
    texts: [
      words('مرحبا بكم في الإيقاع', { y: 0.2, style: 'box', align: 'right' }),
      words('שלום Takt 2026 עולם', { y: 0.45, style: 'outline', align: 'left' }),
      words('One, שתיים, three', { y: 0.75, style: 'plain', colour: '#101010' }),
    ],
  }),
  'a vivid look on a crop that fills': () => ({ segments: [segment({ crop: { x: 0.55, y: 0.1, width: 0.3, height: 0.6 } })], look: 'vivid' }),
  'a faded look on a crop that is shown whole': () => ({ segments: [segment({ fit: 'contain', crop: { x: 0.1, y: 0.2, width: 0.5, height: 0.4 } })], look: 'faded' }),
  'a duet beside each other, in black and white': () => ({ segments: [segment()], look: 'mono', layout: { kind: 'side_by_side', video: other.id, start_ms: 0, place: 'right', volume: 1, fit: 'contain' } }),
  'a duet in the corner': () => ({ segments: [segment({ fit: 'contain' })], layout: { kind: 'picture_in_picture', video: other.id, start_ms: 0, place: 'corner', volume: 1, fit: 'cover' } }),
};

/** Publishes an edit list; answers the id of its video. */
async function published(list) {
  const edit = { version: 1, canvas: { width: 720, height: 1280 }, ...list };
  const { draft } = await creator.post('/drafts', { edit, title: 'A case' });
  return (await creator.post(`/drafts/${draft.id}/publish`, { caption: 'a case' })).video.id;
}

/** The server's picture of a video. */
async function rendered(id) {
  await creator.ready(id);
  const path = join(dir, 'rendered.mp4');
  await writeFile(path, await fetched(creator, id));
  return frameOf(path, AT_MS / 1000);
}

/** Opens the editor on a published video, at the same moment. */
async function edited(page, id) {
  await page.goto(`${takt.url}/create?again=${id}`);
  await at(page, 'preview').waitFor();
  await slide(at(page, 'scrub'), AT_MS);
}

/** Nothing but the picture: no controls, no round corners. */
const BARE = '.stage { border-radius: 0 !important } .stage .time, .stage .handle, .toasts { visibility: hidden !important }';

/** How alike the preview is, once fonts and pictures have come; the best there was where they never are. */
async function compared(page, made) {
  let best;
  await until('the preview being alike', async () => {
    const shown = await pictureOf(await at(page, 'preview').screenshot({ style: BARE }));
    const found = { shown, ...likeness(shown, made) };
    if (!best || found.worst > best.worst) best = found;
    return alike(found);
  }, SETTLED_MS_MAX).catch(() => undefined);
  return best;
}

const alike = ({ ssim, worst, apart }) => ssim >= SSIM_MIN && worst >= WORST_MIN && apart <= APART_MAX;

test('the preview of every feature is what is rendered', async (t) => {
  const context = await visitor(studio.browser, { viewport: DESKTOP, permissions: ['camera', 'microphone'] });
  const page = await enter(context, creator, '/create');
  const wrong = [];
  const pictures = [];
  const ids = [];
  for (const list of Object.values(CASES)) ids.push(await published(list()));
  for (const [i, name] of Object.keys(CASES).entries()) {
    const made = await rendered(ids[i]);
    await edited(page, ids[i]);
    const best = await compared(page, made);
    t.diagnostic(`${name}: similarity ${best.ssim.toFixed(3)}, lowest ${best.worst.toFixed(3)}, colours ${best.apart.toFixed(1)} apart`);
    if (!alike(best)) wrong.push(name);
    pictures.push({ shown: best.shown, made });
  }
  assert.deepEqual(wrong, []);
  // The measure tells pictures apart: each preview is unlike every other case's video.
  for (const [i, { shown }] of pictures.entries()) {
    for (const [j, { made }] of pictures.entries()) {
      if (i !== j) assert.ok(!alike(likeness(shown, made)), `cases ${i} and ${j} pass for one another`);
    }
  }
  assert.deepEqual(context.complaints, []);
  await context.close();
});

test('the small pictures of a segment are of what its frame shows', async (t) => {
  const context = await visitor(studio.browser, { viewport: DESKTOP, permissions: ['camera', 'microphone'] });
  const page = await enter(context, creator, '/create');
  const framed = { crop: { x: 0.55, y: 0.1, width: 0.3, height: 0.6 }, 'a crop shown whole': { x: 0.1, y: 0.2, width: 0.5, height: 0.4 } };
  for (const [name, crop] of Object.entries(framed)) {
    const id = await published({ segments: [segment({ crop, fit: name === 'crop' ? 'cover' : 'contain' })] });
    const made = await rendered(id);
    await edited(page, id);
    const image = () => at(page, 'segment').first().evaluate((element) => /base64,([^"]+)"/.exec(element.style.backgroundImage)?.[1]);
    await until('a still', image);
    const { apart } = likeness(await pictureOf(Buffer.from(await image(), 'base64')), made);
    t.diagnostic(`${name}: colours ${apart.toFixed(1)} apart`);
    assert.ok(apart <= STILL_APART_MAX, `${name}: colours are ${apart.toFixed(1)} apart`);
  }
  await context.close();
});
