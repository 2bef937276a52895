/** Becoming somebody, leaving, and coming back: through the real pages. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Api, newHandle, PASSWORD } from '../lib/api.mjs';
import { launch, moving, open, signIn, visitor } from '../lib/browser.mjs';
import { clip } from '../lib/clips.mjs';
import { Takt } from '../lib/takt.mjs';
import { until } from '../lib/wait.mjs';

const NEW_PASSWORD = 'another beat in the evening';

let takt, browser, creator;

before(async () => {
  takt = await Takt.start();
  browser = await launch();
  creator = await Api.signUp(takt.url, newHandle('creator'));
  for (const hue of [0, 180]) await creator.publish(await clip({ seconds: 2, hue }), `Hue ${hue}`);
});

after(async () => {
  await browser?.close();
  await takt?.close();
});

async function signUp(page, handle) {
  await page.goto(`${takt.url}/sign-up`);
  await page.locator('[data-testid=handle]').fill(handle);
  await page.locator('[data-testid=password]').fill(PASSWORD);
  await page.locator('[data-testid=submit]').click();
  await page.locator('[data-testid=recovery-codes]').waitFor();
  return page.locator('[data-testid=recovery-codes] code').allTextContents();
}

/** Who the browser is, by its cookie. */
function who(page) {
  return page.evaluate(() => fetch('/api/v1/sessions/current').then((answer) => answer.json())).then(({ account }) => account?.handle ?? null);
}

test('signing up shows the recovery codes this once', async () => {
  const context = await visitor(browser);
  const page = await open(context, `${takt.url}/`);
  // What a page served is kept for its viewer, so leaving before it has arrived would lose all there is in this small cell.
  await moving(page);
  const handle = newHandle();
  const codes = await signUp(page, handle);
  assert.ok(codes.length >= 5 && new Set(codes).size === codes.length, `several different codes: ${codes.length}`);
  const done = page.locator('[data-testid=codes-done]');
  assert.ok(await done.isDisabled(), 'going on needs a word that they are kept');
  await page.locator('[data-testid=codes-kept]').check();
  await done.click();
  await moving(page);
  assert.equal(await who(page), handle);

  for (const address of ['/sign-up', '/settings', `/@${handle}`]) {
    await page.goto(`${takt.url}${address}`);
    await page.locator('h1').first().waitFor();
    const text = await page.locator('body').innerText();
    assert.ok(!codes.some((code) => text.includes(code)), `no code on ${address}`);
  }
  assert.deepEqual(context.complaints, []);
  await context.close();
});

test('what an anonymous viewer liked survives signing up', async () => {
  const context = await visitor(browser);
  const page = await open(context, `${takt.url}/`);
  const id = await moving(page);
  await page.keyboard.press('l');
  await until('the like', async () => (await creator.get(`/videos/${id}`)).video.counts.likes === 1);
  await signUp(page, newHandle());
  const liked = await page.evaluate((video) => fetch(`/api/v1/videos/${video}`).then((answer) => answer.json()), id);
  assert.equal(liked.video.liked, true);
  assert.equal(liked.video.counts.likes, 1, 'one like, not two');

  // Nor does the feed begin again.
  await page.locator('[data-testid=codes-kept]').check();
  await page.locator('[data-testid=codes-done]').click();
  await moving(page);
  const again = await page.evaluate(() => fetch('/api/v1/feeds/for-you?limit=10').then((answer) => answer.json()));
  assert.ok(!again.items.some((item) => item.video.id === id), 'a video that was seen does not come back');
  assert.deepEqual(context.complaints, []);
  await context.close();
});

test('signing out and in, a wrong password, a recovery code', async () => {
  const api = await Api.signUp(takt.url);
  const context = await visitor(browser);
  const page = await signIn(context, takt.url, api.handle, PASSWORD);
  assert.equal(await who(page), api.handle);
  await page.goto(`${takt.url}/settings`);
  await page.locator('[data-testid=sign-out]').click();
  await until('being signed out', async () => (await who(page)) === null);
  assert.deepEqual(context.complaints, []);

  await page.goto(`${takt.url}/sign-in`);
  await page.locator('[data-testid=handle]').fill(api.handle);
  await page.locator('[data-testid=password]').fill('not this one');
  await page.locator('[data-testid=submit]').click();
  await page.locator('[data-testid=password][aria-invalid=true]').waitFor();
  assert.equal(await page.locator('[data-testid=handle]').inputValue(), api.handle, 'errors keep what was typed');
  assert.equal(await who(page), null);

  const recover = async (code, password) => {
    await page.goto(`${takt.url}/recover`);
    await page.locator('[data-testid=handle]').fill(api.handle);
    await page.locator('[data-testid=recovery-code]').fill(code);
    await page.locator('[data-testid=password]').fill(password);
    await page.locator('[data-testid=submit]').click();
  };
  await recover(api.codes[0], NEW_PASSWORD);
  await until('being back', async () => (await who(page)) === api.handle);
  assert.equal((await new Api(takt.url).raw('POST', '/sessions', { handle: api.handle, password: PASSWORD })).status, 401);
  await recover(api.codes[0], 'a third password for this');
  await page.locator('[data-testid=recovery-code][aria-invalid=true]').waitFor();
  await context.close();
});

test('signing out everywhere closes the other devices too', async () => {
  const api = await Api.signUp(takt.url);
  const here = await visitor(browser);
  const there = await visitor(browser);
  const page = await signIn(here, takt.url, api.handle, PASSWORD);
  const other = await signIn(there, takt.url, api.handle, PASSWORD);
  await page.goto(`${takt.url}/settings`);
  await page.getByRole('button', { name: 'Sign out everywhere' }).click();
  await until('being signed out here', async () => (await who(page)) === null);
  assert.equal(await who(other), null, 'and there');
  assert.equal((await api.raw('GET', '/me')).status, 401, 'and the token');
  await here.close();
  await there.close();
});
