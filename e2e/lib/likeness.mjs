/** How alike two pictures are: the structural similarity of their brightness, and how far their colours are apart. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** Pictures are compared at this size: edges that are a fraction of a pixel off do not count. */
const SIZE = { width: 180, height: 320 };
/** Side of the squares whose colours are compared. */
const SQUARE = 10;
const WINDOW = 8;
const STEP = 4;

/** @typedef {Uint8Array} Picture red, green, blue, row by row, of `SIZE` */

async function decoded(args) {
  const { width, height } = SIZE;
  const filter = `scale=${width}:${height}:flags=area,format=rgb24`;
  const { stdout } = await run('ffmpeg', ['-nostdin', '-v', 'error', ...args, '-frames:v', '1', '-vf', filter, '-f', 'rawvideo', '-'], {
    encoding: 'buffer',
    maxBuffer: 1e7,
  });
  if (stdout.length !== width * height * 3) throw new Error(`no picture: ${stdout.length} bytes`);
  return stdout;
}

/** The picture of a video at a time in seconds. */
export const frameOf = (path, seconds) => decoded(['-ss', String(seconds), '-i', path]);

/** The picture in the bytes of a PNG file. */
export async function pictureOf(png) {
  const dir = await mkdtemp(join(tmpdir(), 'takt-picture-'));
  try {
    const path = join(dir, 'picture.png');
    await writeFile(path, png);
    return await decoded(['-i', path]);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/**
 * Structural similarity (Wang et al. 2004, over windows of 8 x 8), 1 for the same picture, the lowest of any eighth of
 * the picture's height, so that a small thing that is missing shows; and how far colours are apart, 0 to 255.
 *
 * @param {Picture} a
 * @param {Picture} b
 */
export function likeness(a, b) {
  const [first, second] = [brightness(a), brightness(b)];
  const bands = Array.from({ length: 8 }, () => []);
  for (let y = 0; y + WINDOW <= SIZE.height; y += STEP) {
    for (let x = 0; x + WINDOW <= SIZE.width; x += STEP) bands[Math.floor((8 * y) / SIZE.height)].push(similarity(first, second, x, y));
  }
  const [coarse, other] = [colours(a), colours(b)];
  return { ssim: mean(bands.flat()), worst: Math.min(...bands.map(mean)), apart: mean(coarse.map((one, i) => Math.abs(one - other[i]))) };
}

const mean = (values) => values.reduce((sum, one) => sum + one, 0) / values.length;

/** Mean colours of squares: where edges are by half a pixel does not count. */
function colours(picture) {
  const across = SIZE.width / SQUARE;
  const sums = new Array(across * (SIZE.height / SQUARE) * 3).fill(0);
  for (let i = 0; i < picture.length; i += 1) {
    const [x, y] = [Math.floor(i / 3) % SIZE.width, Math.floor(i / 3 / SIZE.width)];
    sums[(Math.floor(y / SQUARE) * across + Math.floor(x / SQUARE)) * 3 + (i % 3)] += picture[i] / SQUARE ** 2;
  }
  return sums;
}

function brightness(picture) {
  return Float64Array.from({ length: picture.length / 3 }, (_, i) => 0.2126 * picture[3 * i] + 0.7152 * picture[3 * i + 1] + 0.0722 * picture[3 * i + 2]);
}

function similarity(a, b, x, y) {
  const [c1, c2] = [(0.01 * 255) ** 2, (0.03 * 255) ** 2];
  let [sumA, sumB, squareA, squareB, both] = [0, 0, 0, 0, 0];
  for (let row = y; row < y + WINDOW; row += 1) {
    for (let at = row * SIZE.width + x; at < row * SIZE.width + x + WINDOW; at += 1) {
      sumA += a[at];
      sumB += b[at];
      squareA += a[at] ** 2;
      squareB += b[at] ** 2;
      both += a[at] * b[at];
    }
  }
  const count = WINDOW ** 2;
  const [meanA, meanB] = [sumA / count, sumB / count];
  const [varianceA, varianceB] = [squareA / count - meanA ** 2, squareB / count - meanB ** 2];
  const covariance = both / count - meanA * meanB;
  return ((2 * meanA * meanB + c1) * (2 * covariance + c2)) / ((meanA ** 2 + meanB ** 2 + c1) * (varianceA + varianceB + c2));
}
