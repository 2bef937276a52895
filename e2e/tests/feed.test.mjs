/** The feed: the first thing anybody sees, in a phone's browser against a real server. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Api } from '../lib/api.mjs';
import { atEnd, currentVideo, launch, moving, open, player, swap, swipe, visitor } from '../lib/browser.mjs';
import { clips } from '../lib/clips.mjs';
import { Takt } from '../lib/takt.mjs';
import { until } from '../lib/wait.mjs';

const CLIPS = 8;

let takt, browser, creator;

before(async () => {
  takt = await Takt.start();
  browser = await launch();
  creator = await Api.signUp(takt.url);
  for (const [i, bytes] of (await clips(CLIPS)).entries()) await creator.publish(bytes, `Clip ${i}`);
});

after(async () => {
  await browser?.close();
  await takt?.close();
});

/** Everything a page reports, as the server sees it. */
function reports(page) {
  const events = [];
  page.on('request', (request) => {
    if (request.url().endsWith('/api/v1/events')) events.push(...(request.postDataJSON()?.events ?? []));
  });
  return events;
}

/** Waits until a video was on the stage for longer than an impression takes. */
async function watched(page, id) {
  await until(`video ${id} being watched`, async () => (await player(page)).time > 0.6);
  return id;
}

test('the first video plays, and so does every other, none of them twice', async () => {
  const context = await visitor(browser, { hasTouch: true, isMobile: true });
  const page = await open(context, `${takt.url}/`);
  const events = reports(page);
  const seen = [await watched(page, await moving(page))];
  const go = async (act) => seen.push(await watched(page, await swap(page, act)));
  await go(() => page.keyboard.press('ArrowDown'));
  await go(() => swipe(page, { from: { x: 195, y: 600 }, to: { x: 195, y: 250 } }));
  await go(() => page.mouse.wheel(0, 400));
  const back = await swap(page, () => page.keyboard.press('ArrowUp'));
  assert.equal(back, seen[2], 'up leads back to the video before');
  await swap(page, () => page.keyboard.press('ArrowDown'));
  while (seen.length < CLIPS) await go(() => page.keyboard.press('j'));
  assert.equal(new Set(seen).size, CLIPS, `every video once: ${seen}`);

  await page.keyboard.press('ArrowDown');
  await until('the end of the feed', () => atEnd(page));
  await until('an impression and a watch of every video', () => {
    const of = (type) => new Set(events.filter((event) => event.type === type).map((event) => event.video_id));
    return of('impression').size === CLIPS && of('watch').size === CLIPS;
  });
  for (const event of events) {
    assert.ok(event.impression_id, 'a report of the feed names its impression');
    if (event.type === 'watch') assert.ok(event.watch_ms > 0);
  }
  assert.deepEqual(context.complaints, []);

  // The same viewer in a new tab: only what is new.
  const { id } = await creator.publish((await clips(1))[0], 'Later');
  const tab = await open(context, `${takt.url}/`);
  assert.equal(await moving(tab), id);
  await tab.keyboard.press('ArrowDown');
  await until('the end of the feed', () => atEnd(tab));
  assert.deepEqual(context.complaints, []);
  await context.close();
});

test('a reload goes on where the feed was and repeats nothing', async () => {
  const context = await visitor(browser);
  const page = await open(context, `${takt.url}/`);
  const seen = [await moving(page)];
  for (let i = 0; i < 2; i += 1) seen.push(await swap(page, () => page.keyboard.press('ArrowDown')));
  // An answer that was on its way when the page went away is lost, as a swipe too far would be: let it arrive.
  const kept = () => page.evaluate(() => JSON.parse(sessionStorage.getItem('takt.feed.for-you') ?? '{"items":[]}').items.length);
  await until('the rest of the feed', async () => (await kept()) >= CLIPS - 2);
  await page.reload();
  assert.equal(await moving(page), seen.at(-1), 'the video that was on the stage');
  for (;;) {
    const next = await until('the next video or the end', async () => {
      if (await atEnd(page)) return 'end';
      const id = await currentVideo(page);
      if (id !== seen.at(-1)) return id;
      // The end is known only after the server was asked once more; until then a key finds nowhere to go.
      await page.keyboard.press('ArrowDown');
      return false;
    });
    if (next === 'end') break;
    assert.ok(!seen.includes(next), `${next} came twice`);
    seen.push(next);
  }
  assert.ok(seen.length >= CLIPS, `everything was shown: ${seen.length}`);
  assert.deepEqual(context.complaints, []);
  await context.close();
});

