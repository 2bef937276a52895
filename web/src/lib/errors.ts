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
  // The server explains itself in English; for the two rules everybody meets there is our own sentence.
  if (i18n.locale !== 'en' && error.status < 500) {
    if (error.field === 'password') return i18n.m.account.passwordHint;
    if (error.field === 'handle') return i18n.m.account.handleHint;
  }
  if (error.detail) return sentence(error.detail);
  if (error.status === 404) return m.not_found;
  if (error.status === 401) return m.unauthenticated;
  return m.unknown;
}

/** The server writes lower-case and without a full stop; on a page it is a sentence. */
export function sentence(text: string): string {
  const trimmed = text.trim();
  if (!trimmed) return '';
  const capital = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.?]$/.test(capital) ? capital : `${capital}.`;
}
