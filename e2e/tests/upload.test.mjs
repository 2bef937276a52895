/** From a file on the device to a video others can watch, and back out again. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Api, newHandle, PASSWORD } from '../lib/api.mjs';
import { launch, moving, open, signIn, visitor } from '../lib/browser.mjs';
import { clip } from '../lib/clips.mjs';
import { Takt } from '../lib/takt.mjs';
import { until } from '../lib/wait.mjs';

const CAPTION = 'Rain on a tin roof & "quotes" #weather';

let takt, browser, dir, path, bytes;

before(async () => {
  takt = await Takt.start();
  browser = await launch();
  dir = await mkdtemp(join(tmpdir(), 'takt-upload-'));
  bytes = await clip({ seconds: 3, hue: 90 });
  path = join(dir, 'rain.mp4');
  await writeFile(path, bytes);
});

after(async () => {
  await browser?.close();
  await takt?.close();
  await rm(dir, { recursive: true, force: true });
});

/** A visitor with a new account, on a page. */
async function creator(address) {
  const api = await Api.signUp(takt.url, newHandle('creator'));
  const context = await visitor(browser);
  const page = await signIn(context, takt.url, api.handle, PASSWORD);
  await page.goto(`${takt.url}${address}`);
  return { api, context, page };
}

test('a picked file is previewed, published, processed, listed and played', async () => {
  const { api, context, page } = await creator('/upload');
  await page.locator('[data-testid=file]').setInputFiles(path);
  const preview = page.locator('form video');
  await preview.waitFor();
  await until('the preview to move', () => preview.evaluate((element) => element.currentTime > 0.2));
  await page.locator('[data-testid=caption-input]').fill(CAPTION);
  await page.locator('[data-testid=poster-range]').evaluate((range) => {
    range.value = '1000';
    range.dispatchEvent(new Event('input', { bubbles: true }));
  });
  await page.locator('[data-testid=publish]').click();
  await page.locator('[data-testid=upload][data-phase=ready]').waitFor();

  await page.locator('[data-testid=nav-profile]').click();
  const tile = page.locator('[data-testid=tile][data-status=ready] a');
  await tile.waitFor();
  const poster = tile.locator('img');
  await until('the poster being drawn', () => poster.evaluate((image) => image.complete && image.naturalWidth > 0));
  await tile.click();
  await page.waitForURL(/\/v\/[0-9a-f-]{36}$/);
  const id = await moving(page);
  assert.equal(page.url(), `${takt.url}/v/${id}`);

  const { video } = await api.get(`/videos/${id}`);
  assert.equal(video.caption, CAPTION);
  assert.equal(video.duration_ms > 2900 && video.duration_ms < 3200, true, `3 s long: ${video.duration_ms}`);
  const hash = createHash('sha256').update(bytes).digest('hex');
  assert.equal((await api.get(`/me/sources/${hash}`)).video.id, id, 'the server had exactly these bytes');
  assert.deepEqual(context.complaints, []);
  await context.close();
});

