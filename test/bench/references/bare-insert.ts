import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import { Pool } from 'pg';
import { childReady, childSettings } from '../harness/child.ts';

export interface BareInsertSettings {
  databaseUrl: string;
  poolSize: number;
  /** With one parameter: the body. Answers the id. */
  insert: string;
}

/** One route that inserts the body as a row and answers 202 with its id. No authentication, no validation, no log, no other statement. */
async function main(): Promise<void> {
  const { databaseUrl, poolSize, insert } = childSettings<BareInsertSettings>();
  const pool = new Pool({ connectionString: databaseUrl, max: poolSize });
  const app = fastify();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.post('/invocations', async (request, reply) => {
    const { rows } = await pool.query<{ id: string }>({ name: 'insert', text: insert, values: [request.body] });
    return reply.code(202).send({ id: rows[0]!.id });
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  childReady((app.server.address() as AddressInfo).port);
}

await main();
