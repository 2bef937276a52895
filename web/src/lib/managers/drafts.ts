/** The draft of a video, kept on the device until it is published: the file and what was typed. */

export interface DraftFields {
  caption: string;
  language: string;
  aiGenerated: boolean;
  posterMs: number | null;
  /** "Publish" was pressed; it happens when the upload is done. */
  publishWanted: boolean;
  uploadId: string | null;
  videoId: string | null;
}

const FIELDS_KEY = 'takt.draft';
const STORE = 'files';
const FILE_KEY = 'draft';
/** Larger files stay in memory only: browsers may refuse to store them. */
const STORED_BYTES_MAX = 600e6;

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open('takt-drafts', 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function within<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const db = await open();
  try {
    return await new Promise<T>((resolve, reject) => {
      const tx = db.transaction(STORE, mode);
      const request = work(tx.objectStore(STORE));
      tx.oncomplete = () => resolve(request.result);
      tx.onabort = () => reject(tx.error);
      tx.onerror = () => reject(tx.error);
    });
  } finally {
    db.close();
  }
}

export const drafts = {
  fields(): DraftFields | null {
    try {
      return JSON.parse(localStorage.getItem(FIELDS_KEY) ?? 'null') as DraftFields | null;
    } catch {
      return null;
    }
  },
  saveFields(fields: DraftFields): void {
    try {
      localStorage.setItem(FIELDS_KEY, JSON.stringify(fields));
    } catch {
      // The draft lives as long as the page does.
    }
  },
  async file(): Promise<File | null> {
    const file = await within<unknown>('readonly', (store) => store.get(FILE_KEY)).catch(() => null);
    return file instanceof File ? file : null;
  },
  async saveFile(file: File): Promise<void> {
    if (file.size > STORED_BYTES_MAX) return;
    await within('readwrite', (store) => store.put(file, FILE_KEY)).catch(() => undefined);
  },
  async clear(): Promise<void> {
    try {
      localStorage.removeItem(FIELDS_KEY);
    } catch {
      // Nothing was stored then.
    }
    await within('readwrite', (store) => store.delete(FILE_KEY)).catch(() => undefined);
  },
};
