/** Camera and microphone: opening, turning round, the lamp; and how this browser records. */

export type CameraProblem = 'denied' | 'missing' | 'busy' | 'unsupported';
export type Facing = 'user' | 'environment';

const FORMATS = [
  'video/mp4;codecs=avc1.42E01F,mp4a.40.2',
  'video/mp4;codecs=avc1,mp4a.40.2',
  'video/webm;codecs=vp9,opus',
  'video/webm;codecs=vp8,opus',
  'video/webm',
  'video/mp4',
];
const VIDEO_BITS_PER_SECOND = 5_000_000;
const AUDIO_BITS_PER_SECOND = 128_000;

export function supported(): boolean {
  return typeof MediaRecorder !== 'undefined' && navigator.mediaDevices?.getUserMedia !== undefined;
}

export function problemOf(error: unknown): CameraProblem {
  const name = error instanceof DOMException ? error.name : '';
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'denied';
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return 'missing';
  return 'busy';
}

/** Upright, as large as the canvas; the raw microphone, since voices are not all that people record. */
export function openCamera(facing: Facing, hearsBacking: boolean): Promise<MediaStream> {
  return navigator.mediaDevices.getUserMedia({
    video: { facingMode: facing, width: { ideal: 720 }, height: { ideal: 1280 }, aspectRatio: { ideal: 9 / 16 }, frameRate: { ideal: 30, max: 60 } },
    // With something playing from the loudspeaker, the microphone should not hear it a second time.
    audio: { echoCancellation: hearsBacking, noiseSuppression: false, autoGainControl: false },
  });
}

export function recorderFor(stream: MediaStream): MediaRecorder {
  const mimeType = FORMATS.find((format) => MediaRecorder.isTypeSupported(format));
  // A key frame each second keeps seeking in the editor quick; browsers that do not know the option pass it over.
  const options: MediaRecorderOptions & { videoKeyFrameIntervalDuration?: number } = {
    ...(mimeType ? { mimeType } : {}),
    ...{ videoBitsPerSecond: VIDEO_BITS_PER_SECOND, audioBitsPerSecond: AUDIO_BITS_PER_SECOND, videoKeyFrameIntervalDuration: 1000 },
  };
  return new MediaRecorder(stream, options);
}

export async function cameraCount(): Promise<number> {
  const devices = await navigator.mediaDevices.enumerateDevices().catch(() => []);
  return devices.filter((device) => device.kind === 'videoinput').length;
}

type TorchTrack = Omit<MediaStreamTrack, 'getCapabilities'> & { getCapabilities?: () => MediaTrackCapabilities & { torch?: boolean } };

export function hasTorch(stream: MediaStream): boolean {
  const track = stream.getVideoTracks()[0] as TorchTrack | undefined;
  return track?.getCapabilities?.().torch === true;
}

export async function setTorch(stream: MediaStream, on: boolean): Promise<void> {
  const constraints: MediaTrackConstraints & { advanced: { torch: boolean }[] } = { advanced: [{ torch: on }] };
  await stream.getVideoTracks()[0]?.applyConstraints(constraints as MediaTrackConstraints);
}

/** Length and size of something recorded. Files without a length in their head are read to the end once. */
export function measure(blob: Blob): Promise<{ durationMs: number | null; width: number; height: number }> {
  return new Promise((resolve) => {
    const url = URL.createObjectURL(blob);
    const video = document.createElement('video');
    const done = () => {
      const known = Number.isFinite(video.duration) && video.duration > 0;
      resolve({ durationMs: known ? Math.floor(video.duration * 1000) : null, width: video.videoWidth, height: video.videoHeight });
      video.removeAttribute('src');
      video.load();
      URL.revokeObjectURL(url);
    };
    video.preload = 'auto';
    video.muted = true;
    video.onerror = done;
    video.onloadedmetadata = () => {
      if (Number.isFinite(video.duration)) return done();
      video.ondurationchange = () => Number.isFinite(video.duration) && done();
      video.currentTime = 1e7;
    };
    video.src = url;
  });
}
