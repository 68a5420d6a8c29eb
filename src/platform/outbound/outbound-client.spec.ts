import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseAddressRange } from '../network/address-range.policy.js';
import { OutboundClient, type OutboundRequest, type Resolver } from './outbound-client.js';
import { demandOutboundUrl } from './outbound-url.policy.js';

const LOOPBACK = { allowed: [parseAddressRange('127.0.0.1/32')!], insecure: true };
const STRICT = { allowed: [], insecure: false };

describe('an address that a tenant names', () => {
  it.each(['https://hooks.example/path?x=1', 'https://hooks.example:8443/', 'https://1.1.1.1/', 'https://[2606:4700::1111]/'])('may be %s', (url) => {
    expect(demandOutboundUrl(url, STRICT).href).toBe(url);
  });

  it.each([
    ['http://hooks.example/', 'OUTBOUND_URL_INVALID'], ['ftp://hooks.example/', 'OUTBOUND_URL_INVALID'], ['file:///etc/passwd', 'OUTBOUND_URL_INVALID'], ['hooks.example', 'OUTBOUND_URL_INVALID'],
    ['https://', 'OUTBOUND_URL_INVALID'], ['https://user:word@hooks.example/', 'OUTBOUND_URL_INVALID'], [`https://hooks.example/${'x'.repeat(2_048)}`, 'OUTBOUND_URL_INVALID'],
    ['https://127.0.0.1/', 'OUTBOUND_ADDRESS_CLOSED'], ['https://127.1/', 'OUTBOUND_ADDRESS_CLOSED'], ['https://2130706433/', 'OUTBOUND_ADDRESS_CLOSED'], ['https://0x7f000001/', 'OUTBOUND_ADDRESS_CLOSED'],
    ['https://0177.0.0.1/', 'OUTBOUND_ADDRESS_CLOSED'], ['https://169.254.169.254/latest/meta-data/', 'OUTBOUND_ADDRESS_CLOSED'], ['https://10.0.0.1:6443/', 'OUTBOUND_ADDRESS_CLOSED'], ['https://0/', 'OUTBOUND_ADDRESS_CLOSED'],
    ['https://[::1]/', 'OUTBOUND_ADDRESS_CLOSED'], ['https://[::ffff:10.0.0.1]/', 'OUTBOUND_ADDRESS_CLOSED'], ['https://[::ffff:7f00:1]/', 'OUTBOUND_ADDRESS_CLOSED'], ['https://[fd00:ec2::254]/', 'OUTBOUND_ADDRESS_CLOSED'],
    ['https://①②⑦.⓪.⓪.①/', 'OUTBOUND_ADDRESS_CLOSED'],
  ])('is refused as %s: %s', (url, code) => {
    expect(() => demandOutboundUrl(url, STRICT)).toThrow(expect.objectContaining({ code, kind: 'invalid' }));
  });
});

