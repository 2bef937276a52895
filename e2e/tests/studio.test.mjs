/** The studio from end to end: a sound is picked, lips are moved to it, and what its owner says about that holds. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Api, newHandle } from '../lib/api.mjs';
import { findings, still } from '../lib/axe.mjs';
import { DESKTOP, moving, PHONE, SMALL_PHONE, visitor } from '../lib/browser.mjs';
import { studioBrowser } from '../lib/camera.mjs';
import { clip } from '../lib/clips.mjs';
import { at, choose, enter, filled, phase, record, saved, slide, takes } from '../lib/studio.mjs';
import { Takt } from '../lib/takt.mjs';
import { until } from '../lib/wait.mjs';

const TITLE = 'Rain on a tin roof';

let takt, studio, owner, original, sound;

before(async () => {
  takt = await Takt.start();
  studio = await studioBrowser();
  owner = await Api.signUp(takt.url, newHandle('owner'));
  original = await owner.publish(await clip({ seconds: 8, size: '360x640', tone: 330 }), 'The original');
  sound = (await owner.ready(original.id)).sound;
  await owner.call('PATCH', `/sounds/${sound.id}`, { title: TITLE, licence: 'cc_by', credit: 'Tin & Rain' });
  // It is offered once it was listened to.
  await until('the sound being found', async () => (await owner.get('/sounds?query=tin%20roof')).items.some(({ id }) => id === sound.id));
});

after(async () => {
  await studio?.close();
  await takt?.close();
});

/** A creator with a camera, signed in, on a page of the app. */
async function creator(path, options = {}) {
  const api = await Api.signUp(takt.url, newHandle('singer'));
  const context = await visitor(studio.browser, { viewport: PHONE, permissions: ['camera', 'microphone'], ...options });
  const page = await enter(context, api, path);
  return { api, context, page };
}

async function pickSound(page) {
  await at(page, 'pick-sound').click();
  await at(page, 'sound-search').fill('tin roof');
  await at(page, 'sound').filter({ hasText: TITLE }).click();
  await at(page, 'use-sound').click();
}

test('a sound is picked, sung to, edited, published, watched, used again, and taken back', async () => {
  const { api, context, page } = await creator('/create');
  await pickSound(page);
  await record(page, 2);
  await record(page, 2);
  await at(page, 'to-edit').click();
  await at(page, 'segment').nth(1).waitFor();

  await at(page, 'segment').nth(1).click();
  const end = Number(await at(page, 'trim-to').inputValue());
  await slide(at(page, 'trim-to'), end - 700);
  await at(page, 'tool-text').click();
  await at(page, 'add-text').click();
  await at(page, 'text-input').fill('Two takes, one beat');
  await at(page, 'tool-look').click();
  await choose(page, 'look-warm');
  await saved(page);

  await at(page, 'to-publish').click();
  await at(page, 'caption-input').fill('Sung in two takes #rain');
  await at(page, 'alt-text').fill('Bars of light move over a grey wall');
  await at(page, 'publish-now').click();
  await page.locator('[data-testid=published][data-phase=ready]').waitFor({ timeout: 90_000 });
  await at(page, 'watch').click();
  await page.waitForURL(/\/v\/[0-9a-f-]{36}$/);
  const id = await moving(page);

  const { video } = await api.get(`/videos/${id}`);
  assert.equal(video.sound.id, sound.id, 'it has the sound that was picked');
  assert.equal(video.caption, 'Sung in two takes #rain');
  assert.equal(video.alt_text, 'Bars of light move over a grey wall');
  assert.equal([video.width, video.height].join('x'), '720x1280');
  const other = await Api.signUp(takt.url, newHandle('viewer'));
  const { items } = await other.get('/feeds/latest?limit=6');
  assert.equal(items[0].video.id, id, 'others find it in the feed');

  // From the video to its sound, and into the studio with it.
  await at(page, 'sound').first().click();
  await at(page, 'sound-page').waitFor();
  assert.equal(await page.locator('h1').textContent(), TITLE);
  await until('its videos', async () => (await page.locator('[data-testid=grid] a').count()) === 2);
  await at(page, 'save-sound').click();
  await page.locator('[data-testid=save-sound][aria-pressed=true]').waitFor();
  await at(page, 'use-this-sound').click();
  await until('the sound being there', async () => (await at(page, 'pick-sound').textContent())?.includes(TITLE));
  await record(page, 1);
  await at(page, 'to-edit').click();
  await saved(page);

  // Its owner changes their mind: drafts are refused, the page says so, what is published follows the owner's choice.
  const ownerContext = await visitor(studio.browser);
  const ownerPage = await enter(ownerContext, owner, `/sounds/${sound.id}`);
  await choose(ownerPage, 'on-revoke-mute');
  await at(ownerPage, 'toast').waitFor();
  await choose(ownerPage, 'consent-nobody');
  await until('the consent being gone', async () => (await api.get(`/sounds/${sound.id}`)).sound.consent === 'nobody');

  await at(page, 'to-publish').click();
  await at(page, 'publish-now').click();
  await at(page, 'publish-problem').waitFor();
  assert.match(await at(page, 'publish-problem').textContent(), /no longer/);
  await page.goto(`${takt.url}/sounds/${sound.id}`);
  await at(page, 'not-allowed').waitFor();
  assert.equal(await at(page, 'use-this-sound').count(), 0);
  await until('silence', async () => (await api.get(`/videos/${id}`)).video.muted === true, 60_000);
  await page.goto(`${takt.url}/v/${id}`);
  await moving(page);
  assert.match(await at(page, 'muted').first().textContent(), /withdrawn/, 'the page says why it is silent');
  await owner.call('PATCH', `/sounds/${sound.id}`, { consent: 'everyone' });
  assert.deepEqual(context.complaints.filter((line) => !line.includes('409')), []);
  await ownerContext.close();
  await context.close();
});

