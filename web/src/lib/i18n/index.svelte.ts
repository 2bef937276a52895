/**
 * Two languages, each a chunk of its own: a visit loads one. The active message table is reactive,
 * so the interface changes language without a reload.
 *
 * Invariant: nothing is mounted before `use` has resolved once (main.ts awaits it).
 */
import type { Messages } from './en.ts';

export type Locale = 'en' | 'de';
export const LOCALES: Record<Locale, string> = { en: 'English', de: 'Deutsch' };

const loaders: Record<Locale, () => Promise<Messages>> = {
  en: async () => (await import('./en.ts')).en,
  de: async () => (await import('./de.ts')).de,
};

/** What the server says in English, in other languages. */
type Problems = typeof import('./problems.de.ts').problems;
const problems: Record<Locale, () => Promise<Problems>> = {
  en: async () => ({}),
  de: async () => (await import('./problems.de.ts')).problems,
};

function loaded(): Promise<unknown> {
  if (typeof document === 'undefined' || document.readyState === 'complete') return Promise.resolve();
  return new Promise((done) => addEventListener('load', done, { once: true }));
}

class I18n {
  problems: Problems = {};
  locale = $state<Locale>('en');
  m = $state.raw<Messages>({} as Messages);

  async use(locale: Locale): Promise<void> {
    const messages = await loaders[locale]();
    this.m = messages;
    this.locale = locale;
    if (typeof document !== 'undefined') document.documentElement.lang = locale;
    // Not in the way of the first video: until it is there, the plain sentences serve.
    void loaded().then(async () => (this.problems = await problems[locale]())).catch(() => undefined);
  }

  /** 1234 -> "1,234", 18230 -> "18.2K", in the reader's own digits; short in every language. */
  count(value: number): string {
    const [size, suffix] = value >= 1e6 ? [1e6, 'M'] : value >= 1e4 ? [1e3, 'K'] : [1, ''];
    const shown = value / size;
    const digits = suffix && shown < 100 ? 1 : 0;
    // Cut off, not rounded up: 999,999 are not a million yet.
    const cut = Math.floor(shown * 10 ** digits) / 10 ** digits;
    return new Intl.NumberFormat(this.locale, { maximumFractionDigits: digits }).format(cut) + suffix;
  }

  percent(ratio: number): string {
    return new Intl.NumberFormat(this.locale, { style: 'percent', maximumFractionDigits: 0 }).format(ratio);
  }
}

export const i18n = new I18n();

/** The language of the device, as far as we speak it. */
export function deviceLocale(languages: readonly string[]): Locale {
  for (const language of languages) {
    const primary = language.toLowerCase().split('-')[0];
    if (primary === 'de' || primary === 'en') return primary;
  }
  return 'en';
}
