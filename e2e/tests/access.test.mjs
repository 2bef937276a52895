/** For everybody: screen readers, keyboards, small screens, little motion, other languages, no connection. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Api, newHandle, PASSWORD } from '../lib/api.mjs';
import { findings, still } from '../lib/axe.mjs';
import { currentVideo, DESKTOP, launch, moving, open, PHONE, player, signIn, SMALL_PHONE, swap, visitor } from '../lib/browser.mjs';
import { clips } from '../lib/clips.mjs';
import { Takt } from '../lib/takt.mjs';
import { until } from '../lib/wait.mjs';

const PUBLIC = ['/', '/popular', '/latest', '/sign-in', '/sign-up', '/recover'];

let takt, browser, creator, video;

before(async () => {
  takt = await Takt.start();
  browser = await launch();
  creator = await Api.signUp(takt.url, newHandle('creator'));
  for (const [i, bytes] of (await clips(4)).entries()) video = await creator.publish(bytes, `Clip ${i} with some words #tag`);
});

after(async () => {
  await browser?.close();
  await takt?.close();
});

/** Somebody who has seen nothing yet, so that there is a feed. */
async function signInAsNewcomer(context) {
  const { handle } = await Api.signUp(takt.url);
  return signIn(context, takt.url, handle, PASSWORD);
}

/** Waits until a page has its contents and nothing fades any more: colours are measured. */
async function settled(page, path) {
  await page.locator('h1').first().waitFor({ state: 'attached' });
  if (['/', '/popular', '/latest'].includes(path) || path.startsWith('/v/')) await moving(page);
  if (path === '/following') await page.locator('[data-testid=end]').waitFor();
  if (path === '/settings/taste') await page.locator('[data-testid=reset]').waitFor();
  await still(page);
}

for (const colorScheme of ['light', 'dark']) {
  test(`no serious finding on any page (${colorScheme})`, async () => {
    const found = [];
    for (const viewport of [PHONE, DESKTOP]) {
      const context = await visitor(browser, { colorScheme, viewport });
      const page = await signInAsNewcomer(context);
      const check = async (path) => {
        await page.goto(takt.url + path);
        await settled(page, path);
        found.push(...(await findings(page)).map((finding) => `${path} at ${viewport.width} px: ${finding}`));
      };
      for (const path of ['/', '/popular', '/following', '/upload', `/@${creator.handle}`, '/settings', '/settings/taste', `/v/${video.id}`]) await check(path);
      await page.goto(`${takt.url}/settings`);
      await page.locator('[data-testid=sign-out]').click();
      await until('being signed out', async () => new URL(page.url()).pathname === '/');
      for (const path of PUBLIC.slice(1)) await check(path);
      assert.deepEqual(context.complaints, []);
      await context.close();
    }
    assert.deepEqual(found, []);
  });
}

test('a sheet over the feed has no serious finding, keeps the focus and gives it back', async () => {
  const context = await visitor(browser);
  const page = await open(context, `${takt.url}/`);
  await moving(page);
  const button = page.locator('[data-testid=slide] [data-testid=options]');
  await button.focus();
  await page.keyboard.press('Enter');
  await page.locator('[data-testid=sheet]').waitFor();
  await settled(page, '/sheet');
  assert.deepEqual(await findings(page), []);
  await page.keyboard.press('Escape');
  await until('the sheet being closed', async () => (await page.locator('[data-testid=sheet]').count()) === 0);
  await until('the focus being back', () => button.evaluate((element) => element === document.activeElement));
  await context.close();
});

/** Presses Tab until an element has the focus, as somebody without a mouse would. */
async function tabTo(page, selector, limit = 40) {
  const passed = [];
  for (let i = 0; i < limit; i += 1) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate((wanted) => {
      const element = document.activeElement;
      return { there: !!element?.matches(wanted), name: element?.outerHTML.slice(0, 80) };
    }, selector);
    if (at.there) return;
    passed.push(at.name);
  }
  throw new Error(`Tab never came to ${selector}; it passed ${passed.join('\n')}`);
}

test('by keyboard alone: watch, like, sign in', async () => {
  const context = await visitor(browser, { viewport: DESKTOP });
  const page = await open(context, `${takt.url}/`);
  const first = await moving(page);
  await swap(page, () => page.keyboard.press('ArrowDown'));
  assert.equal(await swap(page, () => page.keyboard.press('ArrowUp')), first);

  await tabTo(page, '[data-testid=like]');
  await page.keyboard.press('Enter');
  await until('the like', async () => (await creator.get(`/videos/${first}`)).video.counts.likes === 1);
  assert.equal(await currentVideo(page), first, 'keys on a button do not move the feed');

  await page.goto(`${takt.url}/`);
  await moving(page);
  await tabTo(page, '[data-testid=nav-profile]');
  await page.keyboard.press('Enter');
  await page.locator('[data-testid=handle]').waitFor();
  const field = page.locator('.field', { has: page.locator('[data-testid=handle]') });
  await settled(page, '/sign-in');
  const plain = await field.screenshot();
  await tabTo(page, '[data-testid=handle]');
  await settled(page, '/sign-in');
  assert.ok(!plain.equals(await field.screenshot()), 'the focus can be seen');
  await page.keyboard.type(creator.handle);
  await tabTo(page, '[data-testid=password]');
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press('Enter');
  await until('being signed in', () => page.evaluate(() => !location.pathname.startsWith('/sign-in')));
  assert.deepEqual(context.complaints, []);
  await context.close();
});

