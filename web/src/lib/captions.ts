/** Captions as the editor holds them, and the WebVTT they are kept as. The server checks and writes every file anew. */

export interface Cue {
  startMs: number;
  endMs: number;
  text: string;
}

/** Shortest time a new cue is shown for, and longest before the next one begins. */
const CUE_MS = 2500;

const ESCAPES: [RegExp, string][] = [
  [/&lt;(?!\/?[biuv][ .>])/g, '<'],
  [/&gt;/g, '>'],
  [/&nbsp;/g, '\u00a0'],
  [/&amp;/g, '&'],
];

/** Reads what the server writes: cues of one line of times and lines of text. */
export function readVtt(file: string): Cue[] {
  const cues: Cue[] = [];
  for (const block of file.replace(/\r\n?/g, '\n').split(/\n{2,}/)) {
    const lines = block.split('\n');
    const timing = lines.findIndex((line) => line.includes('-->'));
    if (timing < 0) continue;
    const [start = '', end = ''] = (lines[timing] ?? '').split('-->').map((part) => part.trim().split(/\s/)[0] ?? '');
    const text = ESCAPES.reduce((plain, [from, to]) => plain.replace(from, to), lines.slice(timing + 1).join('\n').trim());
    cues.push({ startMs: readTime(start), endMs: readTime(end), text });
  }
  return cues;
}

/** Marks that WebVTT knows stay; any other `<` is a sign of its own. */
export function writeVtt(cues: readonly Cue[]): string {
  const text = (cue: Cue) => cue.text.trim().replace(/\n{2,}/g, '\n').replace(/&(?!lt;)/g, '&amp;').replace(/<(?!\/?[biuv][ .>])/g, '&lt;');
  const block = (cue: Cue) => `\n${writeTime(cue.startMs)} --> ${writeTime(cue.endMs)}\n${text(cue)}\n`;
  return `WEBVTT\n${ordered(cues).map(block).join('')}`;
}

export const ordered = (cues: readonly Cue[]): Cue[] => [...cues].sort((a, b) => a.startMs - b.startMs || a.endMs - b.endMs);

/** A new cue at a moment: until the next one begins. */
export function cueAt(cues: readonly Cue[], atMs: number, durationMs: number): Cue {
  const startMs = Math.max(0, Math.min(Math.round(atMs), durationMs - 1));
  const next = ordered(cues).find((cue) => cue.startMs > startMs)?.startMs ?? durationMs;
  return { startMs, endMs: Math.min(startMs + CUE_MS, next), text: '' };
}

/** `mm:ss.t` as people read and type it; undefined where it is no time. */
export function parseClock(text: string): number | undefined {
  const found = /^(?:(\d{1,3}):)?(\d{1,2}(?:[.,]\d{1,3})?)$/.exec(text.trim());
  if (!found) return undefined;
  return Math.round((Number(found[1] ?? 0) * 60 + Number((found[2] ?? '0').replace(',', '.'))) * 1000);
}

export function formatClock(ms: number): string {
  const tenths = Math.round(ms / 10);
  const seconds = ((tenths % 6000) / 100).toFixed(2).padStart(5, '0');
  return `${Math.floor(tenths / 6000)}:${seconds}`;
}

/** The language shown to a reader: their own, else the video's, else the first there is. */
export function chooseLanguage(languages: readonly string[], reader: string, spoken: string | null | undefined): string | undefined {
  const base = (tag: string) => tag.split('-')[0];
  return (
    languages.find((tag) => tag === reader) ??
    languages.find((tag) => base(tag) === base(reader)) ??
    languages.find((tag) => spoken && base(tag) === base(spoken)) ??
    languages[0]
  );
}

function readTime(text: string): number {
  const parts = text.split(':').map(Number);
  const seconds = parts.reduce((sum, part) => sum * 60 + part, 0);
  return Number.isFinite(seconds) ? Math.round(seconds * 1000) : 0;
}

function writeTime(ms: number): string {
  const part = (value: number, digits = 2) => String(Math.floor(value)).padStart(digits, '0');
  return `${part(ms / 3_600_000)}:${part((ms / 60_000) % 60)}:${part((ms / 1000) % 60)}.${part(ms % 1000, 3)}`;
}
