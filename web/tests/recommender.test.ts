/** The recommender's words and the pure parts of its sheets, on one recorded answer. */
import reference from '../../docs/ranking.md?raw';
import { beforeEach, describe, expect, it } from 'vitest';
import { i18n } from '../src/lib/i18n/index.svelte.ts';
import { de } from '../src/lib/i18n/taste/de.ts';
import { en } from '../src/lib/i18n/taste/en.ts';
import { named } from '../src/lib/i18n/taste/index.ts';
import { difference, done, lines, shares } from '../src/lib/managers/why.ts';
import { split, strength } from '../src/lib/managers/taste.svelte.ts';
import { isAbout, subjectName, subjectsOf } from '../src/lib/subjects.ts';
import { video, why } from './fixtures.ts';

/** The names in the first column of the table under a heading of the generated reference. */
function namesUnder(heading: string): string[] {
  const section = reference.split(/^## /m).find((part) => part.startsWith(heading)) ?? '';
  return [...section.matchAll(/^\| `([a-z_]+)`/gm)].map((found) => found[1] as string);
}

describe('the reference of the recommender', () => {
  const tables = [
    ['Candidate sources', (m: typeof en) => [m.sources, m.reach.sourceNames]],
    ['Filters', (m: typeof en) => [m.filters, m.reach.reasons]],
    ['Terms', (m: typeof en) => [m.terms]],
  ] as const;

  it.each(tables)('has words in both languages for everything under "%s"', (heading, tablesOf) => {
    const names = namesUnder(heading);
    expect(names.length).toBeGreaterThan(2);
    for (const table of [...tablesOf(en), ...tablesOf(de)]) expect(names.filter((name) => !table[name]?.trim())).toEqual([]);
  });

  it('leaves a name it does not know legible', () => {
    expect(named(en.terms, 'newer_than_this')).toBe('newer than this');
    expect(named(en.terms, 'constructor')).toBe('constructor');
  });
});

/** Every plain string of a table, however deep. */
const strings = (table: object): string[] => Object.values(table).flatMap((one) => (typeof one === 'string' ? [one] : typeof one === 'object' ? strings(one as object) : []));

describe('the words', () => {
  it('are as many in both languages, and calm', () => {
    expect(strings(de).length).toBe(strings(en).length);
    for (const text of [...strings(en), ...strings(de)]) expect(text).toMatch(/^[^!]*[^!\s][^!]*$/);
    for (const text of strings(de)) expect(text).not.toMatch(/\b(Ihnen|Ihre?[nmrs]?)\b/);
  });
});

describe('why', () => {
  beforeEach(() => i18n.use('en'));

  it('splits the score into shares that add up, strongest first', () => {
    const answer = why();
    const parts = shares(answer.terms);
    expect(parts.map((part) => part.name)).toEqual(['creator', 'popularity', 'repeat_creator']);
    expect(parts.reduce((sum, part) => sum + part.share, 0)).toBeCloseTo(1);
    expect(parts.reduce((sum, part) => sum + part.value, 0)).toBe(answer.score);
    expect(shares([{ name: 'word', value: 0 }])).toEqual([]);
  });

  it('puts each reason beside the replay without it, and only that one', () => {
    const told = lines(why());
    expect(told.map((line) => line.without?.rank)).toEqual([14, undefined]);
  });

  it('says what the replay said, not more', () => {
    const answer = why();
    const to = (rank: number | null, score: number | null = 0) =>
      difference(answer, { without: { kind: 'term', name: 'creator' }, rank, score });
    expect([to(14), to(2), to(1), to(null), to(null, null)]).toEqual(['elsewhere', 'anyway', 'elsewhere', 'far', 'never']);
  });

  it('reads as a sentence in both languages', () => {
    const deeds = (more: object) => done({ finished: 0, liked: 0, shared: 0, skipped: 0, ...more });
    expect(en.why.deeds(deeds({ finished: 3 }), 'creator', 'mira')).toBe('You finished 3 videos by @mira.');
    expect(en.why.deeds(deeds({ finished: 1, skipped: 2 }), 'tag', 'cats')).toBe('You finished 1 video with #cats and skipped 2.');
    expect(en.why.deeds(deeds({ liked: 2, shared: 1, finished: 4 }), 'sound', '')).toBe('You finished 4 videos with this sound, liked 2, and shared 1.');
    expect(de.why.deeds(deeds({ finished: 3 }), 'creator', 'mira')).toBe('Du hast 3 Videos von @mira zu Ende gesehen.');
    expect(de.why.deeds(deeds({ finished: 1, skipped: 2 }), 'tag', 'cats')).toBe('Du hast ein Video mit #cats zu Ende gesehen und 2 übersprungen.');
    expect([1, 2, 3, 4, 11, 12, 21, 22, 101, 111].map(en.why.without).map((text) => /(\d+\w+)\./.exec(text)?.[1])).toEqual(
      ['1st', '2nd', '3rd', '4th', '11th', '12th', '21st', '22nd', '101st', '111th'],
    );
    // A kind of subject that came after this app was built.
    expect(en.why.deeds(deeds({ liked: 2 }), 'mood', 'calm')).toBe('You liked 2 videos with “calm”.');
  });
});

describe('subjects', () => {
  beforeEach(() => i18n.use('en'));
  const one = video('a', { caption: 'Hi #Cats, #cats and #日本', sound: { id: 's', title: 'Harbour', video_id: 'b' } });

  it('are everything a viewer can turn down, each once', () => {
    expect(subjectsOf(one)).toEqual([
      { kind: 'video', id: 'a' },
      { kind: 'creator', id: 'c', label: 'mira' },
      { kind: 'sound', id: 's', label: 'Harbour' },
      { kind: 'tag', label: 'cats' },
      { kind: 'tag', label: '日本' },
    ]);
  });

  it('cover the videos that have them, and no other', () => {
    expect(isAbout(one, { kind: 'tag', label: '#CATS' })).toBe(true);
    expect(isAbout(one, { kind: 'tag', label: 'cat' })).toBe(false);
    expect(isAbout(one, { kind: 'creator', id: 'c' })).toBe(true);
    expect(isAbout(one, { kind: 'creator', id: 'other', label: 'mira' })).toBe(false);
    expect(isAbout(one, { kind: 'video', id: 's' })).toBe(false);
  });

  it('are written so that their kind shows', () => {
    expect([{ kind: 'creator', id: 'c' }, { kind: 'tag', label: '#cats' }, { kind: 'sound', id: 's' }, { kind: 'language', label: 'de' }, { kind: 'video', id: 'a' }].map((subject) => subjectName(subject, one))).toEqual(
      ['@mira', '#cats', '“Harbour”', 'German', ''],
    );
  });
});

describe('taste', () => {
  it('stands by what was asked for, then by what was learned, strong first', () => {
    const { likes, dislikes } = split([
      { kind: 'tag', label: 'a', leaning: 200_000 },
      { kind: 'tag', label: 'b', leaning: -900_000, pinned: 'more' },
      { kind: 'tag', label: 'c', leaning: 0, pinned: 'less' },
      { kind: 'creator', id: 'gone', leaning: -100_000 },
      { kind: 'tag', label: 'd', leaning: 700_000 },
    ]);
    expect(likes.map((one) => one.label)).toEqual(['b', 'd', 'a']);
    expect(dislikes.map((one) => one.label ?? one.id)).toEqual(['c', 'gone']);
  });

  it('has four words from hardly to very', () => {
    expect([0, 249_999, -250_000, 500_000, 999_999, -1_000_000].map(strength)).toEqual([0, 0, 1, 2, 3, 3]);
  });
});