test('a draft survives a reload, and goes on where another device left it', async () => {
  const { api, context, page } = await creator('/create');
  await record(page, 1);
  await at(page, 'to-edit').click();
  await at(page, 'tool-text').click();
  await at(page, 'add-text').click();
  await at(page, 'text-input').fill('Kept');
  await saved(page);
  await page.reload();
  await at(page, 'segment').waitFor();
  await at(page, 'tool-text').click();
  assert.equal(await at(page, 'text-input').inputValue(), 'Kept');

  const desk = await visitor(studio.browser, { viewport: DESKTOP, permissions: ['camera', 'microphone'] });
  const there = await enter(desk, api, '/create');
  await at(there, 'drafts').click();
  await at(there, 'draft').click();
  await at(there, 'segment').waitFor();
  await until('the pictures from the other device', () =>
    there.locator('[data-testid=preview] video').evaluate((video) => video.readyState >= 2 && video.videoWidth > 0),
  );
  await at(there, 'tool-text').click();
  await at(there, 'text-input').fill('Changed at the desk');
  await saved(there);
  const { items } = await api.get('/drafts');
  const { draft } = await api.get(`/drafts/${items[0].id}`);
  assert.equal(items.length, 1, 'one draft, not two');
  assert.equal(draft.edit.texts[0].text, 'Changed at the desk');

  // The phone comes back with an older version: it asks.
  await at(page, 'text-input').fill('Changed on the phone');
  await page.locator('[data-testid=sync][data-state=conflict]').waitFor();
  await page.getByRole('button', { name: 'The other one' }).click();
  await saved(page);
  assert.equal(await at(page, 'text-input').inputValue(), 'Changed at the desk');
  await desk.close();
  await context.close();
});

test('a duet plays in step while it is recorded, and says with whom', async () => {
  const { api, context, page } = await creator(`/v/${original.id}`);
  await moving(page);
  await page.locator('[data-testid=options]:visible').click();
  await at(page, 'duet').click();
  await at(page, 'other-clip').waitFor();
  await at(page, 'layout-stacked').click();
  await record(page, 2);
  await at(page, 'to-edit').click();
  await at(page, 'to-publish').click();
  await at(page, 'caption-input').fill('Together');
  await at(page, 'publish-now').click();
  await page.locator('[data-testid=published][data-phase=ready]').waitFor({ timeout: 90_000 });
  await at(page, 'watch').click();
  const id = await moving(page);
  const line = at(page, 'lineage').first();
  assert.equal((await line.textContent())?.trim(), `Duet with @${owner.handle}`);
  assert.equal(await line.getAttribute('href'), `/v/${original.id}`);
  assert.equal((await api.get(`/videos/${id}`)).video.lineage.kind, 'duet');
  assert.deepEqual(context.complaints, []);
  await context.close();
});

