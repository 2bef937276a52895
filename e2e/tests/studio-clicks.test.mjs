/**
 * Whether clicks stay with flashes all the way: recorded through the browser over a sound of the library, cut, slowed
 * down, sped up, published, rendered. What was apart in front of the camera has to be apart by as much in the video,
 * and nothing may drift. Every picture carries a number, and the page notes when it saw which.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { Api, newHandle } from '../lib/api.mjs';
import { visitor } from '../lib/browser.mjs';
import { CAMERA, CLICK_HZ, numbersIn, studioBrowser } from '../lib/camera.mjs';
import { heardBy, kept, median, watched } from '../lib/live.mjs';
import { at, choose, enter, fetched, phase, publish, record, saved, slide } from '../lib/studio.mjs';
import { moments, nearest, slopePerMinute } from '../lib/sync.mjs';
import { Takt } from '../lib/takt.mjs';
import { until } from '../lib/wait.mjs';

const run = promisify(execFile);
/** What an ear and an eye do not notice. */
const APART_MS_MAX = 20;
const DRIFT_MS_MAX = 10;
const FRAME_MS = 1000 / CAMERA.fps;
/** The library's clicks, which the microphone does not hear. */
const SOUND_HZ = 1500;
/** Clicks of the sound: one each second, the first one here. */
const CLICK_FIRST_MS = 250;
/** A flash or click so near to a cut may be cut itself. */
const EDGE_MS = 150;

let takt, studio, dir, owner, sound;

before(async () => {
  takt = await Takt.start();
  studio = await studioBrowser({ dark: true });
  dir = await mkdtemp(join(tmpdir(), 'takt-clicks-'));
  owner = await Api.signUp(takt.url, newHandle('owner'));
  const path = join(dir, 'clicks.wav');
  const from = CLICK_FIRST_MS / 1000;
  const click = `0.7*sin(2*PI*${SOUND_HZ}*t)*between(mod(t,1),${from},${from + 0.04})`;
  await run('ffmpeg', ['-nostdin', '-v', 'error', '-y', '-f', 'lavfi', '-i', `aevalsrc='${click}':d=60:s=48000`, path]);
  const upload_id = await owner.upload(await readFile(path), 'clicks.wav');
  const made = await owner.post('/sounds', { upload_id, title: 'Clicks' });
  sound = await until('the sound being ready', async () => {
    const { sound } = await owner.get(`/sounds/${made.sound.id}`);
    return sound.status === 'ready' && sound.audio_url && sound;
  });
});

after(async () => {
  await studio?.close();
  await takt?.close();
  if (dir) await rm(dir, { recursive: true, force: true });
});

/** A creator with a camera, on a page of the studio that is watched. */
async function creator(path) {
  const api = await Api.signUp(takt.url, newHandle('singer'));
  const context = await visitor(studio.browser, { permissions: ['camera', 'microphone'] });
  await watched(context);
  const page = await enter(context, api, path);
  await phase(page, 'ready').waitFor();
  return { api, context, page };
}

/** The microphone open, although a sound plays. */
const listen = (page) =>
  until('the microphone', async () => (await at(page, 'mic').getAttribute('aria-pressed')) === 'true' || (await at(page, 'mic').click()));

/** What the device keeps of each take, and when its own clicks come after its flashes. */
async function recorded(page) {
  await at(page, 'editor').waitFor({ timeout: 90_000 });
  await saved(page);
  const takes = [];
  for (const take of await kept(page)) {
    const path = join(dir, 'take.webm');
    await writeFile(path, Buffer.from(take.bytes, 'base64'));
    takes.push({ ...take, numbers: await numbersIn(path), own: lateIn(await moments(path, { tone: CLICK_HZ }), [0, take.durationMs]) });
  }
  return takes;
}

/**
 * How far the clicks of a segment are from their flashes, beyond what they were apart in the take: fake devices begin
 * one after the other, and stumble on a busy machine.
 */
function apartFromTake(found, span, segment, take) {
  return lateIn(found, span).map(({ at, late }) => {
    const inTake = segment.start_ms + (at - span[0]) * segment.speed;
    const before = take.own.reduce((best, one) => (Math.abs(one.at - inTake) < Math.abs(best.at - inTake) ? one : best));
    const apart = late - before.late / segment.speed;
    // Where its own flash was cut away, the next one is a whole second of the take from it.
    const second = 1000 / segment.speed;
    return { x: at, y: apart - Math.round(apart / second) * second };
  });
}

async function published(page, api) {
  const path = join(dir, 'published.mp4');
  await writeFile(path, await fetched(api, await publish(page)));
  return path;
}

