/**
 * Whether lips and sound meet: what was seen and heard at the same moment in front of the camera has to be seen and
 * heard at the same moment in the video. Pictures carry numbers, the sound has clicks; both are found again in files.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { Api, newHandle, PASSWORD } from '../lib/api.mjs';
import { visitor } from '../lib/browser.mjs';
import { BITS, clicksIn, CODE_HEIGHT, framesBetween, numbersIn, studioBrowser } from '../lib/camera.mjs';
import { heardBy, kept, median, watched } from '../lib/live.mjs';
import { Takt } from '../lib/takt.mjs';
import { until } from '../lib/wait.mjs';

const run = promisify(execFile);
/** What an ear and an eye do not notice. */
const APART_MS_MAX = 20;
const CLICK_FIRST_MS = 250;
const CLICK_EVERY_MS = 500;

let takt, studio, dir, api, sound;

before(async () => {
  takt = await Takt.start();
  studio = await studioBrowser();
  dir = await mkdtemp(join(tmpdir(), 'takt-sync-'));
  api = await Api.signUp(takt.url, newHandle('singer'));
  const path = join(dir, 'clicks.wav');
  const click = `0.8*sin(2*PI*1500*t)*between(mod(t,${CLICK_EVERY_MS / 1000}),${CLICK_FIRST_MS / 1000},${CLICK_FIRST_MS / 1000 + 0.03})`;
  await run('ffmpeg', ['-nostdin', '-v', 'error', '-y', '-f', 'lavfi', '-i', `aevalsrc='${click}':d=12:s=48000`, path]);
  const upload_id = await api.upload(await readFile(path), 'clicks.wav');
  const made = await api.post('/sounds', { upload_id, title: 'Clicks' });
  sound = await until('the sound being ready', async () => {
    const { sound } = await api.get(`/sounds/${made.sound.id}`);
    return sound.status === 'ready' && sound.audio_url && sound;
  });
});

after(async () => {
  await studio?.close();
  await takt?.close();
  if (dir) await rm(dir, { recursive: true, force: true });
});

test('the measure finds a known offset', async () => {
  const file = join(dir, 'known.mp4');
  for (const late of [0, 0.12]) {
    const bars = `if(gt(bitand(N,pow(2,floor(X*${BITS}/W))),0),235,16)`;
    await run('ffmpeg', [
      ...['-nostdin', '-v', 'error', '-y', '-f', 'lavfi', '-i', `color=gray:size=360x640:rate=30:duration=3,format=yuv420p,geq=lum='if(lt(Y,H*${CODE_HEIGHT}),${bars},90)':cb=128:cr=128`],
      ...['-itsoffset', String(late), '-i', join(dir, 'clicks.wav'), '-t', '3', '-c:v', 'libx264', '-c:a', 'aac', file],
    ]);
    const numbers = await numbersIn(file);
    const clicks = await clicksIn(file);
    assert.deepEqual(numbers.slice(0, 60).map((one) => one.number), Array.from({ length: 60 }, (_, i) => i));
    assert.ok(clicks.length >= 4, `${clicks.length} clicks`);
    clicks.forEach((ms, i) => assert.ok(Math.abs(ms - (CLICK_FIRST_MS + i * CLICK_EVERY_MS + late * 1000)) < 3, `click ${i} at ${ms}`));
  }
});

test('what was seen with a click is seen with that click in the video', async (t) => {
  const context = await visitor(studio.browser, { permissions: ['camera', 'microphone'] });
  await watched(context);
  await context.request.post(`${takt.url}/api/v1/sessions`, { data: { handle: api.handle, password: PASSWORD } });
  const page = await context.newPage();
  const at = (id) => page.locator(`[data-testid=${id}]`);
  await page.goto(`${takt.url}/create?sound=${sound.id}`);
  for (const take of [1, 2]) {
    await page.locator('[data-testid=recorder][data-phase=ready]').waitFor();
    await at('record').click();
    await until('some seconds', async () => Number(await at('take-bar').getAttribute('aria-valuenow')) >= take * 3);
    await at('record').click();
    await until('the take', async () => Number(await at('take-bar').getAttribute('data-takes')) === take);
  }
  const takes = await kept(page);
  const frames = await page.evaluate(() => window.taktFrames);
  const heard = await heardBy(page);
  assert.equal(heard.length, 2);

  // Each take: where its time zero lies on the clock of the page, by the pictures in it.
  for (const [i, take] of takes.entries()) {
    const path = join(dir, `take-${i}`);
    await writeFile(path, Buffer.from(take.bytes, 'base64'));
    const near = frames.filter((frame) => frame.at > heard[i].at - 1000 && frame.at < heard[i].at + take.durationMs + 1000);
    const zeros = (await numbersIn(path)).flatMap(({ ms, number }) => {
      const frame = near.find((one) => one.number === number);
      return frame ? [frame.at - ms] : [];
    });
    assert.ok(zeros.length > 20, `${zeros.length} pictures recognised`);
    const lead = heard[i].at - median(zeros);
    t.diagnostic(`take ${i + 1}: measured by the app ${take.leadMs.toFixed(1)} ms, by the pictures ${lead.toFixed(1)} ms`);
    assert.ok(Math.abs(lead - take.leadMs) <= APART_MS_MAX, `the app measured ${take.leadMs}, the pictures say ${lead}`);
  }

  await at('to-edit').click();
  await at('to-publish').click();
  await at('publish-now').click();
  await page.locator('[data-testid=published][data-phase=ready]').waitFor({ timeout: 90_000 });
  const id = (await at('watch').getAttribute('href')).split('/').pop();
  const { video } = await api.get(`/videos/${id}`);
  const best = video.renditions.toSorted((a, b) => b.width - a.width)[0];
  const path = join(dir, 'published.mp4');
  await writeFile(path, Buffer.from(await (await fetch(new URL(best.url, takt.url))).arrayBuffer()));

  const clicks = await clicksIn(path);
  const shown = await numbersIn(path);
  const lengths = takes.map(({ segment }) => segment.end_ms - segment.start_ms);
  const apart = [];
  for (const click of clicks) {
    const i = click < lengths[0] ? 0 : 1;
    const from = i === 0 ? 0 : lengths[0];
    if (click < from + 200 || click > from + lengths[i] - 200) continue;
    // The sound of the library goes on from take to take: which click it is follows from its place in the video.
    const inSound = CLICK_FIRST_MS + Math.round((click - CLICK_FIRST_MS) / CLICK_EVERY_MS) * CLICK_EVERY_MS;
    const live = heard[i].at + inSound - heard[i].offsetMs;
    for (const { ms, number } of shown.filter((one) => Math.abs(one.ms - click) < 150)) {
      const frame = frames.find((one) => one.number === number && Math.abs(one.at - live) < 1000);
      if (frame && framesBetween(number, frame.number) === 0) apart.push(ms - click - (frame.at - live));
    }
  }
  assert.ok(clicks.length >= 8 && apart.length >= 20, `${clicks.length} clicks, ${apart.length} pictures`);
  const middle = median(apart);
  const worst = apart.reduce((most, one) => (Math.abs(one) > Math.abs(most) ? one : most), 0);
  t.diagnostic(`picture against sound in the published video: median ${middle.toFixed(1)} ms, worst ${worst.toFixed(1)} ms over ${apart.length} pictures`);
  assert.ok(Math.abs(middle) <= APART_MS_MAX, `the picture is ${middle} ms from the sound`);
  assert.deepEqual(context.complaints, []);
  await context.close();
});
