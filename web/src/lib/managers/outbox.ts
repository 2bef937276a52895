/**
 * Where events wait until the server has acknowledged them. Every event is written here before
 * it is sent and removed after the answer, so a lost connection, a closed tab or a crash loses
 * none. Ids are made by the client: sending one twice has one effect.
 */
import { OUTBOX_COUNT_MAX } from '../../thresholds.ts';
import type { ClientEvent } from '../api/types.ts';

export interface OutboxStore {
  put(events: ClientEvent[]): Promise<void>;
  remove(ids: string[]): Promise<void>;
  /** Oldest first. */
  all(): Promise<ClientEvent[]>;
  clear(): Promise<void>;
}

/** For browsers without IndexedDB (private windows of some) and for tests. */
export class MemoryOutbox implements OutboxStore {
  readonly events = new Map<string, ClientEvent>();

  async put(events: ClientEvent[]): Promise<void> {
    for (const event of events) this.events.set(event.id, event);
  }

  async remove(ids: string[]): Promise<void> {
    for (const id of ids) this.events.delete(id);
  }

  async all(): Promise<ClientEvent[]> {
    return [...this.events.values()];
  }

  async clear(): Promise<void> {
    this.events.clear();
  }
}

const STORE = 'events';

export class IndexedDbOutbox implements OutboxStore {
  private readonly db: Promise<IDBDatabase>;

  constructor(factory: IDBFactory) {
    this.db = new Promise((resolve, reject) => {
      const open = factory.open('takt-outbox', 1);
      open.onupgradeneeded = () => open.result.createObjectStore(STORE, { keyPath: 'id' });
      open.onsuccess = () => resolve(open.result);
      open.onerror = () => reject(open.error);
    });
    // Handled where it is awaited; this only keeps the console quiet until then.
    this.db.catch(() => undefined);
  }

  async put(events: ClientEvent[]): Promise<void> {
    await this.write((store) => events.forEach((event) => store.put(event)));
  }

  async remove(ids: string[]): Promise<void> {
    await this.write((store) => ids.forEach((id) => store.delete(id)));
  }

  async clear(): Promise<void> {
    await this.write((store) => store.clear());
  }

  async all(): Promise<ClientEvent[]> {
    const db = await this.db;
    const events = await new Promise<ClientEvent[]>((resolve, reject) => {
      const request = db.transaction(STORE).objectStore(STORE).getAll();
      request.onsuccess = () => resolve(request.result as ClientEvent[]);
      request.onerror = () => reject(request.error);
    });
    events.sort((a, b) => a.at.localeCompare(b.at));
    const surplus = events.splice(0, Math.max(0, events.length - OUTBOX_COUNT_MAX));
    if (surplus.length > 0) await this.remove(surplus.map((event) => event.id));
    return events;
  }

  private async write(work: (store: IDBObjectStore) => void): Promise<void> {
    const db = await this.db;
    await new Promise<void>((resolve, reject) => {
      const tx = db.transaction(STORE, 'readwrite');
      tx.oncomplete = () => resolve();
      tx.onerror = () => reject(tx.error);
      tx.onabort = () => reject(tx.error);
      work(tx.objectStore(STORE));
    });
  }
}
