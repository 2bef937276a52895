/** The words for looking after a published video, kept out of the first load. Both languages come together. */
import { i18n, type Locale } from '../index.svelte.ts';
import { de } from './de.ts';
import { en, type CareMessages } from './en.ts';

const tables: Record<Locale, CareMessages> = { en, de };

export const words = {
  get m(): CareMessages {
    return tables[i18n.locale];
  },
};
