/** The microphone alone, for speaking over a video. */
import { audio } from './audio.ts';

const FORMATS = ['audio/mp4;codecs=mp4a.40.2', 'audio/webm;codecs=opus', 'audio/webm', 'audio/mp4'];
const VOICE_MS_MIN = 300;

export class VoiceRecorder {
  recording = $state(false);
  denied = $state(false);
  elapsedMs = $state(0);
  private finish: (() => void) | null = null;
  private stream: MediaStream | null = null;

  /** Records until `stop` or the limit. `onstarted` runs once the microphone is open. */
  async record(limitMs: number, onstarted: () => void): Promise<{ blob: Blob; durationMs: number } | null> {
    this.denied = false;
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true } });
    } catch {
      this.denied = true;
      return null;
    }
    const mimeType = FORMATS.find((format) => MediaRecorder.isTypeSupported(format));
    const recorder = new MediaRecorder(this.stream, mimeType ? { mimeType } : {});
    const chunks: Blob[] = [];
    recorder.ondataavailable = (event) => event.data.size > 0 && chunks.push(event.data);
    const ended = new Promise((resolve) => (recorder.onstop = resolve));
    const stopped = new Promise<void>((resolve) => (this.finish = resolve));
    recorder.start();
    this.recording = true;
    onstarted();
    const startedAt = performance.now();
    const timer = window.setInterval(() => {
      this.elapsedMs = performance.now() - startedAt;
      if (this.elapsedMs >= limitMs) this.finish?.();
    }, 100);
    await stopped;
    clearInterval(timer);
    const length = Math.min(limitMs, performance.now() - startedAt);
    recorder.stop();
    await ended;
    this.close();
    if (length < VOICE_MS_MIN) return null;
    const blob = new Blob(chunks, { type: recorder.mimeType });
    const buffer = await audio()
      .decodeAudioData(await blob.arrayBuffer())
      .catch(() => null);
    return buffer && { blob, durationMs: Math.min(limitMs, buffer.duration * 1000) };
  }

  stop(): void {
    this.finish?.();
  }

  close(): void {
    this.finish?.();
    this.finish = null;
    this.recording = false;
    this.elapsedMs = 0;
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
  }
}
