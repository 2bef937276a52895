import { describe, expect, it } from 'vitest';
import type { Take } from '../src/lib/managers/studio/local.ts';
import { adopted, asSent, unsent } from '../src/lib/managers/studio/sending.ts';
import { append, newEdit, newSegment, renameSources, type EditList } from '../src/lib/studio/edit.ts';
import { shiftSource, usedOf } from '../src/lib/studio/spans.ts';

const take = (id: string, more: Partial<Take> = {}): Take => ({
  ...{ id, kind: 'video', durationMs: 300_000, leadMs: null, backingMs: 0, uploadId: null, width: 720, height: 1280 },
  ...more,
});

const list = (...parts: [string, number, number][]): EditList =>
  parts.reduce((edit, [source, from, to]) => append(edit, newSegment(source, from, to)), newEdit());

describe('what of a take goes to the server', () => {
  it('is everything from the first moment used to the last', () => {
    const edit = list(['a', 20_000, 25_000], ['b', 0, 2000], ['a', 3000, 4000]);
    expect(usedOf(edit, 'a')).toEqual({ startMs: 3000, endMs: 25_000 });
    expect(usedOf(edit, 'c')).toBeNull();
  });

  it('is nothing again while what is there has all that is used', () => {
    const cut = take('a', { uploadId: 'u', cut: { startMs: 18_000, endMs: 26_000 } });
    const whole = take('b', { uploadId: 'v' });
    expect(unsent([cut, whole], list(['a', 18_000, 26_000], ['b', 0, 9000]))).toEqual([]);
    expect(unsent([cut], list(['a', 17_999, 26_000]))).toEqual([cut]);
    expect(unsent([cut], list(['a', 18_000, 26_001]))).toEqual([cut]);
    expect(unsent([take('c')], list(['a', 0, 1000]))).toEqual([]);
  });

  it('is a list over uploads that comes back as the list it was', () => {
    const takes = [take('a', { uploadId: 'u', cut: { startMs: 18_000, endMs: 26_000 } }), take('b', { uploadId: 'v' })];
    const edit = list(['a', 20_500, 25_000], ['b', 100, 2000], ['a', 18_500, 19_000]);
    const sent = renameSources(asSent(edit, takes), (source) => takes.find((one) => one.id === source)?.uploadId ?? source);
    expect(sent.segments.map((one) => [one.source, one.start_ms, one.end_ms])).toEqual([
      ['u', 2500, 7000],
      ['v', 100, 2000],
      ['u', 500, 1000],
    ]);
    expect(adopted(sent, takes)).toEqual({ list: edit, takes });
    // On another device the upload is all there is.
    const there = adopted(sent, []);
    expect(there.takes.map((one) => [one.uploadId, one.cut, one.durationMs])).toEqual([
      ['u', undefined, 7000],
      ['v', undefined, 2000],
    ]);
    expect(there.list.segments.map((one) => one.start_ms)).toEqual([2500, 100, 500]);
  });

  it('moves the times of one source alone', () => {
    const edit = list(['a', 1000, 2000], ['b', 1000, 2000]);
    expect(shiftSource(edit, 'b', -1000).segments.map((one) => one.start_ms)).toEqual([1000, 0]);
  });
});
