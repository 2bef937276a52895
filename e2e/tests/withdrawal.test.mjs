/** What becomes of duets and stitches when whose video is in them withdraws it or deletes it, as viewers and creators see it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Api, newHandle } from '../lib/api.mjs';
import { DESKTOP, launch, moving, SMALL_PHONE, visitor } from '../lib/browser.mjs';
import { clip } from '../lib/clips.mjs';
import { at, enter, saved } from '../lib/studio.mjs';
import { Takt } from '../lib/takt.mjs';
import { until } from '../lib/wait.mjs';

const RENDER_MS_MAX = 120_000;

let takt, browser, take;
let hue = 0;

before(async () => {
  takt = await Takt.start();
  browser = await launch(['--autoplay-policy=no-user-gesture-required']);
  take = await clip({ seconds: 3, hue: 200, tone: 500, turn: 20 });
});

after(async () => {
  await browser?.close();
  await takt?.close();
});

/** A video of somebody's, no copy of another one. */
async function published(stem) {
  const api = await Api.signUp(takt.url, newHandle(stem));
  hue += 70;
  const video = await api.publish(await clip({ seconds: 4, hue, tone: 300 + hue, turn: hue }), 'The original');
  return { api, video };
}

/** An edit list over a new upload: with the other video beside it, or one second of it in front. */
async function editWith(api, kind, video) {
  const part = { start_ms: 0, speed: 1, reverse: false, fit: 'cover', crop: null, volume: 1 };
  const own = { ...part, source: await api.upload(take), video: null, end_ms: 2000 };
  const duet = kind === 'duet';
  return {
    ...{ version: 1, canvas: { width: 720, height: 1280 }, sound: null, voice_over: [], fade: { in_ms: 0, out_ms: 0 }, texts: [], look: 'none', poster_ms: 0 },
    segments: duet ? [own] : [{ ...part, source: null, video: video.id, end_ms: 1000 }, own],
    layout: duet ? { kind: 'side_by_side', video: video.id, start_ms: 0, volume: 1, place: 'left' } : { kind: 'single' },
  };
}

/** Somebody with a duet or stitch that is published, and a draft of another one. */
async function answered(kind, original) {
  const api = await Api.signUp(takt.url, newHandle('answer'));
  const { draft } = await api.post('/drafts', { edit: await editWith(api, kind, original), title: '' });
  const { video } = await api.post(`/drafts/${draft.id}/publish`, { caption: 'My answer' });
  const made = await until('the answer', async () => {
    const now = (await api.get(`/videos/${video.id}`)).video;
    // The first rendition may give way to a better one: all have to be there.
    return now.status === 'ready' && now.sound && !now.progress && now;
  }, RENDER_MS_MAX);
  await api.post('/drafts', { edit: await editWith(api, kind, original), title: 'Another answer' });
  return { api, made };
}

/** What a viewer is told under a video, in one line. */
async function told(video, options) {
  const context = await visitor(browser, options);
  const page = await context.newPage();
  await page.goto(`${takt.url}/v/${video.id}`);
  await moving(page);
  const labels = await page.locator('[data-testid=stage] .label, [data-testid=slide] .label').allTextContents();
  const href = await at(page, 'lineage').first().getAttribute('href');
  assert.deepEqual(context.complaints, []);
  await context.close();
  return { text: [...new Set(labels.map((one) => one.trim()))].join(' | '), href };
}

/** The owner's page of a video: who may use it, and what becomes of what exists. */
async function change(owner, video, choices) {
  const context = await visitor(browser, { viewport: SMALL_PHONE });
  const page = await enter(context, owner, `/v/${video.id}/manage`);
  for (const [id, value] of Object.entries(choices)) await at(page, id).selectOption(value);
  await at(page, 'save-details').click();
  await at(page, 'toast').filter({ hasText: 'Saved' }).waitFor();
  assert.deepEqual(context.complaints, []);
  await context.close();
}

