/** Other ways to a video: an answer to another one, two voices to one sound, words spoken over it, and one for later. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { Api, newHandle } from '../lib/api.mjs';
import { findings, still } from '../lib/axe.mjs';
import { moving, PHONE, visitor } from '../lib/browser.mjs';
import { CLICK_HZ, numbersIn, studioBrowser } from '../lib/camera.mjs';
import { clip } from '../lib/clips.mjs';
import { frameOf, likeness } from '../lib/likeness.mjs';
import { at, enter, fetched, publish, record, saved, slide } from '../lib/studio.mjs';
import { moments, nearest } from '../lib/sync.mjs';
import { Takt } from '../lib/takt.mjs';
import { until } from '../lib/wait.mjs';

const ORIGINAL_S = 8;
const FRAME_MS = 1000 / 30;
/** A song: when it clicks, at uneven times so that no other place of it fits. */
const BEATS_S = [0.5, 1.3, 2.6, 3.2, 4.7, 5.4, 6.9];
const BEAT_HZ = 700;
const run = promisify(execFile);

let takt, studio, dir, owner, original, originalPath;

before(async () => {
  takt = await Takt.start();
  studio = await studioBrowser();
  dir = await mkdtemp(join(tmpdir(), 'takt-ways-'));
  owner = await Api.signUp(takt.url, newHandle('owner'));
  const bytes = await clip({ seconds: ORIGINAL_S, size: '360x640', tone: 440 });
  originalPath = join(dir, 'original.mp4');
  await writeFile(originalPath, bytes);
  original = await owner.publish(bytes, 'The original');
});

after(async () => {
  await studio?.close();
  await takt?.close();
  if (dir) await rm(dir, { recursive: true, force: true });
});

async function creator(path) {
  const api = await Api.signUp(takt.url, newHandle('answer'));
  const context = await visitor(studio.browser, { viewport: PHONE, permissions: ['camera', 'microphone'] });
  return { api, context, page: await enter(context, api, path) };
}

async function file(api, id) {
  const path = join(dir, `${id}.mp4`);
  await writeFile(path, await fetched(api, id));
  return path;
}

test('a stitch begins with five seconds of another video and goes on with the camera', async () => {
  const { api, context, page } = await creator(`/v/${original.id}`);
  await moving(page);
  await page.locator('[data-testid=options]:visible').click();
  await at(page, 'stitch').click();
  await at(page, 'recorder').waitFor();
  await record(page, 2);
  await at(page, 'to-edit').click();
  await at(page, 'segment').nth(1).waitFor();
  const id = await publish(page, 'And then');
  const { video } = await api.get(`/videos/${id}`);
  assert.equal(video.lineage.kind, 'stitch');
  assert.ok(Math.abs(video.duration_ms - 7000) < 700, `${video.duration_ms} ms`);
  const path = await file(api, id);
  const { worst } = likeness(await frameOf(path, 2), await frameOf(originalPath, 2));
  assert.ok(worst > 0.85, `it does not begin as the original: ${worst}`);
  // The camera's pictures carry numbers that count up; the original's do not.
  const own = (await numbersIn(path)).filter(({ ms }) => ms > 5200);
  const steps = own.slice(1).filter((one, i) => [0, 1, 2].includes(one.number - own[i].number)).length;
  assert.ok(own.length > 30 && steps >= own.length - 5, `${steps} of ${own.length} pictures go on from the one before`);
  await at(page, 'watch').click();
  await moving(page);
  assert.match(await at(page, 'lineage').first().textContent(), new RegExp(`@${owner.handle}`));
  assert.deepEqual(context.complaints, []);
  await context.close();
});

test('a sound is sung together with the one it is from', async () => {
  const sound = await until('the sound', async () => (await owner.get(`/videos/${original.id}`)).video.sound);
  await until('the sound being there', async () => (await owner.get(`/sounds/${sound.id}`)).sound.audio_url);
  const { api, context, page } = await creator(`/sounds/${sound.id}`);
  await at(page, 'sing-with').click();
  // The stitch above has most of this sound, and may be one of its videos by now.
  const choice = at(page, 'sing-one').filter({ hasText: owner.handle });
  await choice.or(at(page, 'other-clip')).waitFor();
  if (await choice.count()) await choice.click();
  await at(page, 'other-clip').waitFor();
  await record(page, 2);
  await at(page, 'to-edit').click();
  await saved(page);
  const { items } = await api.get('/drafts');
  const { edit } = (await api.get(`/drafts/${items[0].id}`)).draft;
  assert.deepEqual([edit.layout.video, edit.layout.volume, edit.sound.sound, edit.sound.start_ms], [original.id, 0, sound.id, 0]);
  const id = await publish(page);
  const { video } = await api.get(`/videos/${id}`);
  assert.equal(video.sound.id, sound.id, 'it is one of the videos of the sound');
  assert.equal(video.lineage.kind, 'duet');
  assert.deepEqual(context.complaints, []);
  await context.close();
});

