import { describe, expect, it } from 'vitest';
import { FollowManager } from '../src/lib/managers/follows.svelte.ts';

const mira = { id: 'c', handle: 'mira', followed: false };

describe('follows', () => {
  it('show at once, before and against what the server said earlier', async () => {
    const calls: [string, boolean][] = [];
    const follows = new FollowManager({ set: async (handle, followed) => void calls.push([handle, followed]), ask: async () => undefined });
    expect(follows.of(mira)).toBe(false);
    const sent = follows.set(mira, true);
    expect(follows.of(mira)).toBe(true);
    await sent;
    expect(calls).toEqual([['mira', true]]);
    follows.clear();
    expect(follows.of(mira)).toBe(false);
    expect(follows.of({ ...mira, followed: true })).toBe(true);
  });

  it('are taken back where the server refuses', async () => {
    const follows = new FollowManager({ set: async () => Promise.reject(new Error('no')), ask: async () => undefined });
    await expect(follows.set(mira, true)).rejects.toThrow();
    expect(follows.of(mira)).toBe(false);
  });

  it('are asked for once where a video does not say, and never against what was done meanwhile', async () => {
    let asked = 0;
    const follows = new FollowManager({ set: async () => undefined, ask: async () => ++asked === 1 });
    const jo = { id: 'j', handle: 'jo' };
    await follows.look(mira);
    await Promise.all([follows.look(jo), follows.look(jo)]);
    expect(asked).toBe(1);
    expect(follows.of(jo)).toBe(true);
    const late = follows.look({ id: 'k', handle: 'kim' });
    await follows.set({ id: 'k', handle: 'kim' }, true);
    await late;
    expect(follows.of({ id: 'k', handle: 'kim' })).toBe(true);
  });
});