test('the next video is announced', async () => {
  const context = await visitor(browser);
  const page = await open(context, `${takt.url}/`);
  await moving(page);
  const said = () => page.locator('[data-testid=live]').textContent();
  const before = await said();
  await swap(page, () => page.keyboard.press('ArrowDown'));
  await until('words for the next video', async () => (await said()) !== before && (await said()).includes('Clip'));
  await context.close();
});

test('with reduced motion nothing slides', async () => {
  const context = await visitor(browser, { reducedMotion: 'reduce' });
  const page = await open(context, `${takt.url}/`);
  await moving(page);
  const slides = await page.evaluate(() => {
    const found = [];
    for (const element of document.querySelectorAll('*')) {
      const style = getComputedStyle(element);
      const properties = style.transitionProperty.split(', ');
      const durations = style.transitionDuration.split(', ').map(parseFloat);
      properties.forEach((property, i) => {
        if ((property === 'transform' || property === 'all') && durations[i % durations.length] > 0.01) found.push(element.className || element.tagName);
      });
    }
    return [...new Set(found.map(String))];
  });
  assert.deepEqual(slides, []);
  await swap(page, () => page.keyboard.press('ArrowDown'));
  await context.close();
});

test('German pages are German', async () => {
  const context = await visitor(browser, { locale: 'de-DE' });
  const page = await open(context, `${takt.url}/`);
  await moving(page);
  assert.equal(await page.locator('html').getAttribute('lang'), 'de');
  const english = await open(await visitor(browser), `${takt.url}/`);
  for (const path of [...PUBLIC.slice(1), '/settings', '/settings/taste', '/following', '/upload', `/@${creator.handle}`, '/no/such/page']) {
    const texts = [];
    for (const tab of [page, english]) {
      await tab.goto(takt.url + path);
      await tab.locator('h1').first().waitFor({ state: 'attached' });
      texts.push(await tab.locator('h1').first().textContent());
      const body = await tab.locator('body').innerText();
      assert.doesNotMatch(body, /undefined|\[object|\bnull\b|\b(nav|feed|account|upload|settings|errors)\.[a-z]/, `${path}: ${body.slice(0, 400)}`);
      assert.doesNotMatch(body, /(^|\s)(\{|\$\{)\w+\}/);
    }
    if (!['/latest', `/@${creator.handle}`].includes(path)) assert.notEqual(texts[0], texts[1], `${path} is translated`);
  }
  // And back: the choice is kept.
  await page.goto(`${takt.url}/settings`);
  await page.locator('[data-testid=language]').selectOption('en');
  await until('English', async () => (await page.locator('html').getAttribute('lang')) === 'en');
  await page.reload();
  await page.locator('h1').first().waitFor();
  assert.equal(await page.locator('html').getAttribute('lang'), 'en');
  await english.context().close();
  await context.close();
});

test('at 360 pixels nothing is cut off sideways', async () => {
  for (const locale of ['en-GB', 'de-DE']) {
    const context = await visitor(browser, { viewport: SMALL_PHONE, locale, isMobile: true, hasTouch: true });
    const page = await signInAsNewcomer(context);
    for (const path of ['/', '/following', '/popular', '/latest', '/upload', `/@${creator.handle}`, '/settings', '/settings/taste', `/v/${video.id}`, '/sign-in', '/sign-up', '/recover']) {
      await page.goto(takt.url + path);
      await settled(page, path);
      const { wide, out } = await page.evaluate(() => {
        const scrolls = document.documentElement.scrollWidth > document.documentElement.clientWidth;
        const lost = [...document.querySelectorAll('button, a, input, select, textarea')]
          .filter((element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !element.closest('.visually-hidden, .skip, [inert]'))
          .filter((element) => {
            const box = element.getBoundingClientRect();
            return box.width > 1 && (box.left < -1 || box.right > innerWidth + 1);
          });
        return { wide: scrolls, out: lost.map((element) => element.outerHTML.slice(0, 120)) };
      });
      assert.equal(wide, false, `${path} (${locale}) scrolls sideways`);
      assert.deepEqual(out, [], `${path} (${locale})`);
    }
    await context.close();
  }
});

test('without a connection the feed keeps playing, says so, and sends likes later', async () => {
  const context = await visitor(browser);
  const page = await open(context, `${takt.url}/`);
  const first = await moving(page);
  const second = await swap(page, () => page.keyboard.press('ArrowDown'));
  // Both are there to the last byte before the line goes.
  await until('the video being loaded', () =>
    page.locator('video[data-testid=player]').evaluate((element) => element.buffered.length > 0 && element.buffered.end(0) >= element.duration - 0.1),
  );
  await context.setOffline(true);
  await page.locator('[data-testid=offline]').waitFor();
  const { time } = await player(page);
  await until('pictures going on', async () => Math.abs((await player(page)).time - time) > 0.5);
  await moving(page);
  assert.equal(await swap(page, () => page.keyboard.press('ArrowUp')), first);
  await page.keyboard.press('l');
  assert.equal(await page.locator('[data-testid=slide] [data-testid=like]').getAttribute('aria-pressed'), 'true');
  const had = (await creator.get(`/videos/${first}`)).video.counts.likes;

  await context.setOffline(false);
  await until('the banner being gone', async () => (await page.locator('[data-testid=offline]').count()) === 0);
  await until('the like', async () => (await creator.get(`/videos/${first}`)).video.counts.likes === had + 1);
  assert.notEqual(second, first);
  await context.close();
});

test('the app opens without a connection once it was there', async () => {
  const context = await visitor(browser);
  const page = await open(context, `${takt.url}/`);
  await moving(page);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
  await until('a worker that answers', () => page.evaluate(() => navigator.serviceWorker.controller !== null));
  await context.setOffline(true);
  await page.goto(`${takt.url}/settings`);
  await page.locator('[data-testid=navigation]').waitFor();
  await context.close();
});
