/** Amounts and times as the reader writes them. Nothing of this is needed for the feed's first load. */
import { i18n } from './index.svelte.ts';

export function bytes(value: number): string {
  const [unit, size] = value >= 1e9 ? ['gigabyte', 1e9] : value >= 1e6 ? ['megabyte', 1e6] : ['kilobyte', 1e3];
  return new Intl.NumberFormat(i18n.locale, {
    style: 'unit',
    unit: unit as string,
    maximumFractionDigits: value / (size as number) < 10 ? 1 : 0,
  }).format(value / (size as number));
}

/** Seconds for sentences: 74.3 s. */
export function seconds(ms: number): string {
  const digits = ms < 10_000 && ms % 1000 !== 0 ? 1 : 0;
  return i18n.m.seconds(new Intl.NumberFormat(i18n.locale, { maximumFractionDigits: digits }).format(ms / 1000));
}

/** "November 2026". */
export function month(iso: string): string {
  return new Intl.DateTimeFormat(i18n.locale, { month: 'long', year: 'numeric' }).format(new Date(iso));
}

/** What people are offered as the language of a video; others come with a video that has them. */
export const LANGUAGES: readonly string[] = ['de', 'en', 'fr', 'es', 'it', 'pt', 'pl', 'nl', 'tr', 'uk', 'ar', 'zh', 'ja', 'ko', 'hi'];

/** "3 hours ago", "vor 3 Stunden". */
export function ago(iso: string, now = Date.now()): string {
  const passed = Math.round((Date.parse(iso) - now) / 1000);
  const format = new Intl.RelativeTimeFormat(i18n.locale, { numeric: 'auto' });
  const steps: [Intl.RelativeTimeFormatUnit, number][] = [
    ['year', 31_536_000],
    ['month', 2_592_000],
    ['day', 86_400],
    ['hour', 3600],
    ['minute', 60],
  ];
  for (const [unit, length] of steps) {
    if (Math.abs(passed) >= length) return format.format(Math.round(passed / length), unit);
  }
  return format.format(Math.min(passed, 0), 'second');
}

export function languageName(tag: string): string {
  return new Intl.DisplayNames(i18n.locale, { type: 'language' }).of(tag) ?? tag;
}
