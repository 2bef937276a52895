/**
 * A camera and a microphone out of files, for Chromium's fake devices. Every picture carries its own number as a
 * bar code in its top rows, so that a frame is recognised wherever it turns up: in the page, in a recording, in a
 * rendered video.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { launch } from './browser.mjs';

const run = promisify(execFile);

export const CAMERA = { width: 360, height: 640, fps: 30, seconds: 12 };
/** Bars from left to right: bit 0 first. */
export const BITS = 9;
/** Share of the height that the bars take. */
export const CODE_HEIGHT = 0.1;

/** The microphone's clicks, in hertz. */
export const CLICK_HZ = 1000;

/**
 * A browser whose camera shows numbered pictures, white for a tenth of a second each second, and whose microphone
 * hears a click each second.
 *
 * @param {{dark?: boolean}} [options] `dark` has nothing but black between the flashes, for measuring them
 */
export async function studioBrowser({ dark = false } = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'takt-camera-'));
  const camera = join(dir, 'camera.mjpeg');
  const microphone = join(dir, 'microphone.wav');
  const { width, height, fps, seconds } = CAMERA;
  const bar = `if(gt(bitand(N,pow(2,floor(X*${BITS}/W))),0),235,16)`;
  const field = `if(lt(mod(N,${fps}),3),235,${dark ? '16' : '60+80*Y/H'})`;
  await run('ffmpeg', [
    ...['-nostdin', '-v', 'error', '-y', '-f', 'lavfi', '-i', `color=gray:size=${width}x${height}:rate=${fps}:duration=${seconds}`],
    ...['-vf', `format=yuvj420p,geq=lum='if(lt(Y,H*${CODE_HEIGHT}),${bar},${field})':cb='128+40*sin(N/20)':cr='128+40*cos(N/20)'`],
    ...['-c:v', 'mjpeg', '-q:v', '3', camera],
  ]);
  await run('ffmpeg', [
    ...['-nostdin', '-v', 'error', '-y', '-f', 'lavfi'],
    ...['-i', `aevalsrc='0.7*sin(2*PI*${CLICK_HZ}*t)*lt(mod(t,1),0.04)':d=${seconds}:s=48000`, '-ac', '1', microphone],
  ]);
  const browser = await launch([
    '--use-fake-device-for-media-stream',
    '--use-fake-ui-for-media-stream',
    `--use-file-for-fake-video-capture=${camera}`,
    `--use-file-for-fake-audio-capture=${microphone}`,
    '--autoplay-policy=no-user-gesture-required',
  ]);
  const close = async () => {
    await browser.close();
    await rm(dir, { recursive: true, force: true });
  };
  return { browser, close };
}

/**
 * The numbered pictures of a video file, in order.
 *
 * @param {string} path
 * @returns {Promise<{ms: number, number: number}[]>} when each is shown, and its number
 */
export async function numbersIn(path) {
  const probe = await run('ffprobe', [
    ...['-v', 'error', '-select_streams', 'v:0', '-show_entries', 'frame=best_effort_timestamp_time', '-of', 'csv=p=0', path],
  ]);
  const times = probe.stdout.split('\n').map((line) => Number.parseFloat(line)).filter(Number.isFinite);
  const args = ['-nostdin', '-v', 'error', '-i', path, '-map', '0:v:0', '-fps_mode', 'passthrough'];
  const filter = `crop=iw:ih*${CODE_HEIGHT / 2}:0:ih*${CODE_HEIGHT / 4},scale=${BITS}:1:flags=area,format=gray`;
  const { stdout } = await run('ffmpeg', [...args, '-vf', filter, '-f', 'rawvideo', '-'], { encoding: 'buffer', maxBuffer: 1e8 });
  return times.slice(0, Math.floor(stdout.length / BITS)).map((seconds, i) => {
    const bits = [...stdout.subarray(i * BITS, (i + 1) * BITS)];
    return { ms: seconds * 1000, number: bits.reduce((sum, light, bit) => sum + (light > 125 ? 2 ** bit : 0), 0) };
  });
}
