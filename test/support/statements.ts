import { Client } from 'pg';

type Sent = string | { text?: string };

/**
 * Everything that this process sends to Postgres while `work` runs, one entry a round trip, whichever way it goes (pool, TypeORM,
 * statements of our own): all of them end in the driver's `query`.
 */
export async function statementsDuring(work: () => Promise<unknown>): Promise<string[]> {
  const sent: string[] = [];
  const original = Client.prototype.query as (...args: unknown[]) => unknown;
  Client.prototype.query = function (this: Client, ...args: unknown[]) {
    const [statement] = args as [Sent];
    sent.push(typeof statement === 'string' ? statement : statement.text ?? '');
    return original.apply(this, args);
  } as typeof Client.prototype.query;
  try {
    await work();
  } finally {
    Client.prototype.query = original as typeof Client.prototype.query;
  }
  return sent;
}
