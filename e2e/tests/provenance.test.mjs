/** What the Content Credentials of an upload are worth, as a viewer is told. The program that reads them is stood in for. */
import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Api, newHandle } from '../lib/api.mjs';
import { findings, still } from '../lib/axe.mjs';
import { launch, moving, open, SMALL_PHONE, visitor } from '../lib/browser.mjs';
import { clips } from '../lib/clips.mjs';
import { Takt } from '../lib/takt.mjs';

/** Answers by the size of what it is given: the larger clip is fine, the smaller one is not, and the smallest has none. */
const READER = (limit, absent) => `#!/bin/sh
bytes=$(wc -c <"$1")
if [ "$bytes" -le ${absent} ]; then echo '{"provenance":"absent"}'
elif [ "$bytes" -le ${limit} ]; then echo '{"provenance":"broken"}'
else echo '{"provenance":"valid"}'; fi
`;

let takt, browser, dir, videos;

before(async () => {
  const made = (await clips(3)).sort((a, b) => a.length - b.length);
  dir = await mkdtemp(join(tmpdir(), 'takt-reader-'));
  const program = join(dir, 'reader');
  await writeFile(program, READER(made[1].length, made[0].length));
  await chmod(program, 0o755);
  process.env.TAKT_PROVENANCE__COMMAND = program;
  takt = await Takt.start();
  browser = await launch();
  const creator = await Api.signUp(takt.url, newHandle('ada'));
  videos = { valid: await creator.publish(made[2], 'fine'), broken: await creator.publish(made[1], 'not fine') };
  videos.none = await creator.publish(made[0], 'nothing');
});

after(async () => {
  await browser?.close();
  await takt?.close();
  await rm(dir, { recursive: true, force: true });
});

/** The options of a video, and what they say of where it comes from. */
async function told(video, locale) {
  const context = await visitor(browser, { viewport: SMALL_PHONE, locale });
  const page = await open(context, `${takt.url}/v/${video.id}`);
  await moving(page);
  await page.locator('[data-testid=options]:visible').click();
  await page.getByTestId('copy-link').waitFor();
  const label = page.getByTestId('provenance');
  const said = (await label.count()) === 0 ? null : await label.innerText();
  await still(page);
  assert.deepEqual(await findings(page), []);
  assert.deepEqual(context.complaints, []);
  await context.close();
  return said;
}

test('provenance is present and valid, present but broken, or not spoken of', async () => {
  assert.match(await told(videos.valid, 'en-GB'), /^Provenance present and valid\n/);
  assert.match(await told(videos.broken, 'en-GB'), /^Provenance present but broken\n/);
  assert.equal(await told(videos.none, 'en-GB'), null);
  assert.match(await told(videos.broken, 'de-DE'), /^Herkunftsnachweis vorhanden, aber beschädigt\n/);
});
