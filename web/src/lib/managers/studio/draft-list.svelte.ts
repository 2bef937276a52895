/** Everything unfinished: what is on this device, and what the account's other devices left on the server. */
import { studio, type Draft } from '../../api/studio.ts';
import { totalMs } from '../../studio/edit.ts';
import { session } from '../session.svelte.ts';
import { local, type StoredProject } from './local.ts';

export interface DraftEntry {
  key: string;
  title: string;
  still: string;
  durationMs: number;
  updatedAt: string;
  stored: StoredProject | null;
  remote: Draft | null;
}

export class DraftList {
  items = $state.raw<DraftEntry[]>([]);

  async load(): Promise<void> {
    const account = session.account?.id ?? null;
    // What somebody else made on this device is theirs.
    const mine = (await local.projects()).filter((one) => one.owner === null || one.owner === account);
    const here: DraftEntry[] = mine.map((one) => ({
      key: one.id,
      title: one.form.caption,
      still: one.still,
      durationMs: totalMs(one.edit),
      updatedAt: new Date(one.updatedAt).toISOString(),
      stored: one,
      remote: null,
    }));
    this.items = here;
    if (!account) return;
    const answer = await studio.drafts().catch(() => null);
    const known = new Set(mine.map((one) => one.draft?.id));
    const there = (answer?.items ?? [])
      .filter((draft) => !known.has(draft.id) && !draft.video_id)
      .map((draft) => ({ key: draft.id, title: draft.title, still: '', durationMs: draft.edit ? totalMs(draft.edit) : 0, updatedAt: draft.updated_at, stored: null, remote: draft }));
    this.items = [...here, ...there].sort((a, b) => b.updatedAt.localeCompare(a.updatedAt));
  }

  async remove(entry: DraftEntry): Promise<void> {
    if (entry.stored) await local.remove(entry.stored);
    const id = entry.stored?.draft?.id ?? entry.remote?.id;
    if (id) await studio.deleteDraft(id).catch(() => undefined);
    await this.load();
  }

  take(key: string): void {
    this.items = this.items.filter((entry) => entry.key !== key);
  }
}
