/**
 * Cuts a part out of a video file without encoding anything: whole packets are copied into a new container, from the key
 * frame before the part. Comes with the library that reads containers, so it is loaded when it is needed.
 */
import {
  BlobSource,
  BufferTarget,
  EncodedAudioPacketSource,
  EncodedPacketSink,
  EncodedVideoPacketSource,
  Input,
  MATROSKA,
  MP4,
  Mp4OutputFormat,
  Output,
  QTFF,
  WEBM,
  WebMOutputFormat,
  type InputAudioTrack,
  type InputVideoTrack,
} from 'mediabunny';
import type { Span } from '../../studio/spans.ts';

/** A file whose time zero is another one is not cut: it is not known whether all who read it agree on it. */
const ZERO_S_MAX = 0.0005;

export interface Part {
  blob: Blob;
  /** Time of the file that is the part's time zero: whole milliseconds, so that edit lists stay exact. */
  startMs: number;
}

/**
 * The part of the file with at least `span` in it; null where it cannot be cut exactly.
 *
 * Pictures are decoded in another order than they are shown in, so `span` has to end far enough behind what is used.
 */
export async function cut(file: Blob, span: Span, onprogress: (ratio: number) => void, signal: AbortSignal): Promise<Part | null> {
  const input = new Input({ formats: [MP4, QTFF, WEBM, MATROSKA], source: new BlobSource(file) });
  try {
    const [video, audio] = [await input.getPrimaryVideoTrack(), await input.getPrimaryAudioTrack()];
    if (!video || (await input.getFirstTimestamp()) > ZERO_S_MAX) return null;
    const key = await new EncodedPacketSink(video).getKeyPacket(span.startMs / 1000, { verifyKeyPackets: true });
    const startMs = Math.floor((key?.timestamp ?? 0) * 1000 + 1e-6);
    if (!key || startMs < 0) return null;
    const matroska = [WEBM, MATROSKA].includes(await input.getFormat() as typeof WEBM);
    const format = matroska ? new WebMOutputFormat() : new Mp4OutputFormat({ fastStart: 'in-memory' });
    const output = new Output({ format, target: new BufferTarget() });
    const range = { fromS: startMs / 1000, toS: span.endMs / 1000 };
    const pumps = [await videoPump(video, output, key.timestamp, range, onprogress, signal)];
    if (audio) pumps.push(await audioPump(audio, output, range, signal));
    await output.start();
    await Promise.all(pumps.map((pump) => pump()));
    await output.finalize();
    const { buffer } = output.target;
    return buffer && { blob: new Blob([buffer], { type: matroska ? 'video/webm' : 'video/mp4' }), startMs };
  } finally {
    input.dispose();
  }
}

interface Range {
  fromS: number;
  toS: number;
}

type Pump = () => Promise<void>;

async function videoPump(track: InputVideoTrack, output: Output, keyS: number, range: Range, onprogress: (ratio: number) => void, signal: AbortSignal): Promise<Pump> {
  const [codec, decoderConfig] = [await track.getCodec(), await track.getDecoderConfig()];
  if (!codec || !decoderConfig) throw new Error('a track that no browser knows');
  const source = new EncodedVideoPacketSource(codec);
  output.addVideoTrack(source, { transformationMatrix: await track.getTransformationMatrix() });
  return async () => {
    const sink = new EncodedPacketSink(track);
    const key = await sink.getKeyPacket(keyS);
    let latest = -1;
    for await (const packet of sink.packets(key ?? undefined, undefined, { verifyKeyPackets: true })) {
      signal.throwIfAborted();
      if (packet.timestamp >= range.toS) break;
      // Pictures before the key frame that are decoded after it need the ones before, which stay behind.
      if (packet.timestamp < keyS) continue;
      // The first picture begins the file; it is in the margin, so the millisecond that this may take is not seen.
      const timestamp = latest < 0 ? 0 : packet.timestamp - range.fromS;
      // A key frame that others overtake does not begin a group of its own.
      const type = timestamp < latest ? 'delta' : packet.type;
      latest = Math.max(latest, timestamp);
      await source.add(packet.clone({ timestamp, type }), { decoderConfig });
      onprogress((packet.timestamp - range.fromS) / (range.toS - range.fromS));
    }
    source.close();
  };
}

async function audioPump(track: InputAudioTrack, output: Output, range: Range, signal: AbortSignal): Promise<Pump> {
  const [codec, decoderConfig] = [await track.getCodec(), await track.getDecoderConfig()];
  if (!codec || !decoderConfig) throw new Error('a track that no browser knows');
  const source = new EncodedAudioPacketSource(codec);
  output.addAudioTrack(source);
  return async () => {
    const sink = new EncodedPacketSink(track);
    const first = (await sink.getPacket(range.fromS)) ?? (await sink.getFirstPacket());
    for await (const packet of sink.packets(first ?? undefined)) {
      signal.throwIfAborted();
      if (packet.timestamp >= range.toS) break;
      if (packet.timestamp < range.fromS) continue;
      await source.add(packet.clone({ timestamp: packet.timestamp - range.fromS }), { decoderConfig });
    }
    source.close();
  };
}
