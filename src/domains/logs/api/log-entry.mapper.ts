import type { Page } from '../../../platform/database/page.js';
import type { Connection, ConnectionArgs } from '../../../platform/graphql/connection.js';
import type { SentEvent } from '../../../platform/rest/event-stream.js';
import { cursorOf, isPosition } from '../log-position.policy.js';
import { logPositionInvalid } from '../logs.errors.js';
import type { LogEntry } from '../logs.service.js';
import { LogEntryModel } from './log-entry.model.js';

/** Entries that come first when a log is followed. */
const DEFAULT_TAIL = 10;

export function toLogEntryModel(entry: LogEntry): LogEntryModel {
  const { position, time, level, message, requestId, fields, revision, pod, cluster } = entry;
  return Object.assign(new LogEntryModel(), {
    position, time, level: level ?? undefined, message, requestId: requestId ?? undefined, fields: fields === null ? undefined : (JSON.parse(fields) as Record<string, unknown>), revision, pod, cluster,
  });
}

export function toLogConnection(page: Page<LogEntry>, args: ConnectionArgs): Connection<LogEntryModel> {
  const nodes = page.items.map(toLogEntryModel);
  const edges = nodes.map((node) => ({ cursor: cursorOf(node), node }));
  return {
    edges, nodes,
    pageInfo: { hasNextPage: page.nextCursor !== null, hasPreviousPage: args.after !== undefined && args.after !== null, startCursor: edges[0]?.cursor ?? null, endCursor: edges.at(-1)?.cursor ?? null },
  };
}

export async function* toEvents(batches: AsyncGenerator<LogEntry[]>): AsyncGenerator<SentEvent[]> {
  try {
    for await (const batch of batches) yield batch.map((entry) => ({ id: entry.position, event: 'log', data: toLogEntryModel(entry) }));
  } finally {
    await batches.return(undefined);
  }
}

/** Where following begins. @param pointer of what holds `after`. @throws {DomainError} LOG_POSITION_INVALID. */
export function toBeginning(after: string | undefined, tail: number | undefined, pointer: string): { after: string | undefined; tail: number } {
  if (after !== undefined && !isPosition(after)) throw logPositionInvalid(pointer);
  return { after, tail: tail ?? DEFAULT_TAIL };
}
