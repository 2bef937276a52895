/**
 * The edit list: what the server renders, as the app changes it. Pure; every operation gives a new
 * list. Times are whole milliseconds, places and sizes fractions of the canvas.
 *
 * Invariant: an operation that would leave the limits below gives back a list within them.
 */

export type Fit = 'cover' | 'contain';
export type Look = 'none' | 'warm' | 'cool' | 'mono' | 'vivid' | 'faded';
export type TextStyle = 'plain' | 'outline' | 'box';
export type Align = 'left' | 'centre' | 'right';
export type LayoutKind = 'single' | 'side_by_side' | 'stacked' | 'picture_in_picture';
export type Place = 'left' | 'right' | 'top' | 'bottom' | 'corner';

export interface Segment {
  /** The upload (while editing: the take) it is cut from; null where `video` is set. */
  source: string | null;
  /** A published video: the part of a stitch. */
  video: string | null;
  start_ms: number;
  end_ms: number;
  speed: number;
  reverse: boolean;
  fit: Fit;
  crop: { x: number; y: number; width: number; height: number } | null;
  volume: number;
}

export type Layout = { kind: 'single' } | { kind: Exclude<LayoutKind, 'single'>; video: string; start_ms: number; volume: number; place: Place; fit?: Fit };

export interface SoundUse {
  sound: string;
  start_ms: number;
  volume: number;
  /** Video time at which `start_ms` is heard; negative where the sound began before the video. */
  lead_ms: number;
}

export interface VoiceOver {
  source: string;
  at_ms: number;
  start_ms: number;
  end_ms: number;
  volume: number;
}

export interface TextOverlay {
  text: string;
  from_ms: number;
  to_ms: number;
  x: number;
  y: number;
  width: number;
  size: number;
  colour: string;
  style: TextStyle;
  align: Align;
  rotation: number;
}

export interface EditList {
  version: 1;
  canvas: { width: number; height: number };
  segments: Segment[];
  layout: Layout;
  sound: SoundUse | null;
  voice_over: VoiceOver[];
  fade: { in_ms: number; out_ms: number };
  texts: TextOverlay[];
  look: Look;
  poster_ms: number;
}

export const LOOKS: readonly Look[] = ['none', 'warm', 'cool', 'vivid', 'faded', 'mono'];
export const SPEEDS = [0.3, 0.5, 1, 1.5, 2, 3] as const;
/** Shorter than this is a slip of the finger, not a segment. */
export const SEGMENT_MS_MIN = 200;
export const OUTPUT_MS_MIN = 1000;
export const OUTPUT_MS_MAX = 60_000;
export const STITCH_MS_MAX = 5000;
/** Texts and voices shorter than this are not rendered. */
const PART_MS_MIN = 100;
const VOICES_MAX = 20;
const LINES_MAX = 8;
export const TEXTS_MAX = 40;
export const TEXT_CHARS_MAX = 200;

export function newEdit(): EditList {
  return {
    version: 1,
    canvas: { width: 720, height: 1280 },
    segments: [],
    layout: { kind: 'single' },
    sound: null,
    voice_over: [],
    fade: { in_ms: 0, out_ms: 0 },
    texts: [],
    look: 'none',
    poster_ms: 0,
  };
}

export function newSegment(source: string, startMs: number, endMs: number): Segment {
  return { source, video: null, start_ms: Math.round(startMs), end_ms: Math.round(endMs), speed: 1, reverse: false, fit: 'cover', crop: null, volume: 1 };
}

/** How long a segment lasts in the finished video. */
export function lengthOf(segment: Segment): number {
  return Math.round((segment.end_ms - segment.start_ms) / segment.speed);
}

export function totalMs(edit: EditList): number {
  return edit.segments.reduce((sum, segment) => sum + lengthOf(segment), 0);
}

