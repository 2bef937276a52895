/** Waiting for conditions, never for time. */

/** Longest wait for a condition: far above what any of them needs, so that only a real fault meets it. */
export const WAIT_MS_MAX = 30_000;

const POLL_MS = 25;

/**
 * Asks until the answer is truthy and gives it back. An error in between counts as "not yet".
 *
 * @template T
 * @param {string} what for the message where it never comes true
 * @param {() => T | Promise<T>} ask
 * @param {number} [limitMs]
 * @returns {Promise<T>}
 */
export async function until(what, ask, limitMs = WAIT_MS_MAX) {
  const end = performance.now() + limitMs;
  let last;
  for (;;) {
    try {
      last = await ask();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) throw new Error(`never came: ${what}; last answer: ${show(last)}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function show(value) {
  return value instanceof Error ? value.message : JSON.stringify(value);
}
