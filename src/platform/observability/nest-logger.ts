import type { LoggerService } from '@nestjs/common';
import { partLogger } from './logger.js';

const log = partLogger('nest');

/** Nest's own messages go where all others go; its start-up chatter is kept at debug. */
export class NestLogger implements LoggerService {
  log(message: unknown, context?: unknown): void {
    log.debug({ context }, String(message));
  }

  error(message: unknown, ...more: unknown[]): void {
    log.error({ detail: more.map(String).join('\n').slice(0, 4000) }, String(message));
  }

  warn(message: unknown, context?: unknown): void {
    log.warn({ context }, String(message));
  }

  debug(message: unknown, context?: unknown): void {
    log.debug({ context }, String(message));
  }
}
