/**
 * Projects on this device: what was recorded, byte for byte, and the edit list over it. Kept in
 * IndexedDB until published or thrown away, so that a reload, a crash or an empty battery lose nothing.
 */
import type { Consent, Draft, PublishFields, Sound } from '../../api/studio.ts';
import type { EditList } from '../../studio/edit.ts';
import type { Span } from '../../studio/spans.ts';

export interface Take {
  id: string;
  kind: 'video' | 'voice';
  durationMs: number;
  /** Take time at which the backing (sound or other video) stood at `backingMs`: measured, not assumed. */
  leadMs: number | null;
  backingMs: number;
  /** Set once the server has it, or the part of it in `cut`. */
  uploadId: string | null;
  /** The part that the server has of it; absent where that is all. Time zero of the upload is `startMs`. */
  cut?: Span | null;
  /** A file of the device. Of these only what is used goes to the server. */
  picked?: boolean;
  width: number;
  height: number;
}

export interface PublishForm {
  caption: string;
  language: string;
  aiGenerated: boolean;
  altText: string;
  soundConsent: Consent;
  reuseConsent: Consent;
  /** As a `datetime-local` input writes it; empty for now. */
  publishAt: string;
}

export interface StoredProject {
  id: string;
  updatedAt: number;
  edit: EditList;
  takes: Take[];
  /** What the sheet of sounds knew when it was picked: shown again without the server. */
  sound: Sound | null;
  draft: { id: string; revision: number; editOf?: string } | null;
  /** Changed since the server had it. */
  dirty: boolean;
  form: PublishForm;
  /** A small JPEG as data address, for the list of drafts. */
  still: string;
  /** The account it belongs to; null while nobody is signed in. */
  owner: string | null;
}

export function newForm(): PublishForm {
  return { caption: '', language: '', aiGenerated: false, altText: '', soundConsent: 'everyone', reuseConsent: 'everyone', publishAt: '' };
}

/** What is remembered of the server's draft. */
export function refer({ id, revision, edit_of }: Draft): NonNullable<StoredProject['draft']> {
  return { id, revision, ...(edit_of ? { editOf: edit_of } : {}) };
}

/** As the server takes it. */
export function fieldsOf(form: PublishForm): PublishFields {
  return {
    caption: form.caption.trim(),
    ...(form.language ? { language: form.language } : {}),
    ai_generated: form.aiGenerated,
    ...(form.altText.trim() ? { alt_text: form.altText.trim() } : {}),
    sound_consent: form.soundConsent,
    reuse_consent: form.reuseConsent,
    ...(form.publishAt ? { publish_at: new Date(form.publishAt).toISOString() } : {}),
  };
}

type StoreName = 'projects' | 'takes';

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open('takt-studio', 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore('projects', { keyPath: 'id' });
      request.result.createObjectStore('takes');
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function within<T>(name: StoreName, mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const db = await open();
  try {
    return await new Promise<T>((resolve, reject) => {
      const tx = db.transaction(name, mode);
      const request = work(tx.objectStore(name));
      tx.oncomplete = () => resolve(request.result);
      tx.onabort = () => reject(tx.error);
      tx.onerror = () => reject(tx.error);
    });
  } finally {
    db.close();
  }
}

export const local = {
  /** Newest first. */
  async projects(): Promise<StoredProject[]> {
    const all = await within<StoredProject[]>('projects', 'readonly', (store) => store.getAll()).catch(() => []);
    return all.sort((a, b) => b.updatedAt - a.updatedAt);
  },
  async project(id: string): Promise<StoredProject | null> {
    return (await within<StoredProject | undefined>('projects', 'readonly', (store) => store.get(id)).catch(() => undefined)) ?? null;
  },
  save: (project: StoredProject): Promise<unknown> => within('projects', 'readwrite', (store) => store.put(project)),
  async bytes(takeId: string): Promise<Blob | null> {
    const found = await within<unknown>('takes', 'readonly', (store) => store.get(takeId)).catch(() => null);
    return found instanceof Blob ? found : null;
  },
  saveBytes: (takeId: string, blob: Blob): Promise<unknown> => within('takes', 'readwrite', (store) => store.put(blob, takeId)),
  async remove(project: StoredProject): Promise<void> {
    for (const take of project.takes) await local.removeBytes(take.id);
    await within('projects', 'readwrite', (store) => store.delete(project.id)).catch(() => undefined);
  },
  removeBytes: (takeId: string): Promise<unknown> => within('takes', 'readwrite', (store) => store.delete(takeId)).catch(() => undefined),
};