test('a link unfolds without script', async () => {
  const api = await Api.signUp(takt.url, newHandle('creator'));
  const video = await api.publish(bytes, CAPTION);
  const answer = await fetch(`${takt.url}/v/${video.id}`);
  const html = await answer.text();
  assert.equal(answer.status, 200);
  const context = await visitor(browser, { javaScriptEnabled: false });
  const page = await context.newPage();
  await page.setContent(html.replaceAll(/<script[^>]*>/g, '<script type="text/plain">'));
  const meta = (name) => page.locator(`meta[property="${name}"]`).getAttribute('content');
  assert.equal(await meta('og:description'), CAPTION);
  assert.match(await meta('og:title'), new RegExp(api.handle));
  assert.equal(await meta('og:url'), `${takt.url}/v/${video.id}`);
  for (const [name, type] of [['og:image', /^image\//], ['og:video', /^video\/mp4/]]) {
    const file = await fetch(await meta(name));
    assert.equal(file.status, 200, name);
    assert.match(file.headers.get('content-type') ?? '', type);
    await file.arrayBuffer();
  }
  await context.close();
});

test('what is not a video is refused in words, before a byte is sent', async () => {
  const { context, page } = await creator('/upload');
  let sent = 0;
  page.on('request', (request) => (sent += request.url().includes('/api/v1/uploads') ? 1 : 0));
  const text = join(dir, 'notes.txt');
  await writeFile(text, 'not a video');
  await page.locator('[data-testid=file]').setInputFiles(text);
  await page.locator('[data-testid=rejection]').waitFor();
  const long = join(dir, 'long.mp4');
  await writeFile(long, await clip({ seconds: 61, size: '64x64' }));
  await page.locator('[data-testid=file]').setInputFiles(long);
  await until('the limit being named', async () => /60/.test(await page.locator('[data-testid=rejection]').textContent()));
  assert.equal(sent, 0);
  await context.close();
});

test('text renamed to a video fails with a reason the creator can read', async () => {
  const { context, page } = await creator('/upload');
  const fake = join(dir, 'fake.mp4');
  await writeFile(fake, 'this is no video at all\n'.repeat(200));
  await page.locator('[data-testid=file]').setInputFiles(fake);
  await page.locator('[data-testid=publish]').click();
  const failure = page.locator('[data-testid=failure]');
  await failure.waitFor();
  assert.ok((await failure.textContent())?.trim(), 'a sentence');
  await context.close();
});

test('leaving the page does not lose the upload', async () => {
  const { context, page } = await creator('/upload');
  await page.locator('[data-testid=file]').setInputFiles(path);
  await page.locator('[data-testid=caption-input]').fill('Kept over a reload');
  await page.locator('[data-testid=upload-progress]').waitFor();
  await until('the draft being kept', () =>
    page.evaluate(
      () =>
        new Promise((resolve) => {
          const opening = indexedDB.open('takt-drafts');
          opening.onerror = () => resolve(false);
          opening.onsuccess = () => {
            const db = opening.result;
            const count = db.objectStoreNames.length && db.transaction('files').objectStore('files').count();
            if (!count) return resolve(false);
            count.onsuccess = () => resolve(count.result === 1);
            db.close();
          };
        }),
    ),
  );
  await page.reload();
  await page.locator('[data-testid=publish]').waitFor();
  assert.equal(await page.locator('[data-testid=caption-input]').inputValue(), 'Kept over a reload');
  await page.locator('[data-testid=publish]').click();
  await page.locator('[data-testid=upload][data-phase=ready]').waitFor();
  assert.deepEqual(context.complaints, []);
  await context.close();
});

test('a deleted video can be taken back for a while, and is gone after that', async () => {
  const { api, context, page } = await creator('/');
  const video = await api.publish(bytes, 'To be deleted');
  const remove = async () => {
    await page.goto(`${takt.url}/v/${video.id}`);
    await moving(page);
    await page.locator('[data-testid=slide] [data-testid=options]').click();
    await page.locator('[data-testid=delete-video]').click();
    await page.locator('[data-testid=toast] button').waitFor();
  };
  await remove();
  await page.locator('[data-testid=toast] button').click();
  assert.equal((await api.raw('GET', `/videos/${video.id}`)).status, 200, 'taken back');

  await remove();
  // Leaving the page is as final as letting the time pass. To a page of the same site: Chromium ends the process of a page
  // left for another site at once, now and then before its last request went out.
  await page.goto(`${takt.url}/sign-in`);
  await until('the video being gone', async () => (await api.raw('GET', `/videos/${video.id}`)).status === 404);
  const file = new URL(video.renditions[0].url, takt.url);
  await until('its bytes being gone', async () => (await fetch(file)).status === 404);
  assert.deepEqual(context.complaints, []);
  await context.close();
});
