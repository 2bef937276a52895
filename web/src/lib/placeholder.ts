import { thumbHashToDataURL } from 'thumbhash';

const cache = new Map<string, string>();
const CACHE_COUNT_MAX = 300;

/** A tiny blurred picture from a base64 ThumbHash, as a data address; empty when it is unreadable. */
export function placeholder(thumbhash: string | null | undefined): string {
  if (!thumbhash) return '';
  const known = cache.get(thumbhash);
  if (known !== undefined) return known;
  let url = '';
  try {
    url = thumbHashToDataURL(Uint8Array.from(atob(thumbhash), (char) => char.charCodeAt(0)));
  } catch {
    // A missing placeholder only costs a moment of plain ground.
  }
  if (cache.size >= CACHE_COUNT_MAX) cache.clear();
  cache.set(thumbhash, url);
  return url;
}
