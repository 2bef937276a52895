/** What of a take goes to the server: files of the device only as far as the edit list uses them, where that saves something. */
import { renameSources, sourcesOf, type EditList } from '../../studio/edit.ts';
import { shiftSource, usedOf, within, type Span } from '../../studio/spans.ts';
import { newUuid } from '../app.ts';
import { measure } from './camera.ts';
import type { Take } from './local.ts';
import { send } from './transfer.ts';

/** Before what is used: a word of sound that is decoded with the one before it. */
const BEFORE_MS = 200;
/** Behind what is used: pictures that are decoded before their turn, and some room. */
const BEHIND_MS = 1500;
/** Of that, room for second thoughts: a cut moved by less needs nothing new. */
const ROOM_MS = 500;
/** A part that is no smaller than this share of the whole is not worth it. */
const SHARE_MAX = 0.9;
/** The part's length may differ so much from what was asked for at its end. */
const LENGTH_MS_OFF = 1500;

/** Bytes to send for a take, and which part of it they are. */
export interface Parcel {
  take: Take;
  blob: Blob;
  cut: Span | null;
}

/** Takes that are used, and not or not wholly on the server. */
export function unsent(takes: readonly Take[], edit: EditList): Take[] {
  return sourcesOf(edit).flatMap((source) => {
    const take = takes.find((one) => one.id === source);
    const used = usedOf(edit, source);
    const there = take?.uploadId && (!take.cut || (used && within(used, take.cut)));
    return take && !there ? [take] : [];
  });
}

/** Cuts a picked file to what is used. Whatever stands in the way of that, the whole of it is sent. */
export async function parcelOf(take: Take, edit: EditList, blob: Blob, onprogress: (ratio: number) => void, signal: AbortSignal): Promise<Parcel> {
  const whole = { take, blob, cut: null };
  const used = usedOf(edit, take.id);
  if (!take.picked || !used) return whole;
  const wanted = { startMs: Math.max(0, used.startMs - BEFORE_MS), endMs: Math.min(take.durationMs, used.endMs + BEHIND_MS) };
  if (wanted.endMs - wanted.startMs > SHARE_MAX * take.durationMs) return whole;
  try {
    const { cut } = await import('./cut.ts');
    // Sound may go on for a moment after the last picture: what goes to the end goes to the very end.
    const span = wanted.endMs < take.durationMs ? wanted : { ...wanted, endMs: wanted.endMs + BEHIND_MS };
    const part = await cut(blob, span, onprogress, signal);
    if (!part || part.blob.size > SHARE_MAX * blob.size || !(await plays(part.blob, take, wanted.endMs - part.startMs))) return whole;
    return { take, blob: part.blob, cut: { startMs: part.startMs, endMs: Math.min(used.endMs + ROOM_MS, take.durationMs) } };
  } catch (error) {
    if (signal.aborted) throw error;
    return whole;
  }
}

/** Whether the browser reads the part as what it should be. */
async function plays(blob: Blob, take: Take, lengthMs: number): Promise<boolean> {
  const { durationMs, width, height } = await measure(blob);
  return durationMs !== null && Math.abs(durationMs - lengthMs) <= LENGTH_MS_OFF && width === take.width && height === take.height;
}

/** Sends a parcel; answers the take as it is then known to the server. */
export async function deliver({ take, blob, cut }: Parcel, onsent: (bytes: number) => void, signal: AbortSignal): Promise<Take> {
  const name = cut ? `${take.id}-${cut.startMs}-${cut.endMs}` : take.id;
  return { ...take, cut, uploadId: await send(name, blob, onsent, signal) };
}

/** The list over takes as a list over what the server has of them. */
export function asSent(edit: EditList, takes: readonly Take[]): EditList {
  return takes.reduce((list, take) => (take.cut ? shiftSource(list, take.id, -take.cut.startMs) : list), edit);
}

/** And back: what is on the server as a list over takes, those that this device knows and new ones. */
export function adopted(edit: EditList, known: readonly Take[]): { list: EditList; takes: Take[] } {
  const voices = new Set(edit.voice_over.map((voice) => voice.source));
  const takes = [...known];
  const nameOf = (uploadId: string): string => {
    const here = takes.find((take) => take.uploadId === uploadId);
    if (here) return here.id;
    const durationMs = usedOf(edit, uploadId)?.endMs ?? 0;
    const take: Take = { id: newUuid(), kind: voices.has(uploadId) ? 'voice' : 'video', durationMs, leadMs: null, backingMs: 0, uploadId, width: 0, height: 0 };
    takes.push(take);
    return take.id;
  };
  const layout: EditList['layout'] = edit.layout.kind === 'single' ? { kind: 'single' } : edit.layout;
  const renamed = renameSources({ ...edit, layout }, nameOf);
  return { takes, list: takes.reduce((list, take) => (take.cut ? shiftSource(list, take.id, take.cut.startMs) : list), renamed) };
}