/** How much later than its flash each click of a span is heard; what is near its ends is left out. */
function lateIn({ flashes, clicks }, [from, to]) {
  const inside = (ms) => ms > from + EDGE_MS && ms < to - EDGE_MS;
  return clicks.filter(inside).flatMap((click) => {
    const flash = nearest(flashes.filter(inside), click);
    return Math.abs(click - flash) <= 510 ? [{ at: click, late: click - flash }] : [];
  });
}

/**
 * For each click of the library in a span: how far picture and sound are from where they were in front of the camera.
 * Without those that a stumbling sound card played late.
 */
async function apartFromLife(path, page, { flashes, clicks }, span, soundAtMs) {
  const [heard] = await heardBy(page);
  const frames = await page.evaluate(() => window.taktFrames);
  const shown = await numbersIn(path);
  return lateIn({ flashes, clicks }, span).flatMap(({ at, late }) => {
    const flash = at - late;
    const { number } = shown.findLast((one) => one.ms <= flash + 1) ?? shown[0];
    const inSound = CLICK_FIRST_MS + Math.round((soundAtMs(at) - CLICK_FIRST_MS) / 1000) * 1000;
    const live = heard.liveOf(inSound);
    const seen = frames.filter((one) => one.number === number && Math.abs(one.at - (live.at - late)) < 1000);
    return seen.length > 0 && live.steady ? [{ x: at, y: live.at - seen[0].at - late }] : [];
  });
}

const words = (values) => values.map((one) => one.toFixed(1)).join(' ');

test('clicks stay with flashes through two takes, cuts, half and double speed', async (t) => {
  const { api, context, page } = await creator(`/create?sound=${sound.id}`);
  await listen(page);
  await record(page, 4);
  await record(page, 5);
  await at(page, 'to-edit').click();
  const takes = await recorded(page);

  // When the sound was heard in each take: as the app measured it, and by the pictures, whose moments the page noted.
  const heard = await heardBy(page);
  const frames = await page.evaluate(() => window.taktFrames);
  for (const [i, take] of takes.entries()) {
    const near = frames.filter((frame) => frame.at > heard[i].at - 1000 && frame.at < heard[i].at + take.durationMs + 1000);
    const zeros = take.numbers.flatMap(({ ms, number }) => near.filter((one) => one.number === number).slice(0, 1).map((frame) => frame.at - ms));
    assert.ok(zeros.length > 20, `${zeros.length} pictures recognised`);
    const lead = heard[i].at - median(zeros);
    t.diagnostic(`take ${i + 1}: the sound was heard at ${take.leadMs.toFixed(1)} ms, by the pictures at ${lead.toFixed(1)} ms`);
    assert.ok(Math.abs(lead - take.leadMs) <= APART_MS_MAX, `the app measured ${take.leadMs}, the pictures say ${lead}`);
  }

  await slide(at(page, 'scrub'), 6000);
  await at(page, 'split').click();
  await at(page, 'segment').nth(1).click();
  await choose(page, 'speed-0.5');
  await at(page, 'segment').nth(2).click();
  await choose(page, 'speed-2');
  await at(page, 'segment').nth(0).click();
  const start = Number(await at(page, 'trim-from').inputValue());
  await slide(at(page, 'trim-from'), start + 450);
  await saved(page);
  const { items } = await api.get('/drafts');
  const { edit } = (await api.get(`/drafts/${items[0].id}`)).draft;
  assert.deepEqual(edit.segments.map((one) => one.speed), [1, 0.5, 2]);
  const path = await published(page, api);

  const own = await moments(path, { tone: CLICK_HZ });
  let from = 0;
  const found = edit.segments.map((segment, i) => {
    const span = [from, from + (segment.end_ms - segment.start_ms) / segment.speed];
    from = span[1];
    const apart = apartFromTake(own, span, segment, takes[Math.min(i, 1)]).map(({ y }) => y);
    t.diagnostic(`speed ${segment.speed}: own clicks ${words(apart)} ms from their flashes`);
    return { span, apart };
  });
  for (const [i, wanted] of [2, 1, 2].entries()) assert.ok(found[i].apart.length >= wanted, `segment ${i}: ${found[i].apart.length} clicks`);
  for (const { apart } of found) for (const one of apart) assert.ok(Math.abs(one) <= APART_MS_MAX, `a click is ${one} ms from its flash`);

  // The library's clicks go on as they were, whatever is done to the picture, and are where they were heard.
  const library = await moments(path, { tone: SOUND_HZ });
  assert.ok(library.clicks.length >= 7, `${library.clicks.length} clicks of the sound`);
  library.clicks.forEach((click, i) => assert.ok(Math.abs(click - library.clicks[0] - i * 1000) < 5, `click ${i} at ${click}`));
  const soundAt = (ms) => edit.sound.start_ms + ms - edit.sound.lead_ms;
  const apart = (await apartFromLife(path, page, library, found[0].span, soundAt)).map(({ y }) => y);
  t.diagnostic(`library's clicks against life: ${words(apart)} ms`);
  assert.ok(apart.length >= 2);
  for (const one of apart) assert.ok(Math.abs(one) <= APART_MS_MAX, `a click of the sound is ${one} ms from what was seen with it`);
  assert.deepEqual(context.complaints, []);
  await context.close();
});

