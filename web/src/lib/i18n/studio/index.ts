/** The words of the studio and of sound pages, kept out of the first load. Both languages come together. */
import { i18n, type Locale } from '../index.svelte.ts';
import { de } from './de.ts';
import { en, type StudioMessages } from './en.ts';

const tables: Record<Locale, StudioMessages> = { en, de };

export const words = {
  get m(): StudioMessages {
    return tables[i18n.locale];
  },
};
