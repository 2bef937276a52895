import { ApiError } from './api/client.ts';
import { i18n } from './i18n/index.svelte.ts';

/** A sentence for people: our own where the code is known, else the server's, else a plain one. */
export function errorText(error: unknown): string {
  const m = i18n.m.errors;
  if (!(error instanceof ApiError)) return m.unknown;
  const own = (m as Record<string, string>)[error.code];
  if (own) return own;
  if (error.status === 429) return m.too_many_requests;
  if (error.status >= 500) return m.server;
  const translated = problemText(`${error.code}:${error.field ?? ''}`, '') || problemText(error.code, error.detail);
  if (translated) return translated;
  // For the two rules everybody meets there is our own sentence.
  if (i18n.locale !== 'en') {
    if (error.field === 'password') return i18n.m.account.passwordHint;
    if (error.field === 'handle') return i18n.m.account.handleHint;
  }
  if (error.detail) return sentence(error.detail);
  if (error.status === 404) return m.not_found;
  if (error.status === 401) return m.unauthenticated;
  return m.unknown;
}

/** Why a video could not be made of a file. */
export function failureText(failure: { code: string; message: string } | null | undefined): string {
  return failure ? problemText(failure.code, failure.message) || sentence(failure.message) : '';
}

/** In the reader's language what the server said in English; empty where it has no words for that. */
function problemText(code: string, said: string): string {
  const known = Object.hasOwn(i18n.problems, code) ? i18n.problems[code] : undefined;
  if (typeof known !== 'function') return known ?? '';
  const numbers = said.match(/\d+(\.\d+)?/g) ?? [];
  return numbers.length < known.length ? '' : known(...numbers.map((number) => number.replace('.', ',')));
}

/** The server writes lower-case and without a full stop; on a page it is a sentence. */
export function sentence(text: string): string {
  const trimmed = text.trim();
  if (!trimmed) return '';
  const capital = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.?]$/.test(capital) ? capital : `${capital}.`;
}
