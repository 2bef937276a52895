/** What happens in front of the camera while the studio records, noted in the page apart from the studio's own measures. */
import { BITS, CODE_HEIGHT } from './camera.mjs';

/** Of the clock of a sound; enough for a minute of one every 40 ms. */
const READINGS_MAX = 1600;
/** So many of the first ones say when it began. */
const FIRST = 20;
/** A clock that is further off than this stumbled: the sound card had nothing to play for a moment. */
const STUMBLE_MS = 5;

/** In the page: when each numbered picture was taken, each picture of another clip was shown, and each sound was heard. */
function watch({ bits, height, readingsMax }) {
  const frames = (window.taktFrames = []);
  const starts = (window.taktStarts = []);
  const canvas = Object.assign(document.createElement('canvas'), { width: bits, height: 1 });
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const look = (video) => {
    const step = (_, frame) => {
      context.drawImage(video, 0, video.videoHeight * height * 0.25, video.videoWidth, video.videoHeight * height * 0.5, 0, 0, bits, 1);
      const { data } = context.getImageData(0, 0, bits, 1);
      let number = 0;
      for (let bit = 0; bit < bits; bit += 1) if (data[bit * 4] > 125) number += 2 ** bit;
      frames.push({ at: frame.captureTime ?? frame.presentationTime, number });
      video.requestVideoFrameCallback(step);
    };
    video.requestVideoFrameCallback(step);
  };
  const clip = (window.taktClip = []);
  const follow = (video) => {
    const step = (_, frame) => {
      if (!video.paused) clip.push({ at: frame.expectedDisplayTime, mediaMs: frame.mediaTime * 1000 });
      video.requestVideoFrameCallback(step);
    };
    video.requestVideoFrameCallback(step);
  };
  const seen = new WeakSet();
  setInterval(() => {
    for (const video of document.querySelectorAll('.recorder video')) {
      if (seen.has(video)) continue;
      seen.add(video);
      if (video.classList.contains('camera')) look(video);
      else follow(video);
    }
  }, 20);
  const { start } = AudioBufferSourceNode.prototype;
  AudioBufferSourceNode.prototype.start = function (when, offset) {
    const readings = [];
    starts.push({ offsetMs: offset * 1000, readings });
    const timer = setInterval(() => {
      const { contextTime, performanceTime } = this.context.getOutputTimestamp();
      if (contextTime > 0) readings.push({ now: performanceTime, at: performanceTime + (when - contextTime) * 1000 });
      if (readings.length > readingsMax) clearInterval(timer);
    }, 40);
    return start.call(this, when, offset);
  };
}

export const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** What was recorded, as the device keeps it. */
export function kept(page) {
  return page.evaluate(
    () =>
      new Promise((resolve, reject) => {
        const opening = indexedDB.open('takt-studio');
        opening.onerror = () => reject(opening.error);
        opening.onsuccess = () => {
          const tx = opening.result.transaction(['projects', 'takes']);
          const projects = tx.objectStore('projects').getAll();
          projects.onsuccess = () => {
            const [project] = projects.result;
            const bytes = project.takes.map((take) => tx.objectStore('takes').get(take.id));
            tx.oncomplete = async () => {
              const urls = await Promise.all(
                bytes.map(({ result }) => new Promise((done) => {
                  const reader = new FileReader();
                  reader.onload = () => done(reader.result);
                  reader.readAsDataURL(result);
                })),
              );
              resolve(project.takes.map((take, i) => ({ ...take, bytes: urls[i].split(';base64,')[1], segment: project.edit.segments[i] })));
            };
          };
        };
      }),
  );
}

/** Has every page of a context note what it sees and hears. */
export const watched = (context) => context.addInitScript(watch, { bits: BITS, height: CODE_HEIGHT, readingsMax: READINGS_MAX });

/**
 * Sounds started so far: from where in them, when that was heard, and `liveOf`, when a place in them was heard (the
 * clock of a sound card and that of the page may drift apart). A sound card that stumbles on a busy machine plays
 * everything later from there on; `steady` says whether that place was heard when most of the sound says it was.
 */
export async function heardBy(page) {
  const starts = await page.evaluate(() => window.taktStarts);
  return starts.map(({ offsetMs, readings }) => {
    const at = median(readings.slice(0, FIRST).map((one) => one.at));
    const most = median(readings.map((one) => one.at));
    const liveOf = (soundMs) => {
      const about = at + soundMs - offsetMs;
      const near = readings.filter((one) => Math.abs(one.now - about) < 500).map((one) => one.at);
      const began = near.length > 0 ? median(near) : at;
      return { at: began + soundMs - offsetMs, steady: Math.abs(began - most) <= STUMBLE_MS };
    };
    return { offsetMs, at, liveOf };
  });
}
