/** A published video gets another edit in a browser: from its page over the editor and back, by the keyboard alone. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Api, newHandle } from '../lib/api.mjs';
import { findings, still } from '../lib/axe.mjs';
import { launch, SMALL_PHONE, visitor } from '../lib/browser.mjs';
import { clip, clips } from '../lib/clips.mjs';
import { at, enter, fetched, slide } from '../lib/studio.mjs';
import { Takt } from '../lib/takt.mjs';
import { until } from '../lib/wait.mjs';

let takt, browser, creator, video;

const look = async (id = video) => (await creator.get(`/videos/${id}`)).video;
const made = (id) => until('the video to be made', async () => { const now = await look(id); return now.status === 'ready' && !now.progress && now; });
const call = async (method, path, body) => { const answer = await creator.raw(method, path, body); assert.ok(answer.ok, `${method} ${path} answered ${answer.status}`); };

before(async () => {
  takt = await Takt.start();
  browser = await launch();
  creator = await Api.signUp(takt.url, newHandle('ada'));
  const source = await creator.upload((await clips(1))[0]);
  const edit = { version: 1, canvas: { width: 360, height: 640 }, segments: [{ source, start_ms: 0, end_ms: 1500 }] };
  const { draft } = await creator.post('/drafts', { edit, title: 'first' });
  video = (await creator.post(`/drafts/${draft.id}/publish`, { caption: 'as it was' })).video.id;
  await made(video);
});

after(async () => {
  await browser?.close();
  await takt?.close();
});

/** Goes on from where the focus is, as somebody without a mouse does. */
async function press(page, id) {
  await at(page, id).waitFor();
  for (let steps = 0; steps < 120; steps += 1) {
    if (await at(page, id).evaluate((wanted) => wanted === document.activeElement)) return page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
  }
  assert.fail(`${id} is not reached by the keyboard`);
}

test('a new edit takes the place of the old one and the address stays', async () => {
  const context = await visitor(browser, { viewport: SMALL_PHONE });
  const before = await look();
  const page = await enter(context, creator, `/v/${video}/manage`);
  await press(page, 'edit-again');
  await at(page, 'to-publish').waitFor();
  await press(page, 'reverse');
  await press(page, 'to-publish');
  await at(page, 'replace-now').waitFor();
  await still(page);
  assert.deepEqual(await findings(page), []);
  await press(page, 'replace-now');
  await page.waitForURL(`**/v/${video}/manage`);
  await at(page, 'history').getByText('Edit, length').waitFor({ timeout: 120_000 });
  const now = await look();
  assert.equal(now.caption, 'as it was');
  assert.notEqual(now.renditions[0].url, before.renditions[0].url);
  assert.equal(await at(page, 'replacement').innerText(), '');
  assert.deepEqual((await creator.get('/drafts')).items, []);
  assert.deepEqual(context.complaints, []);
  await context.close();
});

test('a video that was uploaded whole is shortened from its options', async () => {
  const upload_id = await creator.upload(await clip({ seconds: 3, size: '640x360', hue: 90, turn: 20 }));
  const { id } = (await creator.post('/videos', { upload_id, caption: 'sent as it was' })).video;
  const before = await made(id);
  const context = await visitor(browser, { viewport: SMALL_PHONE });
  const page = await enter(context, creator, `/v/${id}`);
  await page.locator('[data-testid=options]:visible').click();
  await at(page, 'edit-again').click();
  await at(page, 'to-publish').waitFor();
  // All of the picture is there, in its own shape.
  const { width, height } = await at(page, 'preview').boundingBox();
  assert.ok(Math.abs(width / height - 640 / 360) < 0.02, `${width} x ${height}`);
  await slide(at(page, 'trim-to'), 2000);
  await at(page, 'to-publish').click();
  await at(page, 'replace-now').click();
  await page.waitForURL(`**/v/${id}/manage`);
  await at(page, 'history').getByText('Edit, length').waitFor({ timeout: 120_000 });
  const now = await made(id);
  assert.ok(before.duration_ms > 2900 && Math.abs(now.duration_ms - 2000) < 60, `${before.duration_ms} ms became ${now.duration_ms}`);
  assert.deepEqual([now.width, now.height, now.caption], [640, 360, 'sent as it was']);
  assert.deepEqual(context.complaints, []);
  await context.close();
});

test('an edit that is being made is withdrawn, and the notice of a failed one dismissed', async () => {
  const before = await made(video);
  const played = await fetched(creator, video);
  const { draft } = await creator.post(`/videos/${video}/edit`);
  const [segment] = draft.edit.segments;
  // Takes far longer to make than to withdraw.
  const slow = { ...draft.edit, canvas: { width: 1080, height: 1920 }, look: 'vivid', segments: Array.from({ length: 12 }, () => ({ ...segment, speed: 0.3, reverse: true })) };
  await call('PUT', `/drafts/${draft.id}`, { edit: slow, revision: draft.revision });
  const drafts = (await creator.get('/drafts')).items.map((one) => one.id);
  await call('PUT', `/videos/${video}/edit`, { draft_id: draft.id });
  const context = await visitor(browser, { viewport: SMALL_PHONE });
  const page = await enter(context, creator, `/v/${video}/manage`);
  await at(page, 'replacement').getByText('%').waitFor();
  await still(page);
  assert.deepEqual(await findings(page), []);
  await press(page, 'withdraw-edit');
  await page.getByText('The old edit stays.').waitFor();
  await at(page, 'withdraw-edit').waitFor({ state: 'detached' });
  assert.equal(await at(page, 'replacement').innerText(), '');
  assert.equal(await page.evaluate(() => document.activeElement.dataset.testid), 'edit-again');
  assert.deepEqual((await creator.get('/drafts')).items.map((one) => one.id), drafts);

  const wrong = { ...draft.edit, segments: [{ ...segment, start_ms: 0, end_ms: 9000 }] };
  await call('PUT', `/drafts/${draft.id}`, { edit: wrong, revision: draft.revision + 1 });
  await call('PUT', `/videos/${video}/edit`, { draft_id: draft.id });
  await until('the edit to fail', async () => (await creator.get(`/videos/${video}/edit`)).replacement?.failure);
  await page.reload();
  await at(page, 'replacement').getByText('The video stayed as it was.').waitFor();
  await press(page, 'withdraw-edit');
  await at(page, 'withdraw-edit').waitFor({ state: 'detached' });
  await page.reload();
  await at(page, 'edit-again').waitFor();
  assert.equal(await at(page, 'replacement').innerText(), '');
  assert.deepEqual([await look(), await fetched(creator, video)], [before, played]);
  assert.deepEqual(context.complaints, []);
  await context.close();
});
