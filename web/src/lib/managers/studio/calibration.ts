/** The delay of a loudspeaker that the browser does not know of (Bluetooth), remembered per device. */
const KEY = 'takt.studio.delay';
/** Nobody taps worse than this; more is a slip, and no headphone is slower. */
const DELAY_MS_MAX = 600;
/** Fewer taps say nothing. */
export const TAPS_MIN = 4;

interface Saved {
  [output: string]: number;
}

function read(): Saved {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? '{}') as Saved;
  } catch {
    return {};
  }
}

class Calibration {
  /** The device the sound comes out of, as the browser names it. */
  private output = 'default';

  get delayMs(): number {
    return read()[this.output] ?? 0;
  }

  get known(): boolean {
    return this.output in read();
  }

  /** Whether the device's name says that it is wireless: then the calibration is offered. */
  get wireless(): boolean {
    return /bluetooth|airpods|buds|headset|wireless/i.test(this.output);
  }

  async look(): Promise<void> {
    const devices = await navigator.mediaDevices?.enumerateDevices().catch(() => []);
    const outputs = (devices ?? []).filter((device) => device.kind === 'audiooutput');
    const chosen = outputs.find((device) => device.deviceId === 'default') ?? outputs[0];
    this.output = chosen?.label || 'default';
  }

  set(delayMs: number): void {
    try {
      localStorage.setItem(KEY, JSON.stringify({ ...read(), [this.output]: Math.round(delayMs) }));
    } catch {
      // Forbidden storage: asked again next time.
    }
  }
}

export const calibration = new Calibration();

/**
 * The delay that explains the taps: the median distance of each tap to the tick it belongs to. The
 * median forgives a missed beat. Null where there are too few, or they say nothing.
 */
export function delayOf(taps: readonly number[], ticks: readonly number[], everyMs: number): number | null {
  const first = ticks[0];
  if (first === undefined || taps.length < TAPS_MIN) return null;
  const distances = taps
    .filter((tap) => tap > first - everyMs / 4 && tap < (ticks.at(-1) ?? first) + DELAY_MS_MAX)
    .map((tap) => {
      // The last tick before the tap, with a little grace for taps ahead of the beat.
      const before = ticks.filter((tick) => tick <= tap + everyMs / 4).at(-1) ?? first;
      return tap - before;
    })
    .sort((a, b) => a - b);
  if (distances.length < TAPS_MIN) return null;
  const median = distances[Math.floor(distances.length / 2)] ?? 0;
  const spread = (distances.at(-2) ?? median) - (distances[1] ?? median);
  // Taps all over the place measure the finger, not the headphone.
  if (spread > everyMs / 2) return null;
  return Math.min(DELAY_MS_MAX, Math.max(0, Math.round(median)));
}
