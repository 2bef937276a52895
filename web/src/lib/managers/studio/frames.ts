/** When the camera took the pictures that are being recorded. */

/**
 * Notes the capture times of frames shown by the preview. The first one at or after the moment at which
 * recording was asked for is the recording's time zero.
 */
export class FrameWatch {
  private readonly times: number[] = [];
  private handle = 0;
  private waiting: { count: number; resolve: () => void }[] = [];

  constructor(private readonly element: HTMLVideoElement) {
    this.next();
  }

  /** Resolves once so many more frames were seen. */
  frames(count: number): Promise<void> {
    return new Promise((resolve) => this.waiting.push({ count: this.times.length + count, resolve }));
  }

  firstSince(since: number): number {
    return this.times.find((time) => time >= since) ?? since;
  }

  stop(): void {
    this.element.cancelVideoFrameCallback(this.handle);
  }

  private next(): void {
    this.handle = this.element.requestVideoFrameCallback((_, frame) => {
      this.times.push(frame.captureTime ?? frame.presentationTime);
      for (const one of this.waiting) if (this.times.length >= one.count) one.resolve();
      this.waiting = this.waiting.filter((one) => this.times.length < one.count);
      this.next();
    });
  }
}
