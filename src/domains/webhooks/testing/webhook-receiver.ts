import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedRequest {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  /** The body as JSON. */
  event: { id: string; type: string; subject: string; source: string; sequence: string; data: Record<string, unknown> };
}

/** An address on this machine that takes webhooks and answers as it is told. */
export class WebhookReceiver {
  readonly requests: ReceivedRequest[] = [];
  /** What it answers: a status, or what the listener does. */
  answer: number | RequestListener = 204;
  private readonly server: Server;

  constructor() {
    this.server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part)).on('end', () => {
        const body = Buffer.concat(parts).toString();
        this.requests.push({ path: request.url ?? '', headers: request.headers, body, event: JSON.parse(body) as ReceivedRequest['event'] });
        if (typeof this.answer === 'number') response.writeHead(this.answer).end();
        else this.answer(request, response);
      });
    });
  }

  async start(): Promise<this> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return this;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  url(path = '/hooks'): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}

/** Which of the secrets signed a request, by a computation of its own. */
export function signersOf({ headers, body }: ReceivedRequest, secrets: Readonly<Record<string, string>>): string[] {
  const signatures = String(headers['webhook-signature']).split(' ');
  const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
  return Object.entries(secrets).filter(([, secret]) => signatures.includes(`v1,${createHmac('sha256', Buffer.from(secret.replace('whsec_', ''), 'base64')).update(signed, 'utf8').digest('base64')}`)).map(([name]) => name);
}
