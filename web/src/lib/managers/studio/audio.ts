/**
 * Sound on the audio clock: one context for the studio, decoded sounds, and the moment at which a
 * sample is heard, in the time of `performance.now()`.
 */
import { fetchBlob } from '../../api/studio.ts';
import { calibration } from './calibration.ts';

let shared: AudioContext | undefined;

/**
 * The studio's audio context; made in answer to a gesture where browsers ask for one. Its delay is measured
 * and pictures wait for it, so it may be long; a gap, after which all of the sound would come later, must not be.
 */
export function audio(): AudioContext {
  shared ??= new AudioContext({ latencyHint: 'playback' });
  return shared;
}

const KEPT_COUNT = 4;
const decoded = new Map<string, Promise<AudioBuffer>>();

async function remember(key: string, bytes: () => Promise<Blob>): Promise<AudioBuffer> {
  const known = decoded.get(key);
  if (known) return known;
  const made = bytes().then(async (blob) => audio().decodeAudioData(await blob.arrayBuffer()));
  decoded.set(key, made);
  made.catch(() => decoded.delete(key));
  const oldest = decoded.keys().next();
  if (decoded.size > KEPT_COUNT && !oldest.done) decoded.delete(oldest.value);
  return made;
}

export const bufferOf = (url: string): Promise<AudioBuffer> => remember(url, () => fetchBlob(url));
export const bufferOfBlob = (key: string, blob: Blob): Promise<AudioBuffer> => remember(key, async () => blob);

export interface Playing {
  gain: GainNode;
  /** When the first sample was or will be heard, as `performance.now()` counts; measured anew at each call. */
  heardAt: () => number;
  stop: () => void;
}

/** The start lies this far ahead, so that the sound card is never late. */
const AHEAD_S = 0.06;

/** Plays a buffer from `offsetMs` on. `inMs` of silence come first. */
export function playBuffer(buffer: AudioBuffer, offsetMs: number, volume: number, inMs = 0): Playing {
  const context = audio();
  const source = new AudioBufferSourceNode(context, { buffer });
  const gain = new GainNode(context, { gain: volume });
  source.connect(gain).connect(context.destination);
  const when = context.currentTime + AHEAD_S + Math.max(0, inMs) / 1000;
  source.start(when, Math.max(0, offsetMs) / 1000);
  return {
    gain,
    heardAt: () => performanceTimeOf(context, when),
    stop: () => {
      source.stop();
      source.disconnect();
      gain.disconnect();
    },
  };
}

/**
 * `performance.now()` at which a time of the audio clock leaves the loudspeaker. The browser knows the
 * delay of the sound card; what a wireless headphone adds is calibrated by ear and added here.
 */
function performanceTimeOf(context: AudioContext, contextTime: number): number {
  const extra = calibration.delayMs;
  const { contextTime: at = 0, performanceTime = 0 } = context.getOutputTimestamp();
  if (at > 0 && performanceTime > 0) return performanceTime + (contextTime - at) * 1000 + extra;
  const latency = context.outputLatency || context.baseLatency || 0;
  return performance.now() + (contextTime - context.currentTime + latency) * 1000 + extra;
}

/** Ticks for the calibration; gives back when each is heard as far as the browser knows. */
export function playTicks(count: number, everyMs: number): { heardAt: () => number[]; stop: () => void } {
  const context = audio();
  const first = context.currentTime + 0.5;
  const gain = new GainNode(context, { gain: 0 });
  const tone = new OscillatorNode(context, { frequency: 1200 });
  tone.connect(gain).connect(context.destination);
  const times = Array.from({ length: count }, (_, i) => first + (i * everyMs) / 1000);
  for (const time of times) {
    gain.gain.setValueAtTime(0.5, time);
    gain.gain.exponentialRampToValueAtTime(0.001, time + 0.06);
    gain.gain.setValueAtTime(0, time + 0.061);
  }
  tone.start(first);
  tone.stop(first + (count * everyMs) / 1000);
  return {
    heardAt: () => times.map((time) => performanceTimeOf(context, time) - calibration.delayMs),
    stop: () => {
      tone.disconnect();
      gain.disconnect();
    },
  };
}
