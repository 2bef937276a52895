/** What this device remembers: language, appearance, sound, data use. Nothing here is sent. */
import { deviceLocale, i18n, type Locale } from '../i18n/index.svelte.ts';

export type Theme = 'system' | 'light' | 'dark';

const KEY = 'takt.preferences';

interface Saved {
  locale?: Locale;
  theme?: Theme;
  sound?: boolean;
  reducedData?: boolean;
  captions?: boolean;
}

class Preferences {
  theme = $state<Theme>('system');
  /** Whether videos should sound. Browsers allow it only after the first gesture. */
  sound = $state(true);
  reducedData = $state(false);
  /** Whether what is said is shown, where a video has captions. */
  captions = $state(true);
  private locale: Locale | undefined;

  /** Reads what was saved and loads the language. */
  async load(): Promise<void> {
    let saved: Saved = {};
    try {
      saved = JSON.parse(localStorage.getItem(KEY) ?? '{}') as Saved;
    } catch {
      // Unreadable preferences are as good as none.
    }
    this.theme = saved.theme ?? 'system';
    this.sound = saved.sound ?? true;
    this.reducedData = saved.reducedData ?? connection()?.saveData ?? false;
    this.captions = saved.captions ?? true;
    this.locale = saved.locale;
    this.applyTheme();
    await i18n.use(saved.locale ?? deviceLocale(navigator.languages));
  }

  async setLocale(locale: Locale): Promise<void> {
    await i18n.use(locale);
    this.locale = locale;
    this.save();
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    this.applyTheme();
    this.save();
  }

  setSound(on: boolean): void {
    this.sound = on;
    this.save();
  }

  setReducedData(on: boolean): void {
    this.reducedData = on;
    this.save();
  }

  setCaptions(on: boolean): void {
    this.captions = on;
    this.save();
  }

  private applyTheme(): void {
    if (this.theme === 'system') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = this.theme;
  }

  private save(): void {
    const saved: Saved = { theme: this.theme, sound: this.sound, reducedData: this.reducedData, captions: this.captions };
    if (this.locale) saved.locale = this.locale;
    try {
      localStorage.setItem(KEY, JSON.stringify(saved));
    } catch {
      // Forbidden storage: the choice lasts until the page is closed.
    }
  }
}

export const preferences = new Preferences();

export interface Connection {
  saveData?: boolean;
  effectiveType?: string;
  downlink?: number;
}

/** The Network Information API, where it exists. */
export function connection(): Connection | undefined {
  return (navigator as Navigator & { connection?: Connection }).connection;
}
