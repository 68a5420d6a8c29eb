import { z } from 'zod';
import { LOAD_PATH, type GatewayLoadReport } from '../../../contract/load-report.js';

/** Where a gateway's report comes from: the one in this process, or another's management port. */
export type GatewayLoadSource = () => Promise<GatewayLoadReport>;

const TIMEOUT_MS = 1_500;
/** Some 200 bytes a function that was ever asked for. */
const MAX_BYTES = 16 * 1024 * 1024;

const count = z.number().int().min(0);
const report = z.object({
  instance: z.string().min(1).max(200),
  functions: z.array(z.object({ functionId: z.string(), inFlight: count, waiting: count, requests: count, lastActiveAt: z.number() })),
});

/** The report of a gateway in another process. Rejects when it does not answer within 1.5 s, or something else. */
export function remoteLoad(managementUrl: string): GatewayLoadSource {
  const url = new URL(LOAD_PATH, managementUrl);
  return async () => {
    const answer = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'error' });
    if (!answer.ok || !answer.body) throw new Error(`the gateway at ${url.host} answers ${answer.status}`);
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of answer.body) {
      size += chunk.length;
      if (size > MAX_BYTES) throw new Error(`the report of the gateway at ${url.host} is too large`);
      chunks.push(chunk);
    }
    return report.parse(JSON.parse(Buffer.concat(chunks).toString('utf8')));
  };
}
