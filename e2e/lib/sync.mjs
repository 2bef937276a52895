/** `cargo xtask sync` as a measuring tool: when a file flashes and clicks, in milliseconds. */
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const XTASK = process.env.TAKT_XTASK ? resolve(process.env.TAKT_XTASK) : fileURLToPath(new URL('../../target/debug/xtask', import.meta.url));

/**
 * @param {string} path
 * @param {{tone?: number, halves?: 'side-by-side' | 'stacked'}} [options] `tone`: only clicks of so many hertz
 * @returns {Promise<{clicks: number[], flashes?: number[], halves?: number[][]}>}
 */
export async function moments(path, { tone, halves } = {}) {
  const options = [...(tone ? ['--tone', String(tone)] : []), ...(halves ? ['--halves', halves] : [])];
  const { stdout } = await run(XTASK, ['sync', path, '--json', ...options]);
  const ms = (seconds) => seconds.map((one) => one * 1000);
  const found = JSON.parse(stdout);
  return { clicks: ms(found.clicks), ...(halves ? { halves: found.halves.map(ms) } : { flashes: ms(found.flashes) }) };
}

/** The nearest of some moments. */
export const nearest = (times, to) => times.reduce((best, one) => (Math.abs(one - to) < Math.abs(best - to) ? one : best), Infinity);

/** Slope of the straight line through points (least squares), per minute of `x`. */
export function slopePerMinute(points) {
  const mean = (name) => points.reduce((sum, point) => sum + point[name], 0) / points.length;
  const [x, y] = [mean('x'), mean('y')];
  const spread = points.reduce((sum, point) => sum + (point.x - x) ** 2, 0);
  return (points.reduce((sum, point) => sum + (point.x - x) * (point.y - y), 0) / spread) * 60_000;
}
