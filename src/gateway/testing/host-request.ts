import { request } from 'node:http';

export interface HostAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: { code?: string; detail?: string };
}

/** Asks a gateway for a path of any host, on a connection of its own: `fetch` lets nobody choose the `Host`. */
export function hostRequest(port: number, path: string, { host, method = 'GET', headers = {} }: { host: string; method?: string; headers?: Record<string, string> }): Promise<HostAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, method, agent: false, headers: { host, ...headers } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk)).once('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode!, headers: response.headers, body: (text.startsWith('{') ? JSON.parse(text) : {}) as HostAnswer['body'] });
      });
    });
    sent.once('error', reject).end();
  });
}
