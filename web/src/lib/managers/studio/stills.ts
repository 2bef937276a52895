/** Small pictures out of sources, for the timeline and the list of drafts. Drawn one after the other. */
const HEIGHT = 120;
const KEPT_COUNT = 80;
const kept = new Map<string, string>();
let queue: Promise<unknown> = Promise.resolve();

/** A still as data address; empty where the picture cannot be had. */
export function stillOf(url: string, ms: number): Promise<string> {
  const key = `${url}@${Math.round(ms / 250)}`;
  const known = kept.get(key);
  if (known !== undefined) return Promise.resolve(known);
  const drawn = queue.then(() => kept.get(key) ?? draw(url, ms));
  queue = drawn.then((still) => {
    kept.set(key, still);
    const oldest = kept.keys().next();
    if (kept.size > KEPT_COUNT && !oldest.done) kept.delete(oldest.value);
  });
  return drawn;
}

async function draw(url: string, ms: number): Promise<string> {
  const video = document.createElement('video');
  video.muted = true;
  video.preload = 'auto';
  video.src = url;
  try {
    if (!(await once(video, 'loadeddata'))) return '';
    video.currentTime = ms / 1000;
    if (!(await once(video, 'seeked'))) return '';
    const canvas = document.createElement('canvas');
    canvas.height = HEIGHT;
    canvas.width = Math.max(1, Math.round((HEIGHT * video.videoWidth) / Math.max(1, video.videoHeight)));
    canvas.getContext('2d')?.drawImage(video, 0, 0, canvas.width, canvas.height);
    return canvas.toDataURL('image/jpeg', 0.7);
  } finally {
    video.removeAttribute('src');
    video.load();
  }
}

function once(video: HTMLVideoElement, name: string): Promise<boolean> {
  return new Promise((resolve) => {
    video.addEventListener(name, () => resolve(true), { once: true });
    video.addEventListener('error', () => resolve(false), { once: true });
  });
}
