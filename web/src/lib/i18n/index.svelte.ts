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

class I18n {
  locale = $state<Locale>('en');
  m = $state.raw<Messages>({} as Messages);

  async use(locale: Locale): Promise<void> {
    const messages = await loaders[locale]();
    this.m = messages;
    this.locale = locale;
    if (typeof document !== 'undefined') document.documentElement.lang = locale;
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

  bytes(value: number): string {
    const [unit, size] = value >= 1e9 ? ['gigabyte', 1e9] : value >= 1e6 ? ['megabyte', 1e6] : ['kilobyte', 1e3];
    return new Intl.NumberFormat(this.locale, {
      style: 'unit',
      unit: unit as string,
      maximumFractionDigits: value / (size as number) < 10 ? 1 : 0,
    }).format(value / (size as number));
  }

  /** Seconds for sentences: 74.3 s. */
  seconds(ms: number): string {
    const digits = ms < 10_000 && ms % 1000 !== 0 ? 1 : 0;
    return this.m.seconds(new Intl.NumberFormat(this.locale, { maximumFractionDigits: digits }).format(ms / 1000));
  }

  date(iso: string): string {
    return new Intl.DateTimeFormat(this.locale, { month: 'long', year: 'numeric' }).format(new Date(iso));
  }

  /** "3 hours ago", "vor 3 Stunden". */
  ago(iso: string, now = Date.now()): string {
    const seconds = Math.round((Date.parse(iso) - now) / 1000);
    const format = new Intl.RelativeTimeFormat(this.locale, { numeric: 'auto' });
    const steps: [Intl.RelativeTimeFormatUnit, number][] = [
      ['year', 31_536_000],
      ['month', 2_592_000],
      ['day', 86_400],
      ['hour', 3600],
      ['minute', 60],
    ];
    for (const [unit, length] of steps) {
      if (Math.abs(seconds) >= length) return format.format(Math.round(seconds / length), unit);
    }
    return format.format(Math.min(seconds, 0), 'second');
  }

  languageName(tag: string): string {
    return new Intl.DisplayNames(this.locale, { type: 'language' }).of(tag) ?? tag;
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
