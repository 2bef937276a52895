/** 74300 -> "1:14". The way players and grids write it, the same in every language. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** A part of a caption: plain text or a tag. */
export interface CaptionPart {
  text: string;
  tag: boolean;
}

/** Splits a caption into text and hashtags. A tag is `#` and letters, digits, underscores of any script. */
export function captionParts(caption: string): CaptionPart[] {
  const parts: CaptionPart[] = [];
  let end = 0;
  for (const match of caption.matchAll(/#[\p{L}\p{N}_]+/gu)) {
    if (match.index > end) parts.push({ text: caption.slice(end, match.index), tag: false });
    parts.push({ text: match[0], tag: true });
    end = match.index + match[0].length;
  }
  if (end < caption.length) parts.push({ text: caption.slice(end), tag: false });
  return parts;
}

/** A number in [0, 360) that is always the same for the same text: the hue of an avatar. */
export function hueOf(text: string): number {
  let hash = 2166136261;
  for (const char of text) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 16777619);
  return (hash >>> 0) % 360;
}

/** Heights (0.3 to 1) of the bars of an avatar: a beat of one's own. */
export function barsOf(text: string): number[] {
  let state = hueOf(`${text}/bars`) * 7919 + 17;
  return Array.from({ length: 4 }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return 0.3 + ((state >>> 16) % 8) / 10;
  });
}
