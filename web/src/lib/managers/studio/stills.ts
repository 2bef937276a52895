/** Small pictures of an edit, for the timeline, the poster and the list of drafts. Drawn one after the other. */
import type { EditList, Segment } from '../../studio/edit.ts';
import { cellOf, placed, type Size } from '../../studio/place.ts';

const HEIGHT = 120;
const KEPT_COUNT = 80;
const kept = new Map<string, string>();
let queue: Promise<unknown> = Promise.resolve();

/** How a segment's picture is shown, for telling whether a still of it is still right. */
export function framingKey(edit: Pick<EditList, 'canvas' | 'layout'>, { crop, fit }: Segment): string {
  const cell = cellOf(edit);
  const parts = crop ? [crop.x, crop.y, crop.width, crop.height] : [];
  return [cell.width, cell.height, fit, ...parts].join(' ');
}

/** A still of a segment as the edit shows it, as data address; empty where the picture cannot be had. */
export function stillOf(edit: Pick<EditList, 'canvas' | 'layout'>, segment: Segment, url: string, ms: number): Promise<string> {
  const key = `${url}@${Math.round(ms / 250)} ${framingKey(edit, segment)}`;
  const known = kept.get(key);
  if (known !== undefined) return Promise.resolve(known);
  const drawn = queue.then(() => kept.get(key) ?? draw(cellOf(edit), segment, url, ms));
  queue = drawn.then((still) => {
    kept.set(key, still);
    const oldest = kept.keys().next();
    if (kept.size > KEPT_COUNT && !oldest.done) kept.delete(oldest.value);
  });
  return drawn;
}

async function draw(cell: Size, { crop, fit }: Segment, url: string, ms: number): Promise<string> {
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
    canvas.width = Math.max(1, Math.round((HEIGHT * cell.width) / cell.height));
    const picture = { width: video.videoWidth, height: video.videoHeight };
    const { left, top, width, height, used } = placed(picture, cell, crop, fit);
    const context = canvas.getContext('2d');
    context?.fillRect(0, 0, canvas.width, canvas.height);
    context?.drawImage(
      video,
      ...[used.x * picture.width, used.y * picture.height, used.width * picture.width, used.height * picture.height] as const,
      ...[(left + used.x * width) * canvas.width, (top + used.y * height) * canvas.height] as const,
      ...[used.width * width * canvas.width, used.height * height * canvas.height] as const,
    );
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