/** A clip of somebody who moves to the song, begun `from` seconds into it; with the song or in silence. */
async function dancing(from, name, withSong) {
  const path = join(dir, `${name}.mp4`);
  const beats = BEATS_S.map((beat) => beat - from).filter((beat) => beat > 0);
  const during = (s) => beats.map((beat) => `between(t\\,${(beat - 0.001).toFixed(3)}\\,${(beat + s).toFixed(3)})`).join('+');
  const seconds = ORIGINAL_S - from;
  const sound = withSong ? `aevalsrc='0.7*sin(2*PI*${BEAT_HZ}*t)*(${during(0.04)})':d=${seconds}:s=48000` : `anullsrc=d=${seconds}:r=48000`;
  await run('ffmpeg', [
    ...['-nostdin', '-v', 'error', '-y', '-f', 'lavfi', '-i', `color=c=black:s=360x640:r=30:d=${seconds},drawbox=c=white:t=fill:enable='${during(0.099)}'`],
    ...['-f', 'lavfi', '-i', sound, '-c:v', 'libx264', '-preset', 'veryfast', '-profile:v', 'high', '-pix_fmt', 'yuv420p', '-g', '30', '-c:a', 'aac', '-movflags', '+faststart', path],
  ]);
  return readFile(path);
}

/** Whether each flash is where the song clicks. */
function together(flashes, clicks, least) {
  const apart = flashes.map((ms) => ms - nearest(clicks, ms));
  assert.ok(flashes.length >= least, `${flashes.length} flashes`);
  for (const one of apart) assert.ok(Math.abs(one) <= FRAME_MS, `a clip is ${one} ms from the sound: ${apart.map(Math.round)}`);
}

test('from any sound one sings with whoever has it and permits duets, at the same place of it', async () => {
  const song = await owner.publish(await dancing(0, 'song', true), 'The song');
  const sound = await until('the sound', async () => (await owner.get(`/videos/${song.id}`)).video.sound);
  await until('the sound being there', async () => (await owner.get(`/sounds/${sound.id}`)).sound.audio_url);
  const dancer = await Api.signUp(takt.url, newHandle('dancer'));
  const make = async (api, edit, more = {}) => {
    const { draft } = await api.post('/drafts', { edit: { version: 1, canvas: { width: 360, height: 640 }, ...edit }, title: '' });
    return api.ready((await api.post(`/drafts/${draft.id}/publish`, { caption: 'Mine', ...more })).video.id);
  };
  const taken = async (api, from, name, lengthMs) => [{ source: await api.upload(await dancing(from, name, false)), start_ms: 0, end_ms: lengthMs }];
  const segments = await taken(dancer, 1, 'dance', 7000);
  const video = await make(dancer, { segments, sound: { sound: sound.id, start_ms: 1000 } });
  // Nobody sings with this one.
  await make(dancer, { segments, sound: { sound: sound.id, start_ms: 1000 }, look: 'mono' }, { reuse_consent: 'nobody' });
  assert.equal((await owner.get(`/videos/${video.id}`)).video.sound.start_ms, 1000);

  const { api, context, page } = await creator(`/sounds/${sound.id}`);
  await at(page, 'sing-with').click();
  await at(page, 'sing-one').first().waitFor();
  assert.equal(await at(page, 'sing-one').count(), 2);
  await still(page);
  assert.deepEqual(await findings(page), []);
  await at(page, 'sing-one').filter({ hasText: dancer.handle }).click();
  await until('the other clip', () => at(page, 'other-clip').evaluate((clip) => clip.readyState >= 3));
  await record(page, 4);
  await at(page, 'to-edit').click();
  await saved(page);
  const { items } = await api.get('/drafts');
  const { edit } = (await api.get(`/drafts/${items[0].id}`)).draft;
  assert.deepEqual([edit.layout.video, edit.layout.start_ms, edit.layout.volume, edit.sound.sound, edit.sound.start_ms], [video.id, 0, 0, sound.id, 1000]);
  const path = await file(api, await publish(page));
  const found = await moments(path, { halves: 'side-by-side', tone: BEAT_HZ });
  together(found.halves[1], found.clicks, 3);
  assert.deepEqual(context.complaints, []);
  await context.close();

  // Both begin later in the sound, one of them already had: aligned by the sound.
  const layout = { kind: 'side_by_side', video: video.id, start_ms: 2000 - 1000, volume: 0, place: 'right' };
  const later = await make(api, { segments: await taken(api, 2, 'later', 6000), layout, sound: { sound: sound.id, start_ms: 2000 } });
  const both = await moments(await file(api, later.id), { halves: 'side-by-side', tone: BEAT_HZ });
  together(both.halves[0], both.clicks, 4);
  together(both.halves[1], both.clicks, 4);
});

