/** Which part of a source an edit list uses, and lists over a part of it. Pure. Times are milliseconds of the source. */
import type { EditList } from './edit.ts';

export interface Span {
  startMs: number;
  endMs: number;
}

/** From the first moment of a source that is used to the last; null where none is. */
export function usedOf(edit: EditList, source: string): Span | null {
  const used = [...edit.segments, ...edit.voice_over].filter((one) => one.source === source);
  if (used.length === 0) return null;
  return { startMs: Math.min(...used.map((one) => one.start_ms)), endMs: Math.max(...used.map((one) => one.end_ms)) };
}

export const within = (inner: Span, outer: Span): boolean => inner.startMs >= outer.startMs && inner.endMs <= outer.endMs;

/** The same pictures and sounds where time zero of the source is `byMs` earlier. */
export function shiftSource(edit: EditList, source: string, byMs: number): EditList {
  const shifted = <T extends { source: string | null; start_ms: number; end_ms: number }>(one: T): T =>
    one.source === source ? { ...one, start_ms: one.start_ms + byMs, end_ms: one.end_ms + byMs } : one;
  return { ...edit, segments: edit.segments.map(shifted), voice_over: edit.voice_over.map(shifted) };
}
