/** What the recommender says about itself and takes from its viewers, in a browser: why, taste, not interested, follow, reach. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { Api, newHandle, PASSWORD } from '../lib/api.mjs';
import { findings, still } from '../lib/axe.mjs';
import { atEnd, currentVideo, DESKTOP, launch, moving, open, PHONE, signIn, SMALL_PHONE, swap, swipe, visitor } from '../lib/browser.mjs';
import { clips } from '../lib/clips.mjs';
import { Takt } from '../lib/takt.mjs';
import { until } from '../lib/wait.mjs';

const TOPICS = ['cats', 'dogs'];
const ROUNDS = 2;

let takt, browser, creators;
/** By id: `{id, creator: {handle}, caption, ...}`. */
const videos = new Map();

before(async () => {
  takt = await Takt.start();
  browser = await launch();
  creators = [await Api.signUp(takt.url, newHandle('ada')), await Api.signUp(takt.url, newHandle('bo'))];
  const made = await clips(creators.length * TOPICS.length * ROUNDS);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const creator of creators) {
      for (const topic of TOPICS) {
        const video = await creator.publish(made.pop(), `Take ${round} #${topic}`);
        videos.set(video.id, video);
      }
    }
  }
});

after(async () => {
  await browser?.close();
  await takt?.close();
});

const topicOf = (id) => TOPICS.find((topic) => videos.get(id).caption.includes(`#${topic}`));
const handleOf = (id) => videos.get(id).creator.handle;

/** A new account, and the same signed in on a page of the app. */
async function viewer(options = {}) {
  const api = await Api.signUp(takt.url);
  const context = await visitor(browser, options);
  return { api, context };
}

const enter = (context, api) => signIn(context, takt.url, api.handle, PASSWORD);

/** Signed in without a look at the feed: nothing was served, nothing learned. */
async function enterUnseen(context, api, path) {
  await context.request.post(`${takt.url}/api/v1/sessions`, { data: { handle: api.handle, password: PASSWORD } });
  return open(context, takt.url + path);
}

/** Watches a page of For You to the end, as the app would report it. */
async function finish(api, limit) {
  const { items } = await api.get(`/feeds/for-you?limit=${limit}`);
  const events = items.flatMap(({ impression_id, video }) =>
    ['impression', 'watch'].map((type) => ({
      ...{ id: crypto.randomUUID(), type, impression_id, video_id: video.id, at: new Date().toISOString() },
      ...(type === 'watch' ? { watch_ms: video.duration_ms, loops: 1 } : {}),
    })),
  );
  await api.post('/events', { events });
  return items.map(({ video }) => video.id);
}

/** Opens the sheet of the video on the stage and presses what is named in it. */
async function choose(page, ...names) {
  await page.locator('[data-testid=options]:visible').click();
  for (const name of names) await page.locator(`[data-testid=${name}]`).first().click();
}

const numbers = (page, selector) => page.locator(`${selector} [data-value]`).evaluateAll((all) => all.map((one) => Number(one.dataset.value)));

for (const [colorScheme, viewport] of [['dark', PHONE], ['light', DESKTOP]]) {
  test(`"why?" gives reasons, shares and exact numbers that add up (${colorScheme}, ${viewport.width} px)`, async () => {
    const { api, context } = await viewer({ colorScheme, viewport });
    const finished = await finish(api, 4);
    const page = await enter(context, api);
    const asked = page.waitForResponse((answer) => answer.url().endsWith('/why'));
    const id = await moving(page);
    await choose(page, 'why');
    const why = await (await asked).json();
    await page.locator('[data-testid=why-source]').waitFor();
    assert.equal(why.video.id, id, 'the sheet is about the video on the stage');
    assert.equal(why.terms.reduce((sum, term) => sum + term.value, 0), why.score);

    const reasons = await page.locator('[data-testid=why-reason]').allTextContents();
    assert.equal(reasons.length, Math.min(3, why.reasons.length));
    const count = finished.filter((one) => handleOf(one) === handleOf(id)).length;
    assert.match(reasons.join(), new RegExp(`finished ${count} videos? (by @${handleOf(id)}|with #${topicOf(id)})`));
    assert.ok((await page.locator('[data-testid=why-without]').count()) > 0, 'what would have been without it');
    const moved = why.terms.filter((term) => term.value !== 0).length;
    const rest = page.locator('[data-testid=term-rest]');
    const unseen = (await rest.count()) > 0 ? Number(await rest.getAttribute('data-count')) : 0;
    assert.equal((await page.locator('[data-testid=term-bars] li').count()) + unseen, moved, 'every term that counted is a bar or in the number of the others');

    await page.locator('[data-testid=why-details] summary').click();
    const all = await numbers(page, '[data-testid=why-terms] tbody');
    const [score] = await numbers(page, '[data-testid=why-terms] tfoot');
    assert.equal(all.length, why.terms.length);
    assert.equal(all.reduce((sum, value) => sum + value, 0), score);
    await still(page);
    assert.deepEqual(await findings(page), []);

    const [file] = await Promise.all([page.waitForEvent('download'), page.locator('[data-testid=receipt]').click()]);
    assert.match(file.suggestedFilename(), /^takt-receipt-.*\.txt$/);
    assert.ok((await readFile(await file.path(), 'utf8')).includes(why.policy.hash), 'the receipt is of this ranking');
    await page.keyboard.press('Escape');
    await until('the sheet being closed', async () => (await page.locator('[data-testid=sheet]').count()) === 0);
    assert.deepEqual(context.complaints, []);
    await context.close();
  });
}

