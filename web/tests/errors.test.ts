import { afterEach, describe, expect, it } from 'vitest';
import { ApiError } from '../src/lib/api/client.ts';
import { errorText, failureText } from '../src/lib/errors.ts';
import { i18n } from '../src/lib/i18n/index.svelte.ts';
import { problems } from '../src/lib/i18n/problems.de.ts';

const tooLong = { code: 'too_long', message: 'This clip is 74.5 s long; Takt takes up to 60 s.' };
const refused = (code: string, detail: string, field?: string) => new ApiError(422, { code, detail, ...(field ? { field } : {}) });

describe('what the server says', () => {
  afterEach(() => i18n.use('en'));

  it('stays as it is in English', async () => {
    await i18n.use('en');
    expect(failureText(tooLong)).toBe(tooLong.message);
    expect(errorText(refused('upload_used', 'a video was made of this upload'))).toBe('A video was made of this upload.');
  });

  it('is German by its code, with its numbers, in the German interface', async () => {
    await i18n.use('de');
    await expect.poll(() => i18n.problems).toBe(problems);
    expect(failureText(tooLong)).toBe('Dieses Video ist 74,5 s lang; Takt nimmt höchstens 60 s.');
    expect(errorText(refused('upload_used', 'a video was made of this upload'))).toBe('Aus diesem Upload wurde schon ein Video.');
    expect(errorText(refused('invalid_field', 'must be one word', 'label'))).toMatch(/einzelnes/);
  });

  it('falls back to the server where there are no words, or fewer numbers than they need', async () => {
    await i18n.use('de');
    await expect.poll(() => i18n.problems).toBe(problems);
    expect(failureText({ code: 'too_long', message: 'this one is too long' })).toBe('This one is too long.');
    expect(errorText(refused('came_later', 'try something else'))).toBe('Try something else.');
    expect(failureText(null)).toBe('');
  });

  it('has no exclamation marks', () => {
    for (const text of Object.values(problems)) expect(typeof text === 'function' ? text('1', '2', '3', '4') : text).not.toContain('!');
  });
});