/** Where each segment starts in the finished video. */
export function startsOf(edit: EditList): number[] {
  let at = 0;
  return edit.segments.map((segment) => {
    const start = at;
    at += lengthOf(segment);
    return start;
  });
}

export interface Moment {
  index: number;
  /** Time in the source. */
  sourceMs: number;
}

/** What is shown at a time of the finished video; null past its end. */
export function momentAt(edit: EditList, ms: number): Moment | null {
  let at = 0;
  for (const [index, segment] of edit.segments.entries()) {
    const length = lengthOf(segment);
    if (ms < at + length) {
      const within = Math.max(0, ms - at) * segment.speed;
      return { index, sourceMs: segment.reverse ? segment.end_ms - within : segment.start_ms + within };
    }
    at += length;
  }
  return null;
}

/** Sound time heard at a video time; null where the sound is silent. */
export function soundAt(sound: SoundUse | null, ms: number): number | null {
  return sound && ms >= sound.lead_ms ? sound.start_ms + (ms - sound.lead_ms) : null;
}

function changed(edit: EditList, segments: Segment[]): EditList {
  return settle({ ...edit, segments });
}

function replaceAt(edit: EditList, index: number, change: (segment: Segment) => Segment): EditList {
  return changed(edit, edit.segments.map((segment, i) => (i === index ? change(segment) : segment)));
}

/** A video that has the sound of an edit list, and where in the sound it begins: negative where it begins before. */
export interface SungClip {
  id: string;
  soundMs: number;
  durationMs: number;
}

/**
 * A duet with a clip to the sound of both: they begin at the same place of it, at `fromMs` or where the clip has it first.
 * The sound is heard once, not from the clip as well.
 */
export function singWith(edit: EditList, clip: SungClip, fromMs: number): EditList {
  if (!edit.sound) return edit;
  const first = Math.max(0, clip.soundMs);
  const left = clip.soundMs + clip.durationMs - fromMs;
  const start = left < OUTPUT_MS_MIN ? first : Math.max(first, Math.round(fromMs));
  const start_ms = start - clip.soundMs;
  const { layout } = edit;
  const placed = layout.kind !== 'single' && layout.video === clip.id;
  return {
    ...edit,
    sound: { ...edit.sound, start_ms: start },
    layout: placed ? { ...layout, start_ms } : { kind: 'side_by_side', video: clip.id, start_ms, volume: 0, place: 'right', fit: 'contain' },
  };
}

/** Everything that hangs on the length is brought within it. */
export function settle(edit: EditList): EditList {
  const total = totalMs(edit);
  return {
    ...edit,
    poster_ms: clamp(edit.poster_ms, 0, Math.max(0, total - 1)),
    fade: { in_ms: Math.min(edit.fade.in_ms, total), out_ms: Math.min(edit.fade.out_ms, total) },
  };
}

export function append(edit: EditList, segment: Segment): EditList {
  const room = Math.floor((OUTPUT_MS_MAX - totalMs(edit)) * segment.speed);
  if (Math.min(room, segment.end_ms - segment.start_ms) < SEGMENT_MS_MIN) return edit;
  return changed(edit, [...edit.segments, { ...segment, end_ms: Math.min(segment.end_ms, segment.start_ms + room) }]);
}

export function removeAt(edit: EditList, index: number): EditList {
  return changed(edit, edit.segments.filter((_, i) => i !== index));
}

/** Moves a segment to another place among the others. */
export function move(edit: EditList, from: number, to: number): EditList {
  const segment = edit.segments[from];
  if (!segment || to < 0 || to >= edit.segments.length) return edit;
  const rest = edit.segments.filter((_, i) => i !== from);
  const segments = [...rest.slice(0, to), segment, ...rest.slice(to)];
  // What is stitched in front stays in front.
  const own = segments.findIndex((one) => one.source !== null);
  if (segments.some((one, i) => one.video !== null && i > own)) return edit;
  return changed(edit, segments);
}

