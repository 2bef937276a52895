/** What axe finds on a page that stands still. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { until } from './wait.mjs';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

let source;

/** Serious and critical findings on a page, as lines a person can act on. */
export async function findings(page) {
  source ??= await readFile(AXE, 'utf8');
  // Evaluated from outside the page, so the content security policy stays as it is.
  await page.evaluate(source);
  const { violations } = await page.evaluate(
    (tags) => window.axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] }),
    TAGS,
  );
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.target} ${node.failureSummary}`).join(' | ')}`);
}

/** Waits until nothing fades any more. */
export function still(page) {
  return until('an end of all fading', () =>
    page.evaluate(() => document.getAnimations().every((one) => one.playState !== 'running' || one.effect?.getTiming().iterations === Infinity)),
  );
}
