/** A published video gets another edit in a browser: from its page over the editor and back, by the keyboard alone. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Api, newHandle } from '../lib/api.mjs';
import { findings, still } from '../lib/axe.mjs';
import { launch, SMALL_PHONE, visitor } from '../lib/browser.mjs';
import { clips } from '../lib/clips.mjs';
import { at, enter } from '../lib/studio.mjs';
import { Takt } from '../lib/takt.mjs';
import { until } from '../lib/wait.mjs';

let takt, browser, creator, video;

const look = async () => (await creator.get(`/videos/${video}`)).video;

before(async () => {
  takt = await Takt.start();
  browser = await launch();
  creator = await Api.signUp(takt.url, newHandle('ada'));
  const source = await creator.upload((await clips(1))[0]);
  const edit = { version: 1, canvas: { width: 360, height: 640 }, segments: [{ source, start_ms: 0, end_ms: 1500 }] };
  const { draft } = await creator.post('/drafts', { edit, title: 'first' });
  video = (await creator.post(`/drafts/${draft.id}/publish`, { caption: 'as it was' })).video.id;
  await until('the video to be made', async () => { const now = await look(); return now.status === 'ready' && !now.progress; });
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
