import { get } from 'node:http';

/** Status of `GET /healthz` at a pod's own address; undefined when there is no answer in time. */
export function probeHealth({ address, port }: { address: string; port: number }, timeoutMs: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const request = get({ host: address, port, path: '/healthz', agent: false, signal: AbortSignal.timeout(timeoutMs) }, (response) => {
      const { statusCode } = response;
      response.destroy();
      resolve(statusCode);
    });
    request.once('error', () => resolve(undefined));
  });
}
