import { beforeEach, describe, expect, it } from 'vitest';
import { clientName } from '../src/lib/client-name.ts';
import { barsOf, captionParts, clock, hueOf } from '../src/lib/format.ts';
import { de } from '../src/lib/i18n/de.ts';
import { en } from '../src/lib/i18n/en.ts';
import { bytes, seconds } from '../src/lib/i18n/formats.ts';
import { deviceLocale, i18n } from '../src/lib/i18n/index.svelte.ts';
import { checkFile } from '../src/lib/managers/checks.ts';
import { match } from '../src/router.svelte.ts';

/** Every message as `path -> sentence`, functions called with their own parameter names. */
function flatten(messages: object, path = ''): Map<string, string> {
  const all = new Map<string, string>();
  for (const [key, value] of Object.entries(messages)) {
    if (typeof value === 'string') all.set(path + key, value);
    else if (typeof value === 'function') all.set(path + key, String(value('<1>', '<2>', '<3>')));
    else for (const [inner, text] of flatten(value as object, `${path}${key}.`)) all.set(inner, text);
  }
  return all;
}

describe('languages', () => {
  const english = flatten(en);
  const german = flatten(de);

  it('have the same messages, none empty', () => {
    expect([...german.keys()].sort()).toEqual([...english.keys()].sort());
    for (const [key, text] of [...english, ...german]) expect(text.trim(), key).not.toBe('');
  });

  it('use the same parameters', () => {
    const parameters = (text: string) => [...new Set(text.match(/<\d>/g) ?? [])].sort();
    for (const [key, text] of english) expect(parameters(german.get(key) ?? ''), key).toEqual(parameters(text));
  });

  it('keep a calm tone: no exclamation marks, and du', () => {
    for (const [key, text] of [...english, ...german]) expect(text, key).not.toContain('!');
    for (const [key, text] of german) expect(text, key).not.toMatch(/\b(Ihnen|Ihre?[nmrs]?)\b/);
  });

  it('follow the device', () => {
    expect(deviceLocale(['de-AT', 'en'])).toBe('de');
    expect(deviceLocale(['fr', 'de'])).toBe('de');
    expect(deviceLocale(['fr'])).toBe('en');
  });
});

describe('numbers', () => {
  beforeEach(() => i18n.use('en'));

  it('are short and never rounded up', async () => {
    expect([0, 999, 1243, 18_230, 999_999, 1_250_000].map((n) => i18n.count(n))).toEqual(['0', '999', '1,243', '18.2K', '999K', '1.2M']);
    await i18n.use('de');
    expect(i18n.count(18_230)).toBe('18,2K');
  });

  it('say lengths and sizes as people do', () => {
    expect(seconds(74_300)).toBe('74 s');
    expect(seconds(900)).toBe('0.9 s');
    expect(bytes(268_435_456)).toBe('268 MB');
    expect([0, 999, 61_000, 600_000].map(clock)).toEqual(['0:00', '0:00', '1:01', '10:00']);
  });
});

describe('captions', () => {
  it('find tags of any script', () => {
    expect(captionParts('Hi #Straße, #日本 x#1')).toEqual([
      { text: 'Hi ', tag: false },
      { text: '#Straße', tag: true },
      { text: ', ', tag: false },
      { text: '#日本', tag: true },
      { text: ' x', tag: false },
      { text: '#1', tag: true },
    ]);
    expect(captionParts('')).toEqual([]);
  });

  it('give everybody a steady picture', () => {
    expect(hueOf('mira')).toBe(hueOf('mira'));
    expect(hueOf('mira')).not.toBe(hueOf('jonas'));
    for (const height of barsOf('mira')) expect(height).toBeLessThanOrEqual(1);
  });
});

describe('addresses', () => {
  it('lead to pages', () => {
    expect(match('/')).toMatchObject({ page: 'feed', params: {} });
    expect(match('/latest')).toMatchObject({ page: 'feed', params: { kind: 'latest' } });
    expect(match('/v/0199')).toMatchObject({ page: 'video', params: { id: '0199' } });
    expect(match('/@mira.k')).toMatchObject({ page: 'profile', params: { handle: 'mira.k' } });
    expect(match('/@%E0%A4%A')).toMatchObject({ page: 'profile' });
    expect(match('/v/a/b').page).toBe('not-found');
  });
});

describe('clients', () => {
  const name = (agent: string) => clientName(agent, (browser, system) => `${browser} on ${system}`);

  it('have names people know', () => {
    expect(name('Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36')).toBe('Chrome on Linux');
    expect(name('Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Version/19.0 Mobile Safari/604.1')).toBe('Safari on iPhone');
    expect(name('Mozilla/5.0 (Android 16; Mobile; rv:150.0) Gecko/150.0 Firefox/150.0')).toBe('Firefox on Android');
    expect(name('takt import 0.1')).toBe('takt import 0.1');
  });
});

describe('upload checks', () => {
  const config = { video: { duration_min_ms: 1000, duration_max_ms: 60_000, bytes_max: 100 }, signup: true };
  const file = { name: 'a.mp4', type: 'video/mp4', bytes: 50, durationMs: 5000 as number | null };

  it('name the rule that is broken', () => {
    expect(checkFile(file, config)).toBeNull();
    expect(checkFile({ ...file, bytes: 0 }, config)).toEqual({ kind: 'empty' });
    expect(checkFile({ ...file, name: 'a.txt', type: 'text/plain' }, config)).toEqual({ kind: 'not-video' });
    expect(checkFile({ ...file, bytes: 101 }, config)).toEqual({ kind: 'too-big', is: 101, max: 100 });
    expect(checkFile({ ...file, durationMs: 74_000 }, config)).toEqual({ kind: 'too-long', is: 74_000, max: 60_000 });
    expect(checkFile({ ...file, durationMs: 400 }, config)).toEqual({ kind: 'too-short', is: 400, min: 1000 });
  });

  it('leave to the server what the browser cannot know', () => {
    expect(checkFile({ ...file, durationMs: null }, config)).toBeNull();
    expect(checkFile({ ...file, name: 'a.mkv', type: '' }, config)).toBeNull();
    expect(checkFile({ ...file, durationMs: 60_040 }, config)).toBeNull();
    expect(checkFile({ ...file, durationMs: 74_000 }, null)).toBeNull();
  });
});
