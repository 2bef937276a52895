/** Small videos from FFmpeg's generators: H.264 High and AAC, as the server publishes them without encoding. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const FPS = 30;

/**
 * @typedef {object} Shape
 * @property {number} seconds
 * @property {string} [size] as `360x640`
 * @property {number} [hue] degrees, so that clips can be told apart
 * @property {number} [tone] Hz
 * @property {number} [turn] degrees the picture is turned by, for clips that are no copies of each other
 * @property {number} [kbit] constant rate of the picture, for a file of a wanted size
 * @property {string} [extension]
 */

/**
 * The bytes of a video with a moving test picture and a tone.
 *
 * @param {Shape} shape
 * @returns {Promise<Buffer>}
 */
export async function clip({ seconds, size = '360x640', hue = 0, tone = 220, kbit, turn = 0 }) {
  const dir = await mkdtemp(join(tmpdir(), 'takt-clip-'));
  try {
    const path = join(dir, 'clip.mp4');
    const rate = kbit
      ? ['-b:v', `${kbit}k`, '-minrate', `${kbit}k`, '-maxrate', `${kbit}k`, '-bufsize', `${kbit}k`, '-x264-params', 'nal-hrd=cbr']
      : ['-crf', '28'];
    await run('ffmpeg', [
      ...['-nostdin', '-v', 'error', '-y'],
      ...['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${FPS}:duration=${seconds}`],
      ...['-f', 'lavfi', '-i', `sine=frequency=${tone}:duration=${seconds}:sample_rate=48000`],
      ...['-vf', `hue=h=${hue}${turn ? `,rotate=${turn}*PI/180` : ''}`, '-c:v', 'libx264', '-preset', 'veryfast', '-profile:v', 'high', '-pix_fmt', 'yuv420p'],
      ...rate,
      ...['-g', String(FPS), '-c:a', 'aac', '-b:a', '64k', '-movflags', '+faststart', path],
    ]);
    return await readFile(path);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Several clips that differ in colour, tone and length (2 to 4 s). */
export async function clips(count) {
  const made = [];
  for (let i = 0; i < count; i += 1) {
    made.push(await clip({ seconds: 2 + (i % 3), hue: (360 / count) * i, tone: 220 + 40 * i }));
  }
  return made;
}