test('one hand and a keyboard are enough, and every state is said', async () => {
  const { context, page } = await creator('/create', { viewport: SMALL_PHONE });
  const said = () => at(page, 'live').textContent();
  await phase(page, 'ready').waitFor();
  // Held: the take ends when the key is let go.
  await at(page, 'record').focus();
  await page.keyboard.down(' ');
  await phase(page, 'recording').waitFor();
  await until('being told', async () => (await said()) === 'Recording');
  await until('a second', async () => (await filled(page)) >= 1);
  await page.keyboard.up(' ');
  await until('the take', async () => (await takes(page)) === 1);
  await until('being told', async () => /^Take 1 kept/.test((await said()) ?? ''));
  // Pressed: it starts and stops.
  await page.keyboard.press('Enter');
  await phase(page, 'recording').waitFor();
  await until('more', async () => (await filled(page)) >= 2);
  await page.keyboard.press('Enter');
  await until('the take', async () => (await takes(page)) === 2);
  await at(page, 'delete-last').focus();
  await page.keyboard.press('Enter');
  await until('one take', async () => (await takes(page)) === 1);
  await at(page, 'to-edit').focus();
  await page.keyboard.press('Enter');

  await at(page, 'segment').focus();
  const before = Number(await at(page, 'trim-to').inputValue());
  await at(page, 'trim-to').focus();
  for (let i = 0; i < 4; i += 1) await page.keyboard.press('ArrowLeft');
  assert.ok(Number(await at(page, 'trim-to').inputValue()) < before, 'the arrow keys trim');
  await at(page, 'tool-clips').focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  await page.locator('[data-testid=tool-text][aria-selected=true]').waitFor();
  await at(page, 'add-text').focus();
  await page.keyboard.press('Enter');
  await page.keyboard.type('By keys alone');
  const place = () => at(page, 'text-handle').evaluate((handle) => handle.style.top);
  const from = await place();
  await at(page, 'text-handle').focus();
  await page.keyboard.press('ArrowDown');
  await until('the text moving', async () => (await place()) !== from);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, 'nothing to scroll sideways');
  await context.close();
});

/**
 * Goes through a page by the tab key alone: everything that can be used is reached, is on the screen then, and comes to
 * an end. Of a group of radio buttons or tabs one is enough; arrows reach the others.
 */
async function walk(page, where) {
  const wanted = await page.evaluate(() => {
    const root = document.querySelector('dialog[open]') ?? document.body;
    const usable = [...root.querySelectorAll('a[href], button, input, select, textarea')].filter(
      (one) => !one.disabled && one.tabIndex >= 0 && one.checkVisibility({ visibilityProperty: true }) && !(one.type === 'radio' && !one.checked),
    );
    usable.forEach((one, i) => (one.dataset.walk = String(i)));
    return usable.map((one) => one.dataset.testid ?? one.getAttribute('aria-label') ?? one.textContent.trim());
  });
  const reached = new Set();
  const hidden = [];
  for (let i = 0; i < wanted.length + 8 && reached.size < wanted.length; i += 1) {
    await page.keyboard.press('Tab');
    const now = await page.evaluate(() => {
      const one = document.activeElement;
      const box = (one.closest('label') ?? one).getBoundingClientRect();
      return { walk: one.dataset?.walk, seen: box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth };
    });
    if (now.walk === undefined) continue;
    reached.add(Number(now.walk));
    if (!now.seen) hidden.push(wanted[Number(now.walk)]);
  }
  assert.deepEqual(wanted.filter((_, i) => !reached.has(i)), [], `${where}: not reached by the tab key`);
  assert.deepEqual(hidden, [], `${where}: reached, but not on the screen`);
  // A page that stands still does not scroll, so what is too wide for it would just be cut off.
  const wide = await page.evaluate(() => {
    const rows = document.querySelectorAll('.editor > *, .recorder .over > *, .publish > *');
    const out = [...rows].filter((one) => one.getBoundingClientRect().right > innerWidth + 0.5).map((one) => one.className || one.localName);
    // What is hidden but for screen readers can make a page wider all the same.
    return document.documentElement.scrollWidth > innerWidth ? [...out, 'page'] : out;
  });
  assert.deepEqual(wide, [], `${where}: wider than the screen`);
}

