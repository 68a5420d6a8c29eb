import type { LogLevel } from './log-levels.js';

/** Which entries are asked for; all that is given must be so. */
export interface LogFilter {
  /** Half-open: since is inside, until is not. */
  since?: Date | undefined;
  until?: Date | undefined;
  revision?: number | undefined;
  requestId?: string | undefined;
  /** Part of the message or of its fields, in whichever case. */
  text?: string | undefined;
  level?: LogLevel | undefined;
}
