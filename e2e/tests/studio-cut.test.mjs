/** A long file of which little is used: only that part of it leaves the device, and what is rendered of it is the same to the frame. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { Api, newHandle } from '../lib/api.mjs';
import { launch, PHONE, visitor } from '../lib/browser.mjs';
import { BITS, CLICK_HZ, CODE_HEIGHT, numbersIn } from '../lib/camera.mjs';
import { frameOf, likeness } from '../lib/likeness.mjs';
import { at, enter, fetched, publish, saved, slide } from '../lib/studio.mjs';
import { moments } from '../lib/sync.mjs';
import { Takt } from '../lib/takt.mjs';
import { until } from '../lib/wait.mjs';

const run = promisify(execFile);
const FROM_MS = 20_500;
const TO_MS = 26_500;

let takt, browser, dir, long;

/** A file whose pictures carry their number, with pictures that are decoded before others, a key frame every other second, and clicks. */
async function counted(name, { seconds, width = 360, height = 640, rate = '30000/1001', kbit = 2500 }) {
  const path = join(dir, name);
  const code = Math.round(height * CODE_HEIGHT);
  await run('ffmpeg', [
    ...['-nostdin', '-v', 'error', '-y', '-f', 'lavfi', '-i', `color=gray:size=${2 * BITS}x2:rate=${rate}:duration=${seconds}`],
    ...['-f', 'lavfi', '-i', `testsrc2=size=${width}x${height - code}:rate=${rate}:duration=${seconds}`],
    ...['-f', 'lavfi', '-i', `aevalsrc='0.7*sin(2*PI*${CLICK_HZ}*t)*lt(mod(t,1),0.04)':d=${seconds}:s=44100`],
    '-filter_complex',
    `[0]format=yuv420p,geq=lum='if(gt(bitand(N,pow(2,floor(X/2))),0),235,16)':cb=128:cr=128,scale=${width}:${code}:flags=neighbor,setsar=1[code];[1]format=yuv420p[rest];[code][rest]vstack[out]`,
    ...['-map', '[out]', '-map', '2:a', '-c:v', 'libx264', '-preset', 'veryfast', '-bf', '3', '-g', '60', '-keyint_min', '60'],
    ...['-b:v', `${kbit}k`, '-minrate', `${kbit}k`, '-maxrate', `${kbit}k`, '-bufsize', `${kbit}k`, '-x264-params', 'nal-hrd=cbr'],
    ...['-c:a', 'aac', '-b:a', '96k', '-metadata', 'location=+52.5200+013.4050/', path],
  ]);
  return path;
}

