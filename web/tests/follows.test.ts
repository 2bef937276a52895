import { describe, expect, it } from 'vitest';
import { FollowManager } from '../src/lib/managers/follows.svelte.ts';

const mira = { id: 'c', handle: 'mira', followed: false };

describe('follows', () => {
  it('show at once, before and against what the server said earlier', async () => {
    const calls: [string, boolean][] = [];
    const follows = new FollowManager(async (handle, followed) => void calls.push([handle, followed]));
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
    const follows = new FollowManager(async () => Promise.reject(new Error('no')));
    await expect(follows.set(mira, true)).rejects.toThrow();
    expect(follows.of(mira)).toBe(false);
  });
});