/** By the tab key to one control, as somebody without a mouse gets there. */
async function tabTo(page, id) {
  const there = () => page.evaluate((wanted) => document.activeElement?.getAttribute('data-testid') === wanted, id);
  for (let i = 0; i < 80 && !(await there()); i += 1) await page.keyboard.press('Tab');
  assert.ok(await there(), `the tab key does not lead to ${id}`);
}

async function press(page, id, key = 'Enter') {
  await tabTo(page, id);
  await page.keyboard.press(key);
}

test('the whole way from a sound to a published video by the keyboard alone, at 360 px', async () => {
  const { api, context, page } = await creator('/create', { viewport: SMALL_PHONE });
  await phase(page, 'ready').waitFor();
  await walk(page, 'recorder');
  await press(page, 'pick-sound');
  await at(page, 'sound').first().waitFor();
  await tabTo(page, 'sound-search');
  await page.keyboard.type('tin roof');
  await at(page, 'sound').filter({ hasText: TITLE }).waitFor();
  await until('one sound', async () => (await at(page, 'sound').count()) === 1);
  await walk(page, 'sounds');
  await press(page, 'sound');
  await at(page, 'use-sound').waitFor();
  await walk(page, 'one sound');
  await press(page, 'use-sound');
  await phase(page, 'ready').waitFor();
  await press(page, 'record');
  await until('some seconds', async () => (await filled(page)) >= 2);
  await page.keyboard.press('Enter');
  await until('the take', async () => (await takes(page)) === 1);
  await walk(page, 'recorder with a take');
  await press(page, 'to-edit');
  await at(page, 'segment').waitFor();
  await walk(page, 'clips');
  await press(page, 'frame');
  await at(page, 'zoom').waitFor();
  await walk(page, 'frame');
  await tabTo(page, 'zoom');
  for (let i = 0; i < 6; i += 1) await page.keyboard.press('ArrowRight');
  await at(page, 'across').waitFor();
  await tabTo(page, 'tool-clips');
  for (const tool of ['sound', 'text', 'look', 'poster']) {
    await page.keyboard.press('ArrowRight');
    await page.locator(`[data-testid=tool-${tool}][aria-selected=true]`).waitFor();
    if (tool === 'text') {
      await press(page, 'add-text');
      await page.keyboard.type('No mouse');
    }
    await walk(page, tool);
    await tabTo(page, `tool-${tool}`);
  }
  await saved(page);
  await press(page, 'to-publish');
  await at(page, 'publish-page').waitFor();
  await walk(page, 'publish');
  await tabTo(page, 'caption-input');
  await page.keyboard.type('By keys');
  await press(page, 'publish-now');
  await page.locator('[data-testid=published][data-phase=ready]').waitFor({ timeout: 90_000 });
  await press(page, 'watch');
  const id = await moving(page);
  const { video } = await api.get(`/videos/${id}`);
  assert.deepEqual([video.caption, video.sound.id], ['By keys', sound.id]);
  await context.close();
});

for (const [colorScheme, viewport] of [['light', PHONE], ['dark', DESKTOP]]) {
  test(`no serious finding in the studio (${colorScheme}, ${viewport.width} px)`, async () => {
    const { context, page } = await creator('/create', { colorScheme, viewport });
    const found = [];
    const check = async (where) => {
      await still(page);
      found.push(...(await findings(page)).map((finding) => `${where}: ${finding}`));
    };
    await phase(page, 'ready').waitFor();
    await check('recorder');
    await at(page, 'pick-sound').click();
    await at(page, 'sound').first().waitFor();
    await check('sounds');
    await at(page, 'sound').filter({ hasText: TITLE }).click();
    await check('one sound');
    await at(page, 'use-sound').click();
    await record(page, 1);
    await check('recorder with a take');
    await at(page, 'to-edit').click();
    for (const tool of ['clips', 'sound', 'text', 'look', 'poster']) {
      await at(page, `tool-${tool}`).click();
      if (tool === 'text') await at(page, 'add-text').click();
      await check(tool);
    }
    await at(page, 'to-publish').click();
    await at(page, 'publish-page').waitFor();
    await check('publish');
    await page.goto(`${takt.url}/sounds/${sound.id}`);
    await at(page, 'sound-page').locator('h1').waitFor();
    await check('sound page');
    assert.deepEqual(found, []);
    assert.deepEqual(context.complaints, []);
    await context.close();
  });
}
