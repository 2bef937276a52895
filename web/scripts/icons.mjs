// Draws the mark as PNG files. The mark is three rounded rectangles, so a rasteriser of our own
// (16 samples per pixel) is shorter than any image library. Run it after changing `mark.svg`.
import { deflateSync } from 'node:zlib';
import { writeFileSync } from 'node:fs';

const INK = [11, 11, 12];
const PAPER = [246, 244, 239];
const ACCENT = [255, 107, 61];
const SAMPLES = 4;

/** Shapes in the 32-unit grid of mark.svg: x, y, width, height, radius, colour. */
const bars = [
  [9, 6, 5, 20, 2.5, PAPER],
  [18, 14, 5, 12, 2.5, ACCENT],
];

function inside([x, y, w, h, r], px, py) {
  const dx = Math.max(x + r - px, 0, px - (x + w - r));
  const dy = Math.max(y + r - py, 0, py - (y + h - r));
  return px >= x && px <= x + w && py >= y && py <= y + h && dx * dx + dy * dy <= r * r;
}

function pixel(shapes, scale, inset, column, row) {
  const sum = [0, 0, 0, 0];
  for (let sample = 0; sample < SAMPLES * SAMPLES; sample += 1) {
    const sx = (column + ((sample % SAMPLES) + 0.5) / SAMPLES) / scale;
    const sy = (row + (Math.floor(sample / SAMPLES) + 0.5) / SAMPLES) / scale;
    let hit = null;
    for (const shape of shapes) {
      const [px, py] = shape[6] ? [sx, sy] : [(sx - 16) / inset + 16, (sy - 16) / inset + 16];
      if (inside(shape, px, py)) hit = shape[5];
    }
    if (hit) [hit[0], hit[1], hit[2], 255].forEach((value, channel) => (sum[channel] += value));
  }
  const covered = sum[3] / 255 || 1;
  return [sum[0] / covered, sum[1] / covered, sum[2] / covered, sum[3] / SAMPLES ** 2].map(Math.round);
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type), data]);
  let crc = ~0;
  for (const byte of body) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  const head = Buffer.alloc(4);
  head.writeUInt32BE(data.length);
  const tail = Buffer.alloc(4);
  tail.writeUInt32BE(~crc >>> 0);
  return Buffer.concat([head, body, tail]);
}

function png(size, background, inset) {
  const shapes = [background, ...bars];
  const rows = Buffer.alloc(size * (size * 4 + 1));
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) {
      pixel(shapes, size / 32, inset, column, row).forEach((value, channel) => {
        rows[row * (size * 4 + 1) + 1 + column * 4 + channel] = value;
      });
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 6, 0, 0, 0], 8);
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

const rounded = [0, 0, 32, 32, 8, INK, true];
const full = [0, 0, 32, 32, 0, INK, true];
const folder = new URL('../public/icons/', import.meta.url);
writeFileSync(new URL('icon-192.png', folder), png(192, rounded, 1));
writeFileSync(new URL('icon-512.png', folder), png(512, rounded, 1));
// Maskable: a launcher may cut everything outside the inner 80 %.
writeFileSync(new URL('maskable-512.png', folder), png(512, full, 0.8));