test('a minute does not drift', async (t) => {
  const { api, context, page } = await creator(`/create?sound=${sound.id}`);
  await choose(page, 'mode-60000');
  await listen(page);
  await phase(page, 'ready').waitFor();
  await at(page, 'record').click();
  const [take] = await recorded(page);
  const path = await published(page, api);
  const whole = [0, take.segment.end_ms - take.segment.start_ms];
  const own = apartFromTake(await moments(path, { tone: CLICK_HZ }), whole, take.segment, take);
  const library = await apartFromLife(path, page, await moments(path, { tone: SOUND_HZ }), whole, (ms) => ms);
  for (const [name, points] of [['microphone', own], ['library', library]]) {
    const drift = slopePerMinute(points);
    t.diagnostic(`${name}: ${points.length} clicks, drift ${drift.toFixed(1)} ms over 60 s, ${words(points.map(({ y }) => y))}`);
    assert.ok(points.length >= 40, `${points.length} clicks`);
    assert.ok(Math.abs(drift) <= DRIFT_MS_MAX, `${name} drifts by ${drift} ms over 60 s`);
    for (const { y } of points) assert.ok(Math.abs(y) <= APART_MS_MAX, `${name}: a click is ${y} ms from what was seen with it`);
  }
  await context.close();
});

test('the two clips of a duet are where they were when it was recorded', async (t) => {
  const other = join(dir, 'other.mp4');
  await run('ffmpeg', [
    ...['-nostdin', '-v', 'error', '-y', '-f', 'lavfi', '-i', `color=c=black:s=360x640:r=${CAMERA.fps}:d=8,drawbox=c=white:t=fill:enable='between(mod(t\\,1)\\,0.499\\,0.599)'`],
    ...['-f', 'lavfi', '-i', `aevalsrc='0.7*sin(2*PI*700*t)*between(mod(t,1),0.5,0.54)':d=8:s=48000`],
    ...['-c:v', 'libx264', '-preset', 'veryfast', '-profile:v', 'high', '-pix_fmt', 'yuv420p', '-g', '30', '-c:a', 'aac', '-movflags', '+faststart', other],
  ]);
  const original = await owner.publish(await readFile(other), 'Flashes');
  const { api, context, page } = await creator(`/create?duet=${original.id}`);
  await until('the other clip', () => at(page, 'other-clip').evaluate((video) => video.readyState >= 3));
  await record(page, 6);
  await at(page, 'to-edit').click();
  const path = await published(page, api);
  const { halves } = await moments(path, { halves: 'side-by-side' });
  const [own, theirs] = halves;
  const clip = await page.evaluate(() => window.taktClip);
  const frames = await page.evaluate(() => window.taktFrames);
  // Media time zero of the other clip, on the page's clock; the result begins with it.
  const zero = median(clip.map((one) => one.at - one.mediaMs));
  // A flash is three pictures long; the page may have missed its first one.
  const lit = frames.filter((one) => one.number % CAMERA.fps < 3).map((one) => one.at - (one.number % CAMERA.fps) * FRAME_MS - zero);
  // In media time, at which theirs flashes half a second after each whole one.
  const apart = own.filter((ms) => ms > EDGE_MS).map((ms) => {
    const their = nearest(theirs, ms);
    return ms - their - (nearest(lit, ms) - (500 + Math.round((their - 500) / 1000) * 1000));
  });
  t.diagnostic(`own flashes against theirs, from how they were seen: ${words(apart)} ms`);
  assert.ok(apart.length >= 4 && theirs.length >= 4, `${apart.length} own flashes, ${theirs.length} of theirs`);
  for (const one of apart) assert.ok(Math.abs(one) <= FRAME_MS, `the clips are ${one} ms apart`);
  assert.deepEqual(context.complaints, []);
  await context.close();
});
