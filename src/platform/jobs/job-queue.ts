import type { Context } from '../context/context.js';
import type { Database } from '../database/database.js';

/** Kinds of keyed work. A key names what to look at, never what to do: the handler reads desired and observed state anew. */
export interface JobRequest {
  kind: string;
  key: string;
  /** Work is shared out evenly between groups (a tenant, a cluster), so that one cannot keep the others waiting. */
  group?: string;
  delayMs?: number;
}

/** Asks for keyed work in the transaction that makes it necessary; it is visible to workers once that commits. */
export class JobQueue {
  constructor(private readonly database: Database) {}

  /** Several requests for one key before it runs become one run; a request during a run makes it run once more. */
  async enqueue(context: Context, request: JobRequest): Promise<void> {
    await this.database.statement(context, 'SELECT enqueue_work($1, $2, $3, $4)', [request.kind, request.key, request.group ?? '', Math.max(0, Math.round(request.delayMs ?? 0))]);
  }
}
