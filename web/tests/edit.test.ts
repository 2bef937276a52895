import { describe, expect, it } from 'vitest';
import {
  addText,
  addVoice,
  append,
  complete,
  lengthOf,
  momentAt,
  move,
  newEdit,
  newSegment,
  OUTPUT_MS_MAX,
  patchText,
  removeAt,
  rendered,
  renameSources,
  setSpeed,
  singWith,
  snapToBeat,
  soundAt,
  sourcesOf,
  split,
  startsOf,
  TEXT_CHARS_MAX,
  totalMs,
  trim,
  type EditList,
} from '../src/lib/studio/edit.ts';
import { History } from '../src/lib/studio/history.ts';
import { wrap } from '../src/lib/studio/text.ts';
import { delayOf } from '../src/lib/managers/studio/calibration.ts';

function list(...lengths: number[]): EditList {
  return lengths.reduce((edit, ms, i) => append(edit, newSegment(`take-${i}`, 0, ms)), newEdit());
}

const withSound = (edit: EditList): EditList => ({ ...edit, sound: { sound: 's', start_ms: 2000, volume: 1, lead_ms: 0 } });

/** Repeatable numbers in [0, 1). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('singing with a clip', () => {
  it('keeps both clips at one place of the sound, wherever each begins in it', () => {
    const next = random(11);
    for (let round = 0; round < 300; round += 1) {
      const clip = { id: 'v', soundMs: Math.round(next() * 60_000 - 5000), durationMs: Math.round(1000 + next() * 59_000) };
      const asked = Math.round(next() * 60_000);
      const sung = singWith(withSound(newEdit()), clip, asked);
      const placed = (edit: EditList) => (edit.layout.kind === 'single' ? NaN : edit.layout.start_ms + clip.soundMs);
      const start = sung.sound?.start_ms ?? NaN;
      expect(placed(sung)).toBe(start);
      expect(start).toBeGreaterThanOrEqual(0);
      expect(sung.layout.kind === 'single' ? -1 : sung.layout.start_ms).toBeGreaterThanOrEqual(0);
      // What was asked for, unless the clip has not begun then or is about to end.
      const plays = asked >= clip.soundMs && clip.soundMs + clip.durationMs - asked >= 1000;
      expect(start).toBe(plays ? asked : Math.max(0, clip.soundMs));
      const taken = append(sung, newSegment('t', 300, 4300));
      const cut = trim(taken, 0, 900, 4300, 4300);
      expect(placed(cut)).toBe(cut.sound?.start_ms);
    }
  });

  it('leaves the clip where it is on the screen', () => {
    const clip = { id: 'v', soundMs: 500, durationMs: 9000 };
    const sung = singWith(withSound(newEdit()), clip, 0);
    const stacked = { ...sung, layout: { ...sung.layout, kind: 'stacked', place: 'top', volume: 0.3 } } as EditList;
    const { layout, sound } = singWith(stacked, clip, 2500);
    expect([layout, sound?.start_ms]).toEqual([{ ...stacked.layout, start_ms: 2000 }, 2500]);
  });

  it('is nothing without a sound', () => {
    const edit = newEdit();
    expect(singWith(edit, { id: 'v', soundMs: 0, durationMs: 5000 }, 0)).toBe(edit);
  });
});

describe('edit list', () => {
  it('says what is shown at each time', () => {
    const edit = setSpeed(list(2000, 1000), 1, 2);
    expect(totalMs(edit)).toBe(2500);
    expect(startsOf(edit)).toEqual([0, 2000]);
    expect(momentAt(edit, 1999)).toEqual({ index: 0, sourceMs: 1999 });
    expect(momentAt(edit, 2250)).toEqual({ index: 1, sourceMs: 500 });
    expect(momentAt(edit, 2500)).toBeNull();
  });

  it('plays a reversed segment from its end', () => {
    const edit = list(2000);
    const reversed = { ...edit, segments: edit.segments.map((one) => ({ ...one, reverse: true })) };
    expect(momentAt(reversed, 500)).toEqual({ index: 0, sourceMs: 1500 });
  });

  it('never grows beyond the longest video', () => {
    const edit = append(list(50_000), newSegment('late', 1000, 30_000));
    expect(totalMs(edit)).toBe(OUTPUT_MS_MAX);
    expect(append(edit, newSegment('too much', 0, 5000))).toBe(edit);
    expect(totalMs(setSpeed(edit, 0, 0.3))).toBeLessThanOrEqual(OUTPUT_MS_MAX);
  });

  it('keeps lips and sound together when the head of the first take is cut', () => {
    const before = withSound(list(4000, 4000));
    const after = trim(before, 0, 700, 4000, 4000);
    // The same picture, before and after: take time 1500.
    expect(soundAt(after.sound, 800)).toBe(soundAt(before.sound, 1500));
    const longer = trim(after, 0, 200, 4000, 4000);
    expect(soundAt(longer.sound, 1300)).toBe(soundAt(before.sound, 1500));
  });

  it('keeps the other clip of a duet in step when the head of the first take is cut', () => {
    const layout = { kind: 'stacked', video: 'other', start_ms: 1000, volume: 1, place: 'top' } as const;
    const startOf = (edit: EditList) => (edit.layout.kind === 'single' ? null : edit.layout.start_ms);
    const after = trim({ ...list(4000, 4000), layout }, 0, 700, 4000, 4000);
    expect(startOf(after)).toBe(1700);
    expect(startOf(trim(after, 0, 200, 4000, 4000))).toBe(1200);
    expect(startOf(trim(after, 1, 300, 4000, 4000))).toBe(1700);
  });

  it('gives the sound a lead where the video now begins before it', () => {
    const edit = withSound(append(newEdit(), newSegment('take', 2900, 6000)));
    const longer = trim(edit, 0, 0, 6000, 6000);
    expect(soundAt(longer.sound, 2900)).toBe(2000);
    expect(soundAt(longer.sound, 900)).toBe(0);
    expect(soundAt(longer.sound, 899)).toBeNull();
  });

  it('trims within the source, whatever is asked', () => {
    const edit = trim(list(4000), 0, -500, 99_000, 4000);
    expect(edit.segments[0]).toMatchObject({ start_ms: 0, end_ms: 4000 });
    const crossed = trim(list(4000), 0, 3999, 10, 4000).segments[0];
    expect(crossed && crossed.end_ms - crossed.start_ms).toBe(200);
    expect(trim(list(4000), 7, 0, 1, 4000).segments).toHaveLength(1);
  });

  it('splits where the playhead stands and changes nothing of what is seen', () => {
    for (const reverse of [false, true]) {
      const base = setSpeed(list(3000, 4000), 1, 2);
      const edit = { ...base, segments: base.segments.map((one) => ({ ...one, reverse })) };
      const halves = split(edit, 4000);
      expect(halves.segments).toHaveLength(3);
      for (const ms of [0, 2999, 3001, 3999, 4001, 4999]) {
        expect(momentAt(halves, ms)?.sourceMs).toBe(momentAt(edit, ms)?.sourceMs);
      }
    }
  });

  it('moves and removes without losing the others', () => {
    const edit = list(1000, 2000, 3000);
    const names = (one: EditList) => one.segments.map((segment) => segment.source);
    expect(names(move(edit, 2, 0))).toEqual(['take-2', 'take-0', 'take-1']);
    expect(names(move(edit, 0, 2))).toEqual(['take-1', 'take-2', 'take-0']);
    expect(move(edit, 0, 3)).toBe(edit);
    expect(names(removeAt(edit, 1))).toEqual(['take-0', 'take-2']);
  });

  it('keeps the poster inside the video when that gets shorter', () => {
    const edit = { ...list(1000, 2000), poster_ms: 2900 };
    expect(removeAt(edit, 1).poster_ms).toBe(999);
  });

  it('keeps texts within their limits', () => {
    const edit = patchText(addText(list(5000), 'hello', 4900), 0, { text: '😀'.repeat(TEXT_CHARS_MAX + 9), x: 7, size: 9, from_ms: 4000, to_ms: 10 });
    expect(edit.texts[0]).toMatchObject({ x: 1, size: 0.2, from_ms: 4000, to_ms: 4100 });
    expect([...(edit.texts[0]?.text ?? '')]).toHaveLength(TEXT_CHARS_MAX);
  });

  it('snaps a cut to a near beat and leaves others alone', () => {
    const sound = { sound: 's', start_ms: 1000, volume: 1, lead_ms: 100 };
    expect(snapToBeat(620, sound, [1000, 1500, 2000], 70)).toBe(600);
    expect(snapToBeat(700, sound, [1000, 1500, 2000], 70)).toBe(700);
    expect(snapToBeat(620, null, [1500], 70)).toBe(620);
  });

  it('renames sources there and back', () => {
    const edit = { ...list(1000, 2000), voice_over: [{ source: 'voice', at_ms: 0, start_ms: 0, end_ms: 900, volume: 1 }] };
    expect(sourcesOf(edit)).toEqual(['take-0', 'take-1', 'voice']);
    const there = renameSources(edit, (name) => `upload/${name}`);
    expect(renameSources(there, (name) => name.replace('upload/', ''))).toEqual(edit);
  });

  it('stays valid under any sequence of changes', () => {
    for (let seed = 1; seed <= 80; seed += 1) {
      const next = random(seed);
      const pick = (n: number) => Math.floor(next() * n);
      let edit = withSound(list(500 + pick(20_000), 500 + pick(20_000), 500 + pick(20_000)));
      for (let step = 0; step < 40; step += 1) {
        const at = pick(edit.segments.length + 1);
        const changes: (() => EditList)[] = [
          () => trim(edit, at, pick(20_000) - 2000, pick(25_000), 20_500),
          () => setSpeed(edit, at, [0.3, 0.5, 1, 2, 3][pick(5)] ?? 1),
          () => split(edit, pick(60_000)),
          () => move(edit, at, pick(4)),
          () => removeAt(edit, at),
          () => append(edit, newSegment('more', pick(1000), 1500 + pick(30_000))),
        ];
        edit = changes[pick(changes.length)]?.() ?? edit;
        const total = totalMs(edit);
        expect(total).toBeLessThanOrEqual(OUTPUT_MS_MAX + edit.segments.length);
        for (const segment of edit.segments) {
          expect(segment.start_ms).toBeGreaterThanOrEqual(0);
          expect(lengthOf(segment)).toBeGreaterThan(0);
          expect([segment.start_ms, segment.end_ms].every(Number.isInteger)).toBe(true);
        }
        expect(Number.isInteger(edit.sound?.start_ms) && Number.isInteger(edit.sound?.lead_ms)).toBe(true);
        expect(Math.min(edit.sound?.lead_ms ?? -1, edit.sound?.start_ms ?? -1)).toBeGreaterThanOrEqual(0);
        if (total > 0) expect(momentAt(edit, total - 1)?.index).toBe(edit.segments.length - 1);
      }
    }
  });
});

describe('what the server gets', () => {
  it('ends where the video ends, and has nothing that cannot be seen or heard', () => {
    const long = addText(addText(list(2000, 3000), 'stays', 0), '  ', 0);
    const edit = { ...addText(long, 'gone', 4000), fade: { in_ms: 3000, out_ms: 1000 } };
    const voiced = [0, 1500, 4200].reduce((one, at_ms, i) => addVoice(one, { source: `voice-${i}`, at_ms, start_ms: 0, end_ms: 800, volume: 1 }), edit);
    const sent = rendered({ ...removeAt(voiced, 1), fade: edit.fade });
    expect(sent.texts.map(({ text, to_ms }) => [text, to_ms])).toEqual([['stays', 2000]]);
    expect(sent.voice_over.map(({ at_ms, end_ms }) => [at_ms, end_ms])).toEqual([[0, 800], [1500, 500]]);
    expect(sent.fade.in_ms + sent.fade.out_ms).toBeLessThanOrEqual(2000);
  });

  it('has one voice at a time', () => {
    const voice = (source: string, at_ms: number) => ({ source, at_ms, start_ms: 0, end_ms: 1000, volume: 1 });
    const edit = addVoice(addVoice(addVoice(list(9000), voice('a', 0)), voice('b', 1000)), voice('c', 1500));
    expect(edit.voice_over.map((one) => one.source)).toEqual(['a', 'c']);
  });

  it('keeps what is stitched in front, and is nothing without pictures of one\'s own', () => {
    const stitched = { ...newSegment('', 0, 3000), source: null, video: 'v' };
    const alone = append(newEdit(), stitched);
    expect(complete(alone)).toBe(false);
    const edit = append(append(alone, newSegment('mine', 0, 2000)), newSegment('more', 0, 2000));
    expect(complete(edit)).toBe(true);
    expect(move(edit, 0, 1)).toBe(edit);
    expect(move(edit, 2, 0)).toBe(edit);
    expect(move(edit, 2, 1).segments.map((one) => one.source)).toEqual([null, 'more', 'mine']);
  });
});

describe('history', () => {
  it('takes a drag back in one go, and brings it again', () => {
    const history = new History<number>();
    history.note(1, 'drag', 0);
    history.note(2, 'drag', 100);
    history.note(3, 'drag', 200);
    expect(history.undo(4)).toBe(1);
    expect(history.redo(1)).toBe(4);
    history.note(4, 'drag', 5000);
    expect(history.canRedo).toBe(false);
    expect(history.undo(5)).toBe(4);
    expect(history.undo(4)).toBe(1);
    expect(history.undo(1)).toBe(1);
  });
});

describe('text', () => {
  const measure = (text: string): number => [...text].length * 10;

  it('breaks at spaces, inside words only where it must, and keeps what was typed', () => {
    expect(wrap('one two three', 80, measure)).toEqual(['one two', 'three']);
    expect(wrap('extraordinarily so', 60, measure)).toEqual(['extrao', 'rdinar', 'ily so']);
    expect(wrap('a\n\nb', 60, measure)).toEqual(['a', '', 'b']);
    expect(wrap('👩‍👩‍👧👩‍👩‍👧', 55, measure)).toEqual(['👩‍👩‍👧', '👩‍👩‍👧']);
  });
});

describe('calibration', () => {
  const ticks = Array.from({ length: 8 }, (_, i) => 1000 + i * 700);

  it('finds the delay that the taps show, and forgives a missed beat', () => {
    const taps = ticks.map((tick, i) => tick + 180 + (i % 3) * 8);
    expect(delayOf(taps, ticks, 700)).toBeGreaterThanOrEqual(180);
    expect(delayOf(taps, ticks, 700)).toBeLessThanOrEqual(196);
    expect(delayOf(taps.filter((_, i) => i !== 3), ticks, 700)).toBeLessThanOrEqual(196);
  });

  it('says nothing where the taps say nothing', () => {
    expect(delayOf([1100, 1800], ticks, 700)).toBeNull();
    expect(delayOf(ticks.map((tick, i) => tick + ((i * 271) % 600)), ticks, 700)).toBeNull();
  });

  it('takes a hand ahead of the beat for no delay', () => {
    expect(delayOf(ticks.map((tick) => tick - 20), ticks, 700)).toBe(0);
  });
});
