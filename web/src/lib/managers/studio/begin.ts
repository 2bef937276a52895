/** From elsewhere into the studio. */
import { studio } from '../../api/studio.ts';
import { session } from '../session.svelte.ts';
import { project } from './project.svelte.ts';

/** A new project of a file, to be trimmed; answers where it is edited, or null where the browser cannot show the file. */
export async function trimming(file: File, caption: string): Promise<string | null> {
  await session.start().catch(() => undefined);
  await project.save();
  project.reset();
  project.form.caption = caption;
  return (await project.addFile(file)) ? `/create?project=${project.id}&step=edit` : null;
}

/** Re-edits a published video of one's own. */
export async function editAgain(videoId: string): Promise<void> {
  const { draft } = await studio.editAgain(videoId);
  await project.openDraft(draft);
}
