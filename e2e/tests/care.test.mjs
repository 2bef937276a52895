/** Looking after a published video in a browser: captions typed, sent as a file, watched and switched off; unlisting; the history. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Api, newHandle, PASSWORD } from '../lib/api.mjs';
import { findings, still } from '../lib/axe.mjs';
import { DESKTOP, launch, moving, open, SMALL_PHONE, visitor } from '../lib/browser.mjs';
import { clips } from '../lib/clips.mjs';
import { Takt } from '../lib/takt.mjs';
import { until } from '../lib/wait.mjs';

let takt, browser, creator, video;

before(async () => {
  takt = await Takt.start();
  browser = await launch();
  creator = await Api.signUp(takt.url, newHandle('ada'));
  video = await creator.publish((await clips(1))[0], 'something is said');
});

after(async () => {
  await browser?.close();
  await takt?.close();
});

/** The page on which the creator looks after the video. */
async function manage(options) {
  const context = await visitor(browser, options);
  await context.request.post(`${takt.url}/api/v1/sessions`, { data: { handle: creator.handle, password: PASSWORD } });
  const page = await open(context, `${takt.url}/v/${video.id}/manage`);
  await page.getByTestId('captions-editor').waitFor();
  return { context, page };
}

const captions = async () => (await creator.get(`/videos/${video.id}`)).video.captions;

test('captions are typed with the keyboard alone, refused by line and rule, and shown where the video plays', async () => {
  const { context, page } = await manage({ viewport: SMALL_PHONE });
  await page.getByTestId('captions-language').selectOption('en');
  await page.getByTestId('add-cue').focus();
  await page.keyboard.press('Enter');
  // The new line has the focus: typing begins at once.
  await page.keyboard.type('Hello <you> & all');
  const end = page.getByTestId('cue').getByLabel('Until', { exact: true });
  await end.fill('0:60,5');
  await end.press('Tab');
  await page.getByTestId('save-captions').click();
  await until('the captions to be kept', async () => (await captions()).length === 1);
  const file = await (await fetch(takt.url + (await captions())[0].url)).text();
  assert.match(file, /^WEBVTT\n\n00:00:00\.000 --> .*\nHello &lt;you&gt; &amp; all\n$/);

  // A second line over the first is refused by name, and nothing is lost.
  await page.getByTestId('add-cue').click();
  await page.keyboard.type('over it');
  await page.getByTestId('save-captions').click();
  await page.getByTestId('captions-problem').filter({ hasText: 'cue 2' }).waitFor();
  assert.equal(await page.getByTestId('cue').count(), 2);
  assert.deepEqual(context.complaints.filter((said) => !said.includes('422')), []);
  await still(page);
  assert.deepEqual(await findings(page), []);
  await context.close();

  const stranger = await visitor(browser, { viewport: SMALL_PHONE });
  const watching = await open(stranger, `${takt.url}/v/${video.id}`);
  await moving(watching);
  await watching.getByTestId('captions').getByText('Hello <you> & all').waitFor();
  const button = watching.getByTestId('captions-button');
  assert.equal(await button.getAttribute('aria-pressed'), 'true');
  await watching.keyboard.press('c');
  await watching.getByTestId('captions').waitFor({ state: 'detached' });
  // The choice is remembered.
  await watching.reload();
  await moving(watching);
  assert.equal(await button.getAttribute('aria-pressed'), 'false');
  await button.click();
  await watching.getByTestId('captions').getByText('Hello <you> & all').waitFor();
  assert.deepEqual(stranger.complaints, []);
  await stranger.close();
});

test('a file is taken as it is, and what is wrong with it is said', async () => {
  const { context, page } = await manage({ viewport: DESKTOP, locale: 'de-DE' });
  await page.getByTestId('captions-language').selectOption('de');
  const send = (text) => page.getByTestId('captions-file').setInputFiles({ name: 'a.vtt', mimeType: 'text/vtt', buffer: Buffer.from(text) });
  await send('1\n00:00:00,000 --> 00:00:01,000\nkein WebVTT\n');
  await page.getByTestId('captions-problem').filter({ hasText: 'WEBVTT' }).waitFor();
  await send('WEBVTT\n\nNOTE aus einem anderen Programm\n\n00:00.000 --> 00:01.000 align:start\n<i>Grüß</i> dich\n');
  await until('German captions', async () => (await captions()).some((one) => one.language === 'de'));
  await page.getByTestId('cue').first().waitFor();
  await page.setViewportSize(SMALL_PHONE);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing to scroll sideways');
  await page.setViewportSize(DESKTOP);
  assert.equal(await page.getByTestId('cue').locator('textarea').inputValue(), '<i>Grüß</i> dich');
  await still(page);
  assert.deepEqual(await findings(page), []);
  await context.close();
});

test('a video is unlisted, found by its link alone, and the history tells its creator', async () => {
  const { context, page } = await manage({ viewport: SMALL_PHONE });
  await page.getByTestId('alt-text').fill('A test picture moves.');
  await page.getByTestId('unlisted').focus();
  await page.keyboard.press('Space');
  await page.getByTestId('save-details').click();
  await page.getByTestId('history').getByText('Unlisted').waitFor();
  await page.getByTestId('history').getByText('from “nothing” to “A test picture moves.”').waitFor();
  const stranger = await Api.viewer(takt.url);
  assert.equal((await stranger.get(`/accounts/${creator.handle}/videos`)).videos.length, 0);
  assert.equal((await stranger.get(`/videos/${video.id}`)).video.alt_text, 'A test picture moves.');
  await context.close();

  const guest = await visitor(browser);
  const denied = await open(guest, `${takt.url}/v/${video.id}/manage`);
  await denied.getByText('Only its creator can manage this video.').waitFor();
  await guest.close();
});
