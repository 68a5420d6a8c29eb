import type { FastifyReply } from 'fastify';
import { callerGone } from '../invocations.errors.js';

/** Aborts when the connection closes before the answer was written. */
export function callerSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort(callerGone());
  });
  return controller.signal;
}
