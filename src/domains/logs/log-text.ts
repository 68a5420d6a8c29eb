import type { LogLevel } from './log-levels.js';

/** What a pod printed, understood: what an entry holds beside where it comes from. */
export interface LogText {
  /** When the node took the last line of it: ns since 1970. */
  at: bigint;
  time: Date;
  level: LogLevel | null;
  message: string;
  requestId: string | null;
  /** What else a JSON line said, as JSON. */
  fields: string | null;
  /** A piece of printed text, which lines that follow may belong to; a line of a logger is whole. */
  printed: boolean;
}

/** Longest line that is read; the rest of it is cut off. */
export const MOST_LINE_BYTES = 64 * 1024;
/** What an entry takes beside its text. */
export const ENTRY_BYTES = 128;

/** What an entry counts for, in rates and in what is kept. */
export function bytesOf({ message, fields, requestId }: Pick<LogText, 'message' | 'fields' | 'requestId'>): number {
  return ENTRY_BYTES + Buffer.byteLength(message) + Buffer.byteLength(fields ?? '') + (requestId?.length ?? 0);
}
