import { connect } from 'node:net';
import { childReady } from './child.ts';
import type { LoadOrder, LoadReport } from './load.ts';

/** Longest wait for any one answer. */
const ANSWER_WITHIN_MS = 15_000;

/** Bytes of one answer once its header is complete. Anything but 200 or 202 with a length ends the benchmark. */
function answerSize(data: Buffer): number | undefined {
  const end = data.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = data.toString('latin1', 0, end);
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  if (!/^HTTP\/1\.1 20[02]/.test(head) || length === undefined) throw new Error(`unexpected answer: ${data.toString('latin1', 0, 600)}`);
  return end + 4 + Number(length);
}

/** One kept-alive connection that sends the same request again as soon as the answer is complete. */
function runConnection(order: LoadOrder, message: Buffer, more: () => boolean, answered: (ms: number) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: order.port, host: order.host, noDelay: true });
    let pending: Buffer = Buffer.alloc(0);
    let sentAt = 0;
    const send = (): void => {
      sentAt = performance.now();
      socket.write(message);
    };
    const fail = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    const receive = (chunk: Buffer): void => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      const size = answerSize(pending);
      if (size === undefined || pending.length < size) return;
      pending = Buffer.alloc(0);
      answered(performance.now() - sentAt);
      if (more()) return send();
      socket.removeAllListeners('close').end();
      resolve();
    };
    socket.setTimeout(ANSWER_WITHIN_MS, () => fail(new Error(`no answer within ${ANSWER_WITHIN_MS / 1000} s`)));
    socket.on('connect', send).on('error', fail).on('close', () => fail(new Error('the connection was closed')));
    socket.on('data', (chunk) => {
      try {
        receive(chunk);
      } catch (error) {
        fail(error as Error);
      }
    });
  });
}

async function generate(order: LoadOrder): Promise<LoadReport> {
  const message = Buffer.from(order.message);
  const latencies: number[] = [];
  let left = order.requests - order.connections;
  const startedAt = performance.now();
  const end = startedAt + order.seconds * 1000;
  const more = (): boolean => left > 0 && performance.now() < end && left-- > 0;
  await Promise.all(Array.from({ length: order.connections }, () => runConnection(order, message, more, (ms) => latencies.push(ms))));
  const seconds = (performance.now() - startedAt) / 1000;
  const sorted = latencies.sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
  return { requests: sorted.length, seconds, p50: at(0.5), p99: at(0.99) };
}

process.on('message', (order: LoadOrder) => {
  generate(order).then((report) => process.send!(report), (error: unknown) => process.send!({ error: (error as Error).message }));
});
childReady(0);
