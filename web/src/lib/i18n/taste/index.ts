/**
 * The words of the recommender, kept out of the first load. Both languages come together: whoever
 * opens one of these sheets gets it in one piece, and may change the language while it is open.
 */
import { i18n, type Locale } from '../index.svelte.ts';
import { de } from './de.ts';
import { en, type TasteMessages } from './en.ts';

const tables: Record<Locale, TasteMessages> = { en, de };

export const words = {
  get m(): TasteMessages {
    return tables[i18n.locale];
  },
};

/** The word for a name of the server's, and for one that came after this app was built the name itself, legibly. */
export function named(table: Record<string, string>, name: string): string {
  return (Object.hasOwn(table, name) ? table[name] : undefined) ?? name.replaceAll(/[_-]+/g, ' ');
}
