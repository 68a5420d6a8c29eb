import { createHash } from 'node:crypto';
import { byPath, type SourceFile } from '../archives/source-file.js';

/**
 * SHA-256 in hex over a tree and whatever else an image depends on. Every part goes in with its length, so that no two
 * inputs run together to the same bytes.
 */
export function sourceDigest(files: readonly SourceFile[], ...others: string[]): string {
  const hash = createHash('sha256');
  const add = (part: string | Buffer): void => {
    const bytes = typeof part === 'string' ? Buffer.from(part) : part;
    hash.update(`${bytes.length}:`).update(bytes);
  };
  for (const other of others) add(other);
  for (const file of [...files].sort(byPath)) {
    add(file.path);
    if (file.type === 'symlink') add(`symlink ${file.target}`);
    else {
      add(`file ${file.mode}`);
      add(file.content);
    }
  }
  return hash.digest('hex');
}