test('"why?" is one key away, in German too, and says of Latest that nothing was ranked', async () => {
  const context = await visitor(browser, { locale: 'de-DE', viewport: DESKTOP });
  const page = await open(context, `${takt.url}/latest`);
  await moving(page);
  await page.keyboard.press('w');
  await page.locator('[data-testid=why-source]').waitFor();
  const text = await page.locator('[data-testid=why-sheet]').innerText();
  assert.match(text, /alle dasselbe/);
  assert.doesNotMatch(text, /undefined|\[object|\bnull\b/);
  assert.equal(await page.locator('[data-testid=term-bars]').count(), 0);
  await page.keyboard.press('Escape');
  await context.close();
});

const SPOKEN = {
  en: {
    locale: 'en-GB',
    reason: (title) => `You finished “${title}”, and people who liked that liked this, too.`,
    sources: { co_watch: 'People who liked what you liked lately also liked this.', next: 'People liked it right after what you liked lately.' },
    forget: (name) => `Forget ${name}`,
    forgotten: (name) => `${name}: forgotten, Takt learns it anew`,
  },
  de: {
    locale: 'de-DE',
    reason: (title) => `Du hast „${title}“ zu Ende gesehen, und wem das gefiel, dem gefiel auch dies.`,
    sources: { co_watch: 'Wem zuletzt dasselbe gefiel wie dir, dem gefiel auch das.', next: 'Es gefiel anderen gleich nach dem, was dir zuletzt gefiel.' },
    forget: (name) => `${name} vergessen`,
    forgotten: (name) => `${name}: vergessen, Takt lernt es neu`,
  },
};

for (const [language, said] of Object.entries(SPOKEN)) {
  test(`"why?" names the videos that led to one, by those who watched both (${language})`, async () => {
    for (let i = 0; i < 4; i += 1) await finish(await Api.signUp(takt.url), videos.size);
    const { api, context } = await viewer({ locale: said.locale, viewport: SMALL_PHONE });
    const finished = await finish(api, 2);
    const page = await enter(context, api);
    await moving(page);
    // Some places of a page are for chance; the others come of what was watched.
    for (;;) {
      const asked = page.waitForResponse((answer) => answer.url().endsWith('/why'));
      await choose(page, 'why');
      const why = await (await asked).json();
      await page.locator('[data-testid=why-source]').waitFor();
      const led = why.reasons.slice(0, 3).filter(({ subject }) => subject.kind === 'video');
      const lines = await page.locator('[data-testid=why-reason] p').evaluateAll((all) => all.map((one) => one.firstChild.textContent.trim()));
      for (const { subject } of led) {
        assert.ok(finished.includes(subject.id), 'it is one that was finished');
        assert.ok(lines.includes(said.reason(videos.get(subject.id).caption)), `${lines}`);
      }
      const line = (await page.locator('[data-testid=why-source] p').evaluate((one) => one.firstChild.textContent)).trim();
      if (said.sources[why.source]) assert.equal(line, said.sources[why.source]);
      assert.doesNotMatch(await page.locator('[data-testid=why-sheet]').innerText(), /undefined|\[object|\bnull\b|co_watch/);
      const bars = await page.locator('[data-testid=term-bars] li').count();
      assert.ok(bars > 0, 'and what it counted for');
      await page.keyboard.press('Escape');
      await until('the sheet being closed', async () => (await page.locator('[data-testid=sheet]').count()) === 0);
      if (led.length > 0) break;
      await swap(page, () => page.keyboard.press('ArrowDown'));
    }
    assert.deepEqual(context.complaints, []);
    await context.close();
  });

  test(`one thing is forgotten, and only that (${language})`, async () => {
    const { api, context } = await viewer({ locale: said.locale, viewport: SMALL_PHONE });
    await finish(api, 4);
    const believed = async () => (await api.get('/taste')).subjects;
    await until('a taste', async () => (await believed()).some(({ kind }) => kind === 'tag'));
    const before = await believed();
    const tag = before.find(({ kind }) => kind === 'tag');
    const page = await enterUnseen(context, api, '/settings/taste');
    const rows = page.locator('[data-testid=taste-subject]');
    await rows.first().waitFor();
    for (const all of await page.locator('[data-testid^=taste-] .row-button').all()) await all.click();
    const row = page.locator(`[data-testid=taste-subject][data-kind=tag][data-label="${tag.label}"]`);
    const button = row.locator('[data-testid=forget]');
    assert.equal(await button.getAttribute('aria-label'), said.forget(`#${tag.label}`));
    await button.focus();
    await page.keyboard.press('Enter');
    await page.locator('[data-testid=toast]', { hasText: said.forgotten(`#${tag.label}`) }).waitFor();
    await row.waitFor({ state: 'detached' });
    const names = (subjects) => subjects.map(({ kind, id, label }) => `${kind} ${id ?? label}`).sort();
    assert.deepEqual(names(await believed()), names(before.filter((one) => one !== tag)), 'all the others are as they were');
    await page.reload();
    await rows.first().waitFor();
    assert.equal(await row.count(), 0, 'also when one comes back');
    // What was watched is still known: none of it comes twice.
    assert.equal((await api.get('/taste')).seen_count, 4);
    assert.deepEqual(context.complaints, []);
    await context.close();
  });
}

test('what the taste page is told is felt in the next page of the feed', async () => {
  const { api, context } = await viewer();
  const page = await enterUnseen(context, api, '/settings');
  await page.locator('[data-testid=taste-link]').click();
  await page.locator('[data-testid=topic]').fill('#Cats');
  await page.locator('[data-testid=add-topic]').click();
  const row = (label) => page.locator(`[data-testid=taste-subject][data-label="${label}"]`);
  await row('cats').waitFor();
  assert.equal(await row('cats').locator('[data-testid=more]').getAttribute('aria-pressed'), 'true');
  await page.locator('[data-testid=topic]').fill('dogs');
  await page.locator('[data-testid=add-topic]').click();
  await row('dogs').waitFor();
  await row('dogs').locator('[data-testid=less]').click();
  await page.locator('[data-testid=taste-dislikes] [data-label=dogs]').waitFor();
  await still(page);
  assert.deepEqual(await findings(page), []);

  await page.locator('[data-testid=nav-home]').click();
  const seen = [await moving(page)];
  seen.push(await swap(page, () => page.keyboard.press('ArrowDown')));
  assert.deepEqual(seen.map(topicOf), ['cats', 'cats']);
  await choose(page, 'why');
  await page.locator('[data-testid=why-source]').waitFor();
  await page.locator('[data-testid=why-details] summary').click();
  const wish = page.locator('[data-testid=why-terms] tr', { has: page.locator('code', { hasText: /^wish$/ }) }).locator('td');
  assert.ok(Number(await wish.getAttribute('data-value')) > 0, 'and the sheet says why');
  assert.deepEqual(context.complaints, []);
  await context.close();
});

test('a taste can be paused, saved, forgotten and loaded again', async () => {
  const { api, context } = await viewer({ viewport: SMALL_PHONE });
  await api.call('PUT', '/taste/subjects', { kind: 'tag', label: 'cats', wish: 'more' });
  const page = await enterUnseen(context, api, '/settings/taste');
  const subjects = page.locator('[data-testid=taste-subject]');
  await page.locator('[data-testid=learning]').click();
  await until('a pause', async () => (await api.get('/taste')).learning === false);
  await page.reload();
  await until('the pause on the page', async () => !(await page.locator('[data-testid=learning]').isChecked()));

  const [file] = await Promise.all([page.waitForEvent('download'), page.locator('[data-testid=export]').click()]);
  const path = await file.path();
  await page.locator('[data-testid=reset]').click();
  await page.locator('[data-testid=reset-confirm]').click();
  await until('an empty taste', async () => (await subjects.count()) === 0 && (await api.get('/taste')).subjects.length === 0);
  await page.locator('[data-testid=taste-empty]').waitFor();

  await page.locator('[data-testid=import]').setInputFiles({ name: 'not.json', mimeType: 'application/json', buffer: Buffer.from('not a taste') });
  await page.locator('[data-testid=toast]', { hasText: 'holds no taste' }).waitFor();
  await page.locator('[data-testid=import]').setInputFiles(path);
  await page.locator('[data-testid=toast]', { hasText: 'Your taste is loaded' }).waitFor();
  await until('the taste being back', async () => (await subjects.count()) === 1);
  assert.equal((await api.get('/taste')).subjects[0].pinned, 'more');
  // Taking a wish back is pressing it again.
  await subjects.first().locator('[data-testid=more]').click();
  await until('no wish', async () => !(await api.get('/taste')).subjects.some((one) => one.pinned));
  assert.deepEqual(context.complaints, []);
  await context.close();
});

/** Videos the app holds for the feed, the one on the stage first. */
const queue = (page) => page.evaluate(() => JSON.parse(sessionStorage.getItem('takt.feed.for-you') ?? '{"items":[]}').items.map((item) => item.video.id));

test('"not interested" takes everything of it away at once, and undo brings it back', async () => {
  const { api, context } = await viewer({ hasTouch: true, isMobile: true });
  const page = await enter(context, api);
  const id = await moving(page);
  await until('a queue', async () => (await queue(page)).length >= 4);
  const before = await queue(page);
  const of = (handle) => (one) => handleOf(one) === handle;
  assert.ok(before.some(of(handleOf(id))) && !before.every(of(handleOf(id))), 'both creators are waiting');

  const now = await swap(page, () => choose(page, 'not-interested', 'hide-creator'));
  assert.notEqual(handleOf(now), handleOf(id));
  assert.deepEqual((await queue(page)).filter(of(handleOf(id))), [], 'nothing of theirs is left in the queue');
  await until('the server knowing', async () => (await api.get('/taste')).not_interested.length === 1);

  await page.locator('[data-testid=toast] button').click();
  await until('the video being back', async () => (await currentVideo(page)) === id);
  await until('the server knowing', async () => (await api.get('/taste')).not_interested.length === 0);
  assert.deepEqual(new Set((await queue(page)).slice(0, before.length)), new Set(before), 'the others are back as well');

  // For good this time, by topic, and taken back on the taste page.
  await moving(page);
  const topic = topicOf(await currentVideo(page));
  await swap(page, () => choose(page, 'not-interested', 'hide-tag'));
  await until('the server knowing', async () => (await api.get('/taste')).not_interested.length === 1);
  for (;;) {
    if (await atEnd(page)) break;
    assert.notEqual(topicOf(await currentVideo(page)), topic);
    const last = await currentVideo(page);
    await page.keyboard.press('ArrowDown');
    await until('the next or the end', async () => (await currentVideo(page)) !== last);
    await until('a video or the end', async () => (await currentVideo(page)) !== '' || atEnd(page));
  }
  await page.goto(`${takt.url}/settings/taste`);
  await page.locator('[data-testid=hidden-list]').getByText(`#${topic}`).waitFor();
  await page.locator('[data-testid=show-again]').click();
  await until('nothing hidden', async () => (await api.get('/taste')).not_interested.length === 0);
  assert.deepEqual(context.complaints, []);
  await context.close();
});

test('four feeds: by tab, by swipe, and two of them for nobody in particular', async () => {
  const context = await visitor(browser, { hasTouch: true, isMobile: true });
  const page = await open(context, `${takt.url}/`);
  await moving(page);
  const current = () => page.locator('.tabs a[aria-current=page]').getAttribute('data-testid');
  assert.equal(await current(), 'tab-for-you');
  await page.locator('[data-testid=tab-popular]').click();
  await until('Popular', async () => new URL(page.url()).pathname === '/popular');
  await moving(page);
  await page.locator('[data-testid=fallback]', { hasText: 'Not personalised' }).waitFor();
  await swipe(page, { from: { x: 320, y: 400 }, to: { x: 80, y: 400 } });
  await until('Latest', async () => (await current()) === 'tab-latest');
  const newest = [...videos.keys()].at(-1);
  assert.equal(await moving(page), newest, 'the newest comes first');
  for (const tab of ['tab-popular', 'tab-for-you', 'tab-following']) {
    await swipe(page, { from: { x: 80, y: 400 }, to: { x: 320, y: 400 } });
    await until(tab, async () => (await current()) === tab);
    if (tab !== 'tab-following') await moving(page);
  }
  await page.locator('[data-testid=following-sign-in]').waitFor();
  await still(page);
  assert.deepEqual(await findings(page), []);
  assert.deepEqual(context.complaints, []);
  await context.close();
});

test('following somebody fills Following, and shows on their profile', async () => {
  const { api, context } = await viewer();
  const page = await enter(context, api);
  const id = await moving(page);
  const handle = handleOf(id);
  const followed = async () => (await api.get(`/accounts/${handle}`)).followed;
  await page.locator('[data-testid=slide] [data-testid=follow]').click();
  await until('the follow', followed);
  assert.equal(await page.locator('[data-testid=slide] [data-testid=follow]').getAttribute('aria-pressed'), 'true');

  await page.locator('[data-testid=tab-following]').click();
  const seen = [await moving(page)];
  for (;;) {
    await page.keyboard.press('ArrowDown');
    await until('the next or the end', async () => (await currentVideo(page)) !== seen.at(-1));
    if (await atEnd(page)) break;
    seen.push(await currentVideo(page));
  }
  const theirs = [...videos.values()].filter((video) => video.creator.handle === handle).map((video) => video.id);
  assert.deepEqual(seen, theirs.toReversed(), 'all of theirs and nothing else, newest first');

  await page.goto(`${takt.url}/@${handle}`);
  const button = page.locator('[data-testid=profile] [data-testid=follow]');
  await until('the button being pressed', async () => (await button.getAttribute('aria-pressed')) === 'true');
  await button.click();
  await until('no follow', async () => (await followed()) === false);
  // A video of the same creator knows it too, also in a new tab.
  await button.click();
  await until('the follow', followed);
  const tab = await open(context, `${takt.url}/v/${id}`);
  await moving(tab);
  await until('the button being pressed', async () => (await tab.locator('[data-testid=slide] [data-testid=follow]').getAttribute('aria-pressed')) === 'true');
  assert.deepEqual(context.complaints, []);
  await context.close();
});

test('without an account, following leads to signing in', async () => {
  const context = await visitor(browser);
  const page = await open(context, `${takt.url}/`);
  await moving(page);
  await page.locator('[data-testid=slide] [data-testid=follow]').click();
  await page.locator('[data-testid=toast] button').click();
  await page.locator('[data-testid=handle]').waitFor();
  await context.close();
});

test('creators see how far their video reaches, and nobody else does', async () => {
  const [creator] = creators;
  const [id] = [...videos.values()].filter((video) => video.creator.handle === creator.handle).map((video) => video.id);
  const reach = await until('a page with it', async () => {
    await finish(await Api.signUp(takt.url), 10);
    const told = await creator.get(`/videos/${id}/reach`);
    return told.shown > 0 && told;
  });
  assert.equal(reach.shown + reach.passed_over.reduce((sum, one) => sum + one.count, 0), reach.eligible);
  const context = await visitor(browser);
  const page = await signIn(context, takt.url, creator.handle, PASSWORD);
  await page.goto(`${takt.url}/v/${id}`);
  await moving(page);
  await choose(page, 'reach');
  await page.locator('[data-testid=reach-sheet] h3').first().waitFor();
  assert.match(await page.locator('[data-testid=reach-sheet]').innerText(), /Shown \d+ times of \d+/);
  await still(page);
  assert.deepEqual(await findings(page), []);
  assert.deepEqual(context.complaints, []);
  await context.close();
  assert.equal((await creators[1].raw('GET', `/videos/${id}/reach`)).status, 404);
});
