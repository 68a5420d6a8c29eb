import type { Readable } from 'node:stream';
import { errorFromStatus, KubernetesError } from './kubernetes-errors.js';
import type { KubernetesObject } from './kubernetes-object.js';

/** `BOOKMARK` carries only a resourceVersion: all changes up to it have been sent. */
export interface WatchEvent<T extends KubernetesObject> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  object: T;
}

/** Kubernetes limits objects to about 1.5 MB; a longer line is no watch event. */
const MAX_LINE_BYTES = 8 * 1024 * 1024;
const NEWLINE = 0x0a;

/** Events of a watch, one JSON object a line. An `ERROR` event throws what its status says. */
export async function* readWatchEvents<T extends KubernetesObject>(body: Readable, cluster: string): AsyncGenerator<WatchEvent<T>> {
  try {
    for await (const line of readLines(body)) {
      const event = parseEvent<T>(line, cluster);
      if (event.type === 'ERROR') {
        const status = event.object as unknown as { code?: number };
        throw errorFromStatus(status.code ?? 500, JSON.stringify(event.object));
      }
      yield event as WatchEvent<T>;
    }
  } finally {
    body.destroy();
  }
}

function parseEvent<T extends KubernetesObject>(line: string, cluster: string): { type: WatchEvent<T>['type'] | 'ERROR'; object: T } {
  try {
    const event = JSON.parse(line) as { type?: unknown; object?: unknown };
    if (typeof event.type === 'string' && typeof event.object === 'object' && event.object !== null) return event as never;
  } catch {
    // Falls through: said the same way as a line of another shape.
  }
  throw new KubernetesError('upstream', 'KUBERNETES_UNAVAILABLE', `cluster ${cluster} sent something that is not a watch event`);
}

async function* readLines(body: Readable): AsyncGenerator<string> {
  let rest: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const piece = chunk.subarray(start, end);
      const line = rest.length === 0 ? piece.toString('utf8') : Buffer.concat([...rest, piece]).toString('utf8');
      rest = [];
      size = 0;
      start = end + 1;
      if (line !== '') yield line;
    }
    if (start < chunk.length) {
      rest.push(chunk.subarray(start));
      size += chunk.length - start;
      if (size > MAX_LINE_BYTES) throw new KubernetesError('upstream', 'KUBERNETES_UNAVAILABLE', 'a watch event is larger than 8 MB');
    }
  }
}