/** The same pictures as other devices write them, and the largest share of the file that may be sent. */
const KINDS = {
  // Lying on its side, to be turned by whoever plays it, as phones do.
  'turned.mov': { share: 0.6, args: ['-c', 'copy', '-metadata:s:v:0', 'rotate=90'] },
  // Key frames that others are decoded after and shown before: only the first is one to begin with.
  'open.mp4': {
    share: 0.9,
    args: ['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '3', '-x264-params', 'open-gop=1:keyint=45:min-keyint=45:scenecut=0', '-c:a', 'copy'],
  },
  // The server counts from where the sound's decoder starts, 7 ms before the pictures: half-way between two, that is the next.
  'browser.webm': {
    share: 0.6,
    off: 1,
    args: ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8', '-b:v', '1500k', '-g', '90', '-c:a', 'libopus'],
  },
};

before(async () => {
  takt = await Takt.start();
  browser = await launch(['--autoplay-policy=no-user-gesture-required']);
  dir = await mkdtemp(join(tmpdir(), 'takt-cut-'));
  long = await counted('long.mp4', { seconds: 40 });
});

after(async () => {
  await browser?.close();
  await takt?.close();
  if (dir) await rm(dir, { recursive: true, force: true });
});

/** The studio with a file of the device in its editor, and how many bytes were announced to the server. */
async function picked(path, prepare = async () => undefined) {
  const api = await Api.signUp(takt.url, newHandle('cutter'));
  const context = await visitor(browser, { viewport: PHONE });
  await prepare(context);
  const announced = [];
  context.on('request', (request) => {
    const bytes = request.method() === 'POST' && request.headers()['upload-length'];
    if (bytes) announced.push(Number(bytes));
  });
  const page = await enter(context, api, '/create');
  await at(page, 'studio-file').setInputFiles(path);
  await at(page, 'segment').waitFor();
  return { api, context, page, announced };
}

/** Six seconds of it, with a text over them, so that they have to be rendered. */
async function edit(page) {
  await slide(at(page, 'trim-from'), FROM_MS);
  await slide(at(page, 'trim-to'), TO_MS);
  await at(page, 'tool-text').click();
  await at(page, 'add-text').click();
  await at(page, 'text-input').fill('Six seconds');
  await at(page, 'text-input').blur();
}

/** What the server makes of the same list over the whole file. */
async function ofTheWhole(list, path, startMs = FROM_MS, endMs = TO_MS) {
  const api = await Api.signUp(takt.url, newHandle('whole'));
  const source = await api.upload(await readFile(path));
  const segments = list.segments.map((one) => ({ ...one, source, start_ms: startMs, end_ms: endMs }));
  const { draft } = await api.post('/drafts', { edit: { ...list, segments }, title: '' });
  const { video } = await api.post(`/drafts/${draft.id}/publish`, { caption: '' });
  await api.ready(video.id);
  return file(api, video.id);
}

async function file(api, id) {
  const path = join(dir, `${id}.mp4`);
  await writeFile(path, await fetched(api, id));
  return path;
}

const only = (drafts) => drafts.items[0].id;
const WAYS = {
  'with WebCodecs': async () => undefined,
  'without WebCodecs': (context) =>
    context.addInitScript(() => {
      for (const name of ['VideoDecoder', 'VideoEncoder', 'AudioDecoder', 'AudioEncoder']) delete window[name];
    }),
};

for (const [way, prepare] of Object.entries(WAYS)) {
  test(`six seconds of forty are sent, and are the same to the frame (${way})`, async () => {
    const { api, context, page, announced } = await picked(long, prepare);
    await edit(page);
    await at(page, 'to-publish').click();
    await saved(page);
    const whole = (await readFile(long)).length;
    assert.equal(announced.length, 1, 'one file was sent');
    assert.ok(announced[0] < whole * 0.3, `${announced[0]} of ${whole} bytes were sent`);
    const { edit: list } = (await api.get(`/drafts/${only(await api.get('/drafts'))}`)).draft;
    const [segment] = list.segments;
    assert.equal(segment.end_ms - segment.start_ms, TO_MS - FROM_MS);
    assert.ok(segment.start_ms < 3000, 'it begins at the key frame before the cut');
    const source = await api.raw('GET', `/drafts/${only(await api.get('/drafts'))}/sources/${segment.source}`);
    const sent = Buffer.from(await source.arrayBuffer());
    assert.equal(sent.length, announced[0]);
    assert.ok(!sent.includes('+52.52'), 'the place it was recorded at stays on the device');

    // Opened again the list is the one over the whole file: there is more to both sides.
    await page.reload();
    await at(page, 'publish-page').waitFor();
    await at(page, 'publish-page').getByRole('button', { name: 'Back to editing' }).click();
    await at(page, 'tool-clips').click();
    assert.deepEqual([await at(page, 'trim-from').inputValue(), await at(page, 'trim-to').inputValue()].map(Number), [FROM_MS, TO_MS]);
    const path = await file(api, await publish(page));
    assert.equal(announced.length, 1, 'nothing was sent a second time');

    const expected = await ofTheWhole(list, long);
    const numbers = (pictures) => pictures.map(({ number }) => number);
    const [mine, theirs] = [numbers(await numbersIn(path)), numbers(await numbersIn(expected))];
    assert.ok(mine.length > 170, `${mine.length} pictures`);
    assert.deepEqual(mine, theirs);
    // 20.5 s are 614.4 pictures; the numbers have nine bits.
    assert.ok([614, 615].includes(mine[0] + 512), `it begins with ${mine[0]}`);
    const [heard, meant] = [await moments(path, { tone: CLICK_HZ }), await moments(expected, { tone: CLICK_HZ })];
    assert.equal(heard.clicks.length, 6);
    assert.equal(heard.clicks.length, meant.clicks.length);
    heard.clicks.forEach((ms, i) => assert.ok(Math.abs(ms - meant.clicks[i]) <= 1, `a click at ${ms} ms, meant at ${meant.clicks[i]} ms`));
    assert.deepEqual(context.complaints, []);
    await context.close();
  });
}

test('more of the file is sent when more of it is wanted', async () => {
  const { api, context, page, announced } = await picked(long);
  await edit(page);
  await at(page, 'to-publish').click();
  await saved(page);
  await at(page, 'publish-page').getByRole('button', { name: 'Back to editing' }).click();
  await at(page, 'tool-clips').click();
  await slide(at(page, 'trim-to'), TO_MS + 300);
  await at(page, 'to-publish').click();
  await saved(page);
  assert.equal(announced.length, 1, 'a little more was sent with it');
  await at(page, 'publish-page').getByRole('button', { name: 'Back to editing' }).click();
  await slide(at(page, 'trim-from'), FROM_MS - 9000);
  await at(page, 'to-publish').click();
  await until('the larger part', async () => announced.length === 2);
  await saved(page);
  assert.ok(announced[1] > announced[0] * 1.5, `${announced}`);
  const { edit: list } = (await api.get(`/drafts/${only(await api.get('/drafts'))}`)).draft;
  const [segment] = list.segments;
  assert.equal(segment.end_ms - segment.start_ms, TO_MS + 300 - FROM_MS + 9000);
  assert.deepEqual(context.complaints, []);
  await context.close();
});

for (const [name, { share, off = 0, args }] of Object.entries(KINDS)) {
  test(`two seconds of a ${name} are the same ${off ? 'within a' : 'to the'} frame`, async () => {
    const path = join(dir, name);
    await run('ffmpeg', ['-nostdin', '-v', 'error', '-y', '-i', long, '-t', '12', ...args, path]);
    const { api, context, page, announced } = await picked(path);
    await slide(at(page, 'trim-from'), 7000);
    await slide(at(page, 'trim-to'), 9000);
    await at(page, 'tool-text').click();
    await at(page, 'add-text').click();
    await at(page, 'text-input').fill('Two');
    await at(page, 'text-input').blur();
    await at(page, 'to-publish').click();
    await saved(page);
    const whole = (await readFile(path)).length;
    assert.ok(announced.length === 1 && announced[0] < whole * share, `${announced} of ${whole} bytes were sent`);
    const { edit: list } = (await api.get(`/drafts/${only(await api.get('/drafts'))}`)).draft;
    await at(page, 'publish-page').getByRole('button', { name: 'Back to editing' }).click();
    const mine = await file(api, await publish(page));
    const theirs = await ofTheWhole(list, path, 7000, 9000);
    const numbers = async (path) => (await numbersIn(path)).map(({ number }) => number);
    const [seen, meant] = [await numbers(mine), await numbers(theirs)];
    assert.equal(seen.length, meant.length);
    if (off === 0) assert.deepEqual(seen, meant);
    else seen.forEach((number, i) => assert.ok(Math.abs(number - meant[i]) <= off, `picture ${number}, not ${meant[i]}`));
    for (const at of [0.1, 1, 1.9]) {
      const { worst } = likeness(await frameOf(mine, at), await frameOf(theirs, at));
      assert.ok(off > 0 || worst > 0.95, `at ${at} s the pictures are ${worst} alike`);
    }
    assert.deepEqual(context.complaints, []);
    await context.close();
  });
}

test('what cannot be cut is sent whole', async () => {
  const { context, page, announced } = await picked(long, (context) => context.route('**/assets/cut-*.js', (route) => route.abort()));
  await edit(page);
  await at(page, 'to-publish').click();
  await saved(page);
  assert.deepEqual(announced, [(await readFile(long)).length]);
  await context.close();
});

test('a file that is too long for the server is none where little of it is used', async () => {
  const path = await counted('hour.mp4', { seconds: 11 * 60, width: 90, height: 160, rate: '10', kbit: 60 });
  const api = await Api.signUp(takt.url, newHandle('cutter'));
  const context = await visitor(browser, { viewport: PHONE });
  const page = await enter(context, api, '/upload');
  await at(page, 'file').setInputFiles(path);
  await at(page, 'rejection').filter({ hasText: 'This video is 660 s long; Takt takes up to 60 s.' }).waitFor();
  await at(page, 'trim-it').click();
  await at(page, 'segment').waitFor();
  await slide(at(page, 'trim-to'), 6000);
  const id = await publish(page, 'The first six seconds');
  const { video } = await api.get(`/videos/${id}`);
  // A mere trim is copied, though not the pictures that are decoded before their turn. The sound ends with one of its packets.
  assert.ok(Math.abs(video.duration_ms - 6000) <= 25, `${video.duration_ms} ms`);
  const shown = (await numbersIn(await file(api, id))).map(({ number }) => number);
  assert.deepEqual(shown, Array.from({ length: 60 }, (_, i) => i));
  assert.deepEqual(context.complaints, []);
  await context.close();
});
