import { createHash } from 'node:crypto';
import { Transform } from 'node:stream';

/** Passes bytes through and knows their digest and number at the end. */
export class DigestStream extends Transform {
  readonly #hash = createHash('sha256');
  size = 0;

  override _transform(chunk: Buffer, _encoding: string, done: (error: null, chunk: Buffer) => void): void {
    this.#hash.update(chunk);
    this.size += chunk.length;
    done(null, chunk);
  }

  get digest(): string {
    return `sha256:${this.#hash.digest('hex')}`;
  }
}