/**
 * Sets in and out point within the source. The head of the first segment takes the sound and the other
 * clip of a duet with it: lips and sound stay together.
 */
export function trim(edit: EditList, index: number, startMs: number, endMs: number, sourceMs: number): EditList {
  const old = edit.segments[index];
  if (!old) return edit;
  const shortest = SEGMENT_MS_MIN * old.speed;
  // A source shorter than the shortest segment is taken whole.
  const start = Math.round(clamp(startMs, 0, Math.max(0, sourceMs - shortest)));
  const end = Math.round(clamp(endMs, start + shortest, Math.max(sourceMs, start + shortest)));
  const room = (OUTPUT_MS_MAX - (totalMs(edit) - lengthOf(old))) * old.speed;
  const segment = { ...old, start_ms: start, end_ms: Math.min(end, Math.floor(start + room)) };
  const next = replaceAt(edit, index, () => segment);
  if (index !== 0 || old.reverse) return next;
  const byMs = (start - old.start_ms) / old.speed;
  const { layout } = edit;
  return {
    ...next,
    sound: edit.sound && shifted(edit.sound, byMs),
    layout: layout.kind === 'single' ? layout : { ...layout, start_ms: Math.max(0, Math.round(layout.start_ms + byMs)) },
  };
}

/**
 * The sound as heard when the video begins `byMs` later. What was cut off at the front moves its start,
 * what came back before it is filled with more of the sound as far as there is any.
 */
function shifted(sound: SoundUse, byMs: number): SoundUse {
  const lead = Math.round(sound.lead_ms - byMs);
  const back = Math.min(lead, sound.start_ms);
  return { ...sound, start_ms: sound.start_ms - back, lead_ms: lead - back };
}

/** Cuts the segment under a time of the finished video in two. */
export function split(edit: EditList, ms: number): EditList {
  const moment = momentAt(edit, ms);
  const segment = moment && edit.segments[moment.index];
  if (!moment || !segment) return edit;
  const at = Math.round(moment.sourceMs);
  if (Math.min(at - segment.start_ms, segment.end_ms - at) < SEGMENT_MS_MIN * segment.speed) return edit;
  const head = { ...segment, end_ms: at };
  const tail = { ...segment, start_ms: at };
  const parts = segment.reverse ? [tail, head] : [head, tail];
  return changed(edit, edit.segments.flatMap((one, i) => (i === moment.index ? parts : [one])));
}

export function setSpeed(edit: EditList, index: number, speed: number): EditList {
  const segment = edit.segments[index];
  if (!segment) return edit;
  const others = totalMs(edit) - lengthOf(segment);
  // Slower may not fit any more: then the end is cut.
  const room = Math.floor((OUTPUT_MS_MAX - others) * speed);
  return replaceAt(edit, index, (one) => ({ ...one, speed, end_ms: Math.min(one.end_ms, one.start_ms + room) }));
}

export function patchSegment(edit: EditList, index: number, patch: Partial<Pick<Segment, 'reverse' | 'fit' | 'crop' | 'volume'>>): EditList {
  return replaceAt(edit, index, (segment) => ({ ...segment, ...patch }));
}

export function addText(edit: EditList, text: string, atMs: number): EditList {
  if (edit.texts.length >= TEXTS_MAX) return edit;
  const total = totalMs(edit);
  const from = Math.round(clamp(atMs, 0, Math.max(0, total - 1000)));
  const overlay: TextOverlay = {
    ...{ text, from_ms: from, to_ms: Math.max(from + 1, total) },
    ...{ x: 0.5, y: 0.3, width: 0.8, size: 0.055, colour: '#ffffff', style: 'outline', align: 'centre', rotation: 0 },
  };
  return { ...edit, texts: [...edit.texts, overlay] };
}

