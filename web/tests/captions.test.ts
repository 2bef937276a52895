import { describe, expect, it } from 'vitest';
import { chooseLanguage, cueAt, formatClock, parseClock, readVtt, writeVtt } from '../src/lib/captions.ts';

describe('captions', () => {
  it('are written as they were read', () => {
    const file = 'WEBVTT\n\n00:00:01.000 --> 00:00:02.500\n<v Ada>Hello\n<i>you</i> &amp; me</v>\n\n00:01:02.005 --> 00:01:03.000\n1 &lt; 2 &gt; 0\n';
    const cues = readVtt(file);
    expect(cues).toEqual([
      { startMs: 1000, endMs: 2500, text: '<v Ada>Hello\n<i>you</i> & me</v>' },
      { startMs: 62_005, endMs: 63_000, text: '1 < 2 > 0' },
    ]);
    expect(readVtt(writeVtt(cues))).toEqual(cues);
  });

  it('keep the signs that somebody typed', () => {
    for (const text of ['a < b', '<3', 'R&D', 'x &amp; y', '<b>so</b>', '&lt;b>']) {
      const [cue] = readVtt(writeVtt([{ startMs: 0, endMs: 1, text }]));
      expect(cue?.text).toBe(text);
    }
  });

  it('are written in order, without lines that would end a cue', () => {
    const file = writeVtt([
      { startMs: 5000, endMs: 6000, text: 'b' },
      { startMs: 1000, endMs: 2000, text: 'a\n\n\nc ' },
    ]);
    expect(file).toBe('WEBVTT\n\n00:00:01.000 --> 00:00:02.000\na\nc\n\n00:00:05.000 --> 00:00:06.000\nb\n');
  });

  it('begin where the video is and end where the next line begins', () => {
    const cues = [{ startMs: 4000, endMs: 5000, text: 'later' }];
    expect(cueAt(cues, 2000.4, 10_000)).toEqual({ startMs: 2000, endMs: 4000, text: '' });
    expect(cueAt(cues, 6000, 10_000)).toEqual({ startMs: 6000, endMs: 8500, text: '' });
    expect(cueAt(cues, 99_000, 10_000)).toEqual({ startMs: 9999, endMs: 10_000, text: '' });
  });

  it('have times as people type them', () => {
    expect(['0:01.50', '1,5', '61', '1:02', '2:03.456'].map(parseClock)).toEqual([1500, 1500, 61_000, 62_000, 123_456]);
    expect(['', 'now', '1:2:3', '-1'].map(parseClock)).toEqual([undefined, undefined, undefined, undefined]);
    expect([0, 1500, 62_005, 59_999].map(formatClock)).toEqual(['0:00.00', '0:01.50', '1:02.01', '1:00.00']);
  });

  it('are shown in the language of the reader, else in that of the video', () => {
    expect(chooseLanguage(['de-at', 'en'], 'de', 'en')).toBe('de-at');
    expect(chooseLanguage(['fr', 'pl'], 'de', 'pl')).toBe('pl');
    expect(chooseLanguage(['fr', 'pl'], 'de', null)).toBe('fr');
    expect(chooseLanguage([], 'de', null)).toBeUndefined();
  });
});
