import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** One event of a stream. */
export interface SentEvent {
  /** What a client that comes back names in Last-Event-ID. */
  id: string;
  event: string;
  data: object;
}

export const EVENT_STREAM = 'text/event-stream';
/** So often at least something is sent, that proxies and clients know it goes on. */
export const HEARTBEAT_MS = 15_000;
/** A client that takes nothing for so long is gone. */
const STALLED_MS = 60_000;

export function wantsEventStream(request: FastifyRequest): boolean {
  return (request.headers.accept ?? '').split(',').some((type) => type.split(';')[0]!.trim().toLowerCase() === EVENT_STREAM);
}

/** Raised when the client has gone. */
export function departureOf(reply: FastifyReply): AbortSignal {
  const departure = new AbortController();
  reply.raw.once('close', () => departure.abort());
  return departure.signal;
}

/**
 * Server-sent events, as they come: the next batch only when the client has taken the last one. What fails before the first batch is a problem as
 * usual; after that the connection breaks, and the client comes back with Last-Event-ID. Empty batches keep it alive.
 */
export async function sendEvents(reply: FastifyReply, batches: AsyncGenerator<SentEvent[]>): Promise<void> {
  const first = await batches.next();
  reply.raw.setTimeout(STALLED_MS, () => reply.raw.destroy());
  void reply.type(EVENT_STREAM).header('x-accel-buffering', 'no');
  await reply.send(Readable.from(texts(first, batches), { objectMode: false }));
}

async function* texts(first: IteratorResult<SentEvent[], unknown>, rest: AsyncGenerator<SentEvent[]>): AsyncGenerator<string> {
  let sentAt = performance.now();
  try {
    // At once, so that the client knows it is connected.
    yield ':\n\n';
    for (let next = first; !next.done; next = await rest.next()) {
      const idle = next.value.length === 0;
      if (idle && performance.now() - sentAt < HEARTBEAT_MS) continue;
      sentAt = performance.now();
      yield idle ? ':\n\n' : next.value.map(textOf).join('');
    }
    yield 'event: end\ndata: {}\n\n';
  } finally {
    await rest.return(undefined);
  }
}

function textOf({ id, event, data }: SentEvent): string {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
