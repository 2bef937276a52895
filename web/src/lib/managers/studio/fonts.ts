/** The fonts the server sets texts in, for the preview. Without them it uses the system's. */
import { studio } from '../../api/studio.ts';
import { useFamilies } from '../../studio/text.ts';

let loading: Promise<void> | undefined;

export function loadFonts(): Promise<void> {
  loading ??= load().catch(() => {
    loading = undefined;
  });
  return loading;
}

async function load(): Promise<void> {
  const { fonts } = await studio.settings();
  const families: string[] = [];
  for (const { family, url } of fonts) {
    const name = `Takt ${family}`;
    // Bitmap emoji fonts may be refused; the system's own stand in.
    const font = await new FontFace(name, `url(${JSON.stringify(url)})`, { weight: '700' }).load().catch(() => null);
    if (!font) continue;
    document.fonts.add(font);
    families.push(name);
  }
  useFamilies(families);
}