test('a view counts once a second was watched, and reports add up per impression', async () => {
  const context = await visitor(browser);
  const page = await open(context, `${takt.url}/`);
  const events = reports(page);
  const id = await moving(page);
  const views = async () => (await creator.get(`/videos/${id}`)).video.counts.views;
  const had = await views();
  await until('more than a second of playback', async () => (await player(page)).time > 1.2);
  const hide = () => page.evaluate(() => {
    Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  });
  const show = () => page.evaluate(() => {
    Object.defineProperty(document, 'visibilityState', { value: 'visible', configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  });
  await hide();
  await until('the view being counted', async () => (await views()) === had + 1);
  await show();
  await moving(page);
  await swap(page, () => page.keyboard.press('ArrowDown'));
  const told = () => events.filter((event) => event.type === 'watch' && event.video_id === id);
  await until('the later report', () => new Set(told().map((event) => event.id)).size >= 2 || told().some((event) => event.watch_ms > 1200));
  const sums = told().map((event) => event.watch_ms);
  assert.ok(sums.at(-1) >= 1000, `what was watched so far, not what was added: ${sums}`);
  assert.equal(await views(), had + 1, 'one impression is one view');
  await context.close();
});

test('keys: M and L and space; likes reach the server', async () => {
  const context = await visitor(browser);
  const page = await open(context, `${takt.url}/`);
  const id = await moving(page);
  const likes = async () => (await creator.get(`/videos/${id}`)).video.counts.likes;
  const had = await likes();

  await page.keyboard.press('l');
  await until('the like', async () => (await likes()) === had + 1);
  assert.equal(await page.locator('[data-testid=slide] [data-testid=like]').getAttribute('aria-pressed'), 'true');
  await page.keyboard.press('l');
  await until('the like being taken back', async () => (await likes()) === had);

  const { muted } = await player(page);
  await page.keyboard.press('m');
  await until('the sound being switched', async () => (await player(page)).muted !== muted);
  await page.keyboard.press('m');
  await until('the sound being switched back', async () => (await player(page)).muted === muted);

  await page.keyboard.press(' ');
  await until('a pause', async () => (await player(page)).paused);
  await page.keyboard.press(' ');
  await moving(page);
  assert.deepEqual(context.complaints, []);
  await context.close();
});

test('one tap pauses, two like', async () => {
  const context = await visitor(browser, { hasTouch: true, isMobile: true });
  const page = await open(context, `${takt.url}/`);
  const id = await moving(page);
  const likes = async () => (await creator.get(`/videos/${id}`)).video.counts.likes;
  const had = await likes();
  const tap = () => page.touchscreen.tap(190, 400);

  // The first gesture is taken for the sound where the browser held it back; after it a tap is a tap.
  const pill = page.locator('[data-testid=sound-pill]');
  if (await pill.isVisible()) await pill.tap();
  await tap();
  await until('a pause', async () => (await player(page)).paused);
  await tap();
  await moving(page);

  // Both taps in one go, so that a busy machine does not pull them apart.
  const client = await context.newCDPSession(page);
  const touch = (type, points) => client.send('Input.dispatchTouchEvent', { type, touchPoints: points });
  const finger = [{ x: 190, y: 400 }];
  await Promise.all([touch('touchStart', finger), touch('touchEnd', []), touch('touchStart', finger), touch('touchEnd', [])]);
  await until('the like', async () => (await likes()) === had + 1);
  assert.equal((await player(page)).paused, false, 'a double tap does not pause');
  assert.deepEqual(context.complaints, []);
  await context.close();
});
