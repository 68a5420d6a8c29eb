import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { BodyTooLargeError } from './body-too-large-error.js';

/**
 * A request body on its way through: read no faster than the function takes it, and cut at the limit. It stands between
 * the caller's connection and undici, which destroys a body it gives up on: that must not take the connection with it.
 */
export class StreamedBody extends Readable {
  /** Bytes that have arrived. */
  bytes = 0;
  private started = false;

  /** @param onStart called when the first byte is wanted. */
  constructor(
    private readonly request: IncomingMessage,
    private readonly limit: number,
    private readonly onStart: () => void,
  ) {
    super();
  }

  override _read(): void {
    if (!this.started) {
      this.started = true;
      this.onStart();
      this.request.on('data', this.onData).once('end', this.onEnd);
    }
    this.request.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.request.off('data', this.onData).off('end', this.onEnd);
    callback(error);
  }

  private readonly onData = (chunk: Buffer): void => {
    this.bytes += chunk.length;
    if (this.bytes > this.limit) this.destroy(new BodyTooLargeError('the request body is larger than admitted'));
    else if (!this.push(chunk)) this.request.pause();
  };

  private readonly onEnd = (): void => {
    this.push(null);
  };
}
