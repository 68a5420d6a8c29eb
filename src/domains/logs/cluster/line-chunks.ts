import type { Readable } from 'node:stream';

const NEWLINE = 0x0a;

/** The lines of a stream, those that came together at once. A longer one than `most` bytes is cut off, with a mark that says so. */
export async function* readLineChunks(body: Readable, most: number): AsyncGenerator<string[]> {
  let pieces: Buffer[] = [];
  let kept = 0;
  let cut = 0;
  const add = (piece: Buffer): void => {
    const room = most - kept;
    if (room > 0) pieces.push(piece.length > room ? piece.subarray(0, room) : piece);
    kept += Math.min(room, piece.length);
    cut += Math.max(0, piece.length - room);
  };
  const take = (): string => {
    const text = (pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)).toString('utf8');
    const line = cut > 0 ? `${text}… [cut off: ${cut} bytes more]` : text;
    pieces = [];
    kept = cut = 0;
    return line;
  };
  for await (const chunk of body as AsyncIterable<Buffer>) {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      add(chunk.subarray(start, end));
      lines.push(take());
      start = end + 1;
    }
    if (start < chunk.length) add(chunk.subarray(start));
    if (lines.length > 0) yield lines;
  }
  // What a container wrote last may lack its end.
  if (kept > 0) yield [take()];
}