describe('a call to it', () => {
  let server: Server;
  let port: number;
  const seen: string[] = [];
  const clients: OutboundClient[] = [];
  const answers: Record<string, (request: IncomingMessage, response: ServerResponse) => void> = {
    '/redirect': (_, response) => response.writeHead(302, { location: `http://127.0.0.1:${port}/secret` }).end(),
    '/large': (_, response) => response.end(Buffer.alloc(70_000)),
    '/endless': (_, response) => void response.write('x'),
    '/silent': () => undefined,
  };

  beforeAll(async () => {
    server = createServer((request, response) => {
      seen.push(`${request.method} ${request.headers.host} ${request.url}`);
      (answers[request.url ?? ''] ?? (() => request.pipe(response)))(request, response);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
    seen.length = 0;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  function call(wanted: Partial<OutboundRequest> & { path?: string; host?: string }, rules = LOOPBACK, resolve: Resolver = to('127.0.0.1')): Promise<{ status: number; body: Buffer }> {
    const client = new OutboundClient(rules, resolve);
    clients.push(client);
    const { path = '/', host = 'hooks.example', ...rest } = wanted;
    return client.send({ url: `http://${host}:${port}${path}`, method: 'POST', body: 'hello', ...rest });
  }

  function to(...addresses: string[]): Resolver {
    return (host) => (host === 'hooks.example' ? Promise.resolve(addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))) : Promise.reject(new Error(`unexpected name ${host}`)));
  }

  it('goes to the address that was judged, under the name that was given', async () => {
    expect(await call({ path: '/in' })).toMatchObject({ status: 200, body: Buffer.from('hello') });
    expect(seen).toEqual([`POST hooks.example:${port} /in`]);
  });

  it.each([
    ['a loopback address', ['127.0.0.1']], ['a metadata address', ['169.254.169.254']], ['a private one among open ones', ['1.1.1.1', '10.0.0.1']],
    ['a mapped private one', ['::ffff:127.0.0.1']], ['a unique local one', ['fd00::1']], ['none at all', []],
  ])('is not made to a name that leads to %s', async (_, addresses) => {
    await expect(call({}, { allowed: [], insecure: true }, to(...addresses))).rejects.toMatchObject({ code: 'OUTBOUND_ADDRESS_CLOSED' });
    expect(seen).toEqual([]);
  });

  it('tells nothing of where a closed name leads', async () => {
    const error = await call({}, { allowed: [], insecure: true }, to('10.11.12.13')).catch((thrown: Error) => thrown);
    expect(JSON.stringify({ message: (error as Error).message, ...(error as object) })).not.toContain('10.11.12.13');
  });

  it('is judged anew for each connection: a name that turns inwards later is not followed', async () => {
    let turned = false;
    const resolve: Resolver = () => Promise.resolve([{ address: turned ? '127.0.0.2' : '127.0.0.1', family: 4 }]);
    const client = new OutboundClient(LOOPBACK, resolve);
    clients.push(client);
    const send = (headers: Record<string, string>) => client.send({ url: `http://hooks.example:${port}/`, method: 'GET', headers });
    expect((await send({ connection: 'close' })).status).toBe(200);
    turned = true;
    await expect(send({})).rejects.toMatchObject({ code: 'OUTBOUND_ADDRESS_CLOSED' });
  });

  it('resolves a name once, so that a second answer cannot differ from the judged one', async () => {
    let asked = 0;
    const resolve: Resolver = () => Promise.resolve([{ address: (asked += 1) === 1 ? '127.0.0.1' : '127.0.0.2', family: 4 }]);
    expect((await call({}, LOOPBACK, resolve)).status).toBe(200);
    expect(asked).toBe(1);
  });

  it('follows no redirect', async () => {
    expect(await call({ path: '/redirect' })).toMatchObject({ status: 302 });
    expect(seen).toHaveLength(1);
  });

  it('ends in time, and reads no more than it may', async () => {
    await expect(call({ path: '/silent', timeoutMs: 200 })).rejects.toMatchObject({ code: 'OUTBOUND_TIMEOUT', kind: 'timeout' });
    await expect(call({ path: '/endless', timeoutMs: 200 })).rejects.toMatchObject({ code: 'OUTBOUND_TIMEOUT' });
    await expect(call({ path: '/large' })).rejects.toMatchObject({ code: 'OUTBOUND_ANSWER_TOO_LARGE', kind: 'upstream' });
    const abort = new AbortController();
    const pending = call({ path: '/silent', signal: abort.signal });
    abort.abort(new Error('stopping'));
    await expect(pending).rejects.toThrow('stopping');
  });

  it('says that nobody is there without saying how it found out', async () => {
    server.closeAllConnections();
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const free = (closed.address() as AddressInfo).port;
    closed.close();
    const client = new OutboundClient(LOOPBACK, to('127.0.0.1'));
    clients.push(client);
    await expect(client.send({ url: `http://hooks.example:${free}/`, method: 'GET' })).rejects.toMatchObject({ code: 'OUTBOUND_UNREACHABLE', message: `hooks.example:${free} could not be reached.` });
  });
});
