/** The studio as fingers use it. */
import { PASSWORD } from './api.mjs';
import { until } from './wait.mjs';

export const at = (page, id) => page.locator(`[data-testid="${id}"]`);
export const phase = (page, name) => page.locator(`[data-testid=recorder][data-phase=${name}]`);
/** A radio button is as small as nothing; fingers meet its label. */
export const choose = (page, id) => page.locator(`label:has([data-testid="${id}"])`).click();
export const takes = async (page) => Number(await at(page, 'take-bar').getAttribute('data-takes'));
export const filled = async (page) => Number(await at(page, 'take-bar').getAttribute('aria-valuenow'));
/** What is here is on the server too. */
export const saved = (page) => page.locator('[data-testid=sync][data-state=saved]').waitFor();

/** A page of the app as somebody signed in. */
export async function enter(context, api, path) {
  await context.request.post(`${api.url}/api/v1/sessions`, { data: { handle: api.handle, password: PASSWORD } });
  const page = await context.newPage();
  await page.goto(api.url + path);
  return page;
}

/** Records for as long as it takes until the bar shows this much more. */
export async function record(page, seconds) {
  const before = await takes(page);
  await phase(page, 'ready').waitFor();
  const already = await filled(page);
  await at(page, 'record').click();
  await phase(page, 'recording').waitFor();
  await until(`${seconds} s recorded`, async () => (await filled(page)) >= already + seconds);
  await at(page, 'record').click();
  await until('the take being kept', async () => (await takes(page)) === before + 1);
}

/** Slides a range input to a value, as a finger would. */
export function slide(locator, value) {
  return locator.evaluate((input, to) => {
    input.value = String(to);
    input.dispatchEvent(new Event('input', { bubbles: true }));
  }, value);
}

/** From the editor to a video that can be watched; answers its id. */
export async function publish(page, caption = '') {
  await at(page, 'to-publish').click();
  if (caption) await at(page, 'caption-input').fill(caption);
  await at(page, 'publish-now').click();
  await page.locator('[data-testid=published][data-phase=ready]').waitFor({ timeout: 120_000 });
  return (await at(page, 'watch').getAttribute('href')).split('/').pop();
}

/** The best rendition of a video, as bytes. */
export async function fetched(api, id) {
  const { video } = await api.get(`/videos/${id}`);
  const best = video.renditions.toSorted((a, b) => b.width - a.width)[0];
  return Buffer.from(await (await fetch(new URL(best.url, api.url))).arrayBuffer());
}