test('what is spoken over a video is heard where it was spoken', async () => {
  const { api, context, page } = await creator('/create');
  await record(page, 4);
  await at(page, 'to-edit').click();
  await at(page, 'tool-sound').click();
  await slide(at(page, 'own-volume'), 0);
  await slide(at(page, 'scrub'), 1500);
  await at(page, 'voice-over').click();
  await until('the voice being recorded', async () => (await page.locator('[data-testid=voice-over].recording').count()) === 1);
  await until('two seconds of it', async () => Number(await at(page, 'preview').getAttribute('data-position')) > 3500);
  await at(page, 'voice-over').click();
  await at(page, 'voice').waitFor();
  await saved(page);
  const { items } = await api.get('/drafts');
  const { edit } = (await api.get(`/drafts/${items[0].id}`)).draft;
  const [voice] = edit.voice_over;
  assert.ok(Math.abs(voice.at_ms - 1500) < 40 && voice.end_ms - voice.start_ms > 1500, JSON.stringify(voice));
  // Nothing but the voice is heard: the microphone's clicks, one each second.
  const { clicks } = await moments(await file(api, await publish(page)), { tone: CLICK_HZ });
  const end = voice.at_ms + voice.end_ms - voice.start_ms;
  assert.ok(clicks.length >= 1, 'the voice is not heard');
  for (const click of clicks) assert.ok(click > voice.at_ms - 50 && click < end + 50, `a click at ${click} ms, the voice is from ${voice.at_ms} to ${end}`);
  assert.deepEqual(context.complaints, []);
  await context.close();
});

test('a video for later appears when it is due, and not before', async () => {
  const { context, page } = await creator('/create');
  const other = await Api.viewer(takt.url);
  const listed = async (id) => (await other.get('/feeds/latest?limit=10')).items.some(({ video }) => video.id === id);
  await record(page, 1);
  await at(page, 'to-edit').click();
  await at(page, 'to-publish').click();
  await at(page, 'caption-input').fill('Tomorrow');
  await at(page, 'later').click();
  const tomorrow = new Date(Date.now() + 86_400_000);
  tomorrow.setSeconds(0, 0);
  const local = new Date(tomorrow.getTime() - tomorrow.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  await at(page, 'publish-at').fill(local);
  // Nobody waits until tomorrow: what the page asks for is looked at, and brought forward on its way.
  let asked, due;
  await page.route('**/api/v1/drafts/*/publish', (route) => {
    const body = route.request().postDataJSON();
    asked = body.publish_at;
    due = Date.now() + 5000;
    return route.continue({ postData: JSON.stringify({ ...body, publish_at: new Date(due).toISOString() }) });
  });
  const answered = page.waitForResponse('**/api/v1/drafts/*/publish');
  await at(page, 'publish-now').click();
  const { id } = (await (await answered).json()).video;
  await page.locator('[data-testid=published][data-phase=scheduled]').waitFor();
  assert.equal(new Date(asked).getTime(), tomorrow.getTime());
  while (Date.now() < due) {
    const early = await listed(id);
    assert.ok(!early || Date.now() >= due, 'it is shown before it is due');
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  await until('the video in the feed', () => listed(id), 60_000);
  assert.deepEqual(context.complaints, []);
  await context.close();
});