/** The draft is opened in the studio and published: it asks again, says why it may not, and is kept. */
async function refused(api, words) {
  const context = await visitor(browser, { viewport: SMALL_PHONE });
  const page = await enter(context, api, '/create');
  await at(page, 'drafts').click();
  await at(page, 'draft').filter({ hasText: 'Another answer' }).click();
  await at(page, 'to-publish').click();
  await at(page, 'publish-now').click();
  await at(page, 'publish-problem').filter({ hasText: words }).waitFor();
  await context.close();
  assert.equal((await api.get('/drafts')).items.length, 1, 'the draft is kept');
}

const own = (api, id) => api.get(`/videos/${id}`).then(({ video }) => video);

/** Whether the video plays from the files it had; others may have come since. */
async function keeps(api, made) {
  const files = (await own(api, made.id)).renditions.map(({ url }) => url);
  return made.renditions.every(({ url }) => files.includes(url));
}

test('a duet stays with credit when the other withdraws and keeps what exists; drafts ask again', async () => {
  const { api: owner, video: original } = await published('keeper');
  const { api, made } = await answered('duet', original);
  await change(owner, original, { 'reuse-consent': 'nobody' });
  await refused(api, 'may no longer be used in duets');
  const { text, href } = await told(made, { viewport: SMALL_PHONE });
  assert.equal(text, `Duet with @${owner.handle}`);
  assert.equal(href, `/v/${original.id}`);
  assert.ok(await keeps(api, made), 'it has the files it had');

  // The choice can be another one later on, and reaches what was kept.
  await change(owner, original, { 'on-revoke': 'mute' });
  await until('the part being gone', async () => {
    const now = await own(api, made.id);
    return now.part_withdrawn && now.status === 'ready';
  }, RENDER_MS_MAX);
  const later = await told(made, { viewport: DESKTOP, locale: 'de-DE' });
  assert.equal(later.text, `Duett mit @${owner.handle} | Ohne den anderen Teil: er wurde zurückgezogen`);
});

test('a stitch loses the part of a deleted video if its creator wished so, and says so', async () => {
  const { api: owner, video: original } = await published('leaver');
  const { api, made } = await answered('stitch', original);
  await change(owner, original, { 'on-revoke': 'mute' });
  const context = await visitor(browser, { viewport: SMALL_PHONE });
  const page = await enter(context, owner, `/v/${original.id}`);
  await moving(page);
  await page.locator('[data-testid=options]:visible').click();
  await at(page, 'delete-video').click();
  await until('the original being gone', async () => (await owner.raw('GET', `/videos/${original.id}`)).status === 404);
  await context.close();

  const left = await until('the part being gone', async () => {
    const now = await own(api, made.id);
    return now.part_withdrawn && now.status === 'ready' && now;
  }, RENDER_MS_MAX);
  // What is left is one cut, which is copied to the frame.
  assert.ok(Math.abs(made.duration_ms - left.duration_ms - 1000) <= 34, `${made.duration_ms} ms became ${left.duration_ms} ms`);
  await until('the old file being gone', async () => (await fetch(new URL(made.renditions[0].url, takt.url))).status === 404);
  const english = await told(made, { viewport: DESKTOP });
  // Credit leads to whose part it was, since the video is no more.
  assert.equal(english.text, `Stitch with @${owner.handle} | Without the other part: it was withdrawn`);
  assert.equal(english.href, `/@${owner.handle}`);
  await refused(api, /no longer/);
});

test('a duet keeps the part of a deleted video where its creator let it stay', async () => {
  const { api: owner, video: original } = await published('giver');
  const { api, made } = await answered('duet', original);
  await owner.call('DELETE', `/videos/${original.id}`);
  const { text, href } = await told(made, { viewport: SMALL_PHONE });
  assert.equal(text, `Duet with @${owner.handle}`);
  assert.equal(href, `/@${owner.handle}`);
  assert.ok(await keeps(api, made), 'it has the files it had');
});
