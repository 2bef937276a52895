/** Sends takes to the server: resumable, one after the other, each once. */
import { Upload as TusUpload, type DetailedError } from 'tus-js-client';
import { addresses, ApiError } from '../../api/client.ts';
import type { Problem } from '../../api/types.ts';

const RETRY_DELAYS_MS = [0, 1000, 3000, 5000, 10_000];

/** Resolves to the upload's id once the server has every byte. `onsent` hears of bytes sent so far. */
export function send(takeId: string, blob: Blob, onsent: (bytes: number) => void, signal: AbortSignal): Promise<string> {
  const extension = blob.type.includes('mp4') ? 'mp4' : 'webm';
  return new Promise((resolve, reject) => {
    const upload = new TusUpload(blob, {
      endpoint: addresses.uploads,
      retryDelays: RETRY_DELAYS_MS,
      removeFingerprintOnSuccess: true,
      // The take's own name: blobs of the same size and type are told apart by nothing else.
      fingerprint: async () => `takt-take-${takeId}`,
      metadata: { filename: `${takeId}.${extension}`, filetype: blob.type },
      onProgress: onsent,
      onSuccess: () => resolve(upload.url?.split('/').pop() ?? ''),
      onError: (error) => reject(asApiError(error)),
    });
    signal.addEventListener('abort', () => {
      void upload.abort().catch(() => undefined);
      reject(new DOMException('stopped', 'AbortError'));
    });
    void upload.findPreviousUploads().then((previous) => {
      const last = previous[0];
      if (last) upload.resumeFromPreviousUpload(last);
      if (!signal.aborted) upload.start();
    });
  });
}

function asApiError(error: Error | DetailedError): ApiError {
  const answer = 'originalResponse' in error ? error.originalResponse : null;
  let problem: Problem = {};
  try {
    problem = JSON.parse(answer?.getBody() ?? '{}') as Problem;
  } catch {
    // No problem document: the status has to do.
  }
  return new ApiError(answer?.getStatus() ?? 0, problem);
}
