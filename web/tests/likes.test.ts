import { describe, expect, it } from 'vitest';
import { LikeManager } from '../src/lib/managers/likes.svelte.ts';
import { memoryStorage, settled, video } from './fixtures.ts';

type Answer = 'ok' | 'offline' | 'gone';

function setUp(storage = memoryStorage()) {
  const calls: [string, boolean][] = [];
  const server = { answer: 'ok' as Answer };
  const make = () =>
    new LikeManager({
      set: async (id, liked) => {
        calls.push([id, liked]);
        await settled();
        if (server.answer !== 'ok') throw Object.assign(new Error(), { temporary: server.answer === 'offline' });
      },
      storage,
    });
  return { calls, server, make, likes: make() };
}

describe('likes', () => {
  it('shows at once and sends once', async () => {
    const { likes, calls } = setUp();
    const one = video('a');
    likes.set(one, true);
    likes.set(one, true);
    expect(likes.of(one)).toEqual({ liked: true, likes: 4 });
    await settled();
    expect(calls).toEqual([['a', true]]);
  });

  it('ends with the last wish, whatever was tapped meanwhile', async () => {
    const { likes, calls } = setUp();
    const one = video('a');
    likes.set(one, true);
    likes.set(one, false);
    likes.set(one, true);
    likes.set(one, false);
    for (let i = 0; i < 5; i += 1) await settled();
    expect(calls.at(-1)).toEqual(['a', false]);
    expect(likes.of(one)).toEqual({ liked: false, likes: 3 });
  });

  it('waits for the connection, over a reload too', async () => {
    const { likes, calls, server, make } = setUp();
    server.answer = 'offline';
    likes.set(video('a'), true);
    await settled();
    await settled();
    expect(likes.of(video('a')).liked).toBe(true);
    server.answer = 'ok';
    const next = make();
    await next.flush();
    await next.flush();
    expect(calls).toEqual([
      ['a', true],
      ['a', true],
    ]);
  });

  it('takes back what the server refuses', async () => {
    const { likes, server } = setUp();
    server.answer = 'gone';
    likes.set(video('a'), true);
    await settled();
    await settled();
    expect(likes.of(video('a'))).toEqual({ liked: false, likes: 3 });
  });
});