export function patchText(edit: EditList, index: number, patch: Partial<TextOverlay>): EditList {
  return {
    ...edit,
    texts: edit.texts.map((old, i) => {
      if (i !== index) return old;
      const text = { ...old, ...patch };
      const to = Math.round(Math.max(text.to_ms, text.from_ms + 100));
      return {
        ...text,
        text: [...text.text.split('\n').slice(0, LINES_MAX).join('\n')].slice(0, TEXT_CHARS_MAX).join(''),
        from_ms: Math.round(Math.max(0, text.from_ms)),
        to_ms: to,
        x: clamp(text.x, 0, 1),
        y: clamp(text.y, 0, 1),
        width: clamp(text.width, 0.1, 1),
        size: clamp(text.size, 0.02, 0.2),
        rotation: clamp(text.rotation, -180, 180),
      };
    }),
  };
}

export function removeText(edit: EditList, index: number): EditList {
  return { ...edit, texts: edit.texts.filter((_, i) => i !== index) };
}

export const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);

/** The nearest beat within reach, else the time itself. Beats are times of the sound. */
export function snapToBeat(ms: number, sound: SoundUse | null, beats: readonly number[], reachMs: number): number {
  if (!sound) return ms;
  let best = ms;
  let distance = reachMs;
  for (const beat of beats) {
    const at = beat - sound.start_ms + sound.lead_ms;
    if (Math.abs(at - ms) <= distance) {
      distance = Math.abs(at - ms);
      best = at;
    }
  }
  return Math.round(best);
}

/** Adds a voice. It takes the place of those that it would speak over. */
export function addVoice(edit: EditList, voice: VoiceOver): EditList {
  const end = (one: VoiceOver): number => one.at_ms + one.end_ms - one.start_ms;
  const others = edit.voice_over.filter((one) => end(one) <= voice.at_ms || one.at_ms >= end(voice));
  return others.length >= VOICES_MAX ? edit : { ...edit, voice_over: [...others, voice] };
}

/** Whether it can be a video: long enough, and not of others' pictures alone. */
export function complete(edit: EditList): boolean {
  return totalMs(edit) >= OUTPUT_MS_MIN && edit.segments.some((segment) => segment.source !== null);
}

/**
 * The list as the server takes it. While editing, texts and voices may hang over the end (the segment
 * they belong to may come back) or be empty; what cannot be seen or heard stays here.
 */
export function rendered(edit: EditList): EditList {
  const total = totalMs(edit);
  const fades = edit.fade.in_ms + edit.fade.out_ms;
  const share = fades > total ? total / fades : 1;
  return {
    ...edit,
    sound: edit.sound && edit.sound.lead_ms < total ? edit.sound : null,
    fade: { in_ms: Math.floor(edit.fade.in_ms * share), out_ms: Math.floor(edit.fade.out_ms * share) },
    texts: edit.texts
      .map((text) => ({ ...text, to_ms: Math.min(text.to_ms, total) }))
      .filter((text) => text.text.trim() !== '' && text.to_ms - text.from_ms >= PART_MS_MIN),
    voice_over: edit.voice_over
      .map((voice) => ({ ...voice, end_ms: Math.min(voice.end_ms, voice.start_ms + total - voice.at_ms) }))
      .filter((voice) => voice.end_ms - voice.start_ms >= PART_MS_MIN),
  };
}

/** The same list with every source renamed: takes of this device to uploads of the server, and back. */
export function renameSources(edit: EditList, nameOf: (source: string) => string): EditList {
  return {
    ...edit,
    segments: edit.segments.map((one) => (one.source === null ? one : { ...one, source: nameOf(one.source) })),
    voice_over: edit.voice_over.map((one) => ({ ...one, source: nameOf(one.source) })),
  };
}

/** Every source the list names, each once. */
export function sourcesOf(edit: EditList): string[] {
  const named = [...edit.segments.map((one) => one.source), ...edit.voice_over.map((one) => one.source)];
  return [...new Set(named.filter((source) => source !== null))];
}
