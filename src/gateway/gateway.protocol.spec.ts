import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isTraceparent } from './exchange/request-headers.policy.js';
import { GatewayRig, TestTenant, type TestPod } from './testing/gateway-rig.js';

/** Sends bytes as they are; gives what came back once the gateway closed, or went quiet after whole answers. */
function raw(port: number, message: string, quietMs = 300): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(message, 'latin1'));
    let received = '';
    socket.setTimeout(quietMs, () => socket.destroy());
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
    });
    socket.on('error', reject).on('close', () => resolve(received));
  });
}

describe('HTTP', () => {
  const rig = new GatewayRig();
  const shop = new TestTenant('shop');
  let pod: TestPod;

  beforeAll(async () => {
    await rig.start({ baseDomain: 'fn.test' });
    pod = await rig.pod();
    rig.sink.upsertAccess(shop.accessList());
    rig.deploy(shop, 'open', [pod], { authentication: 'none' });
  });
  afterAll(() => rig.stop());
  beforeEach(() => {
    pod.requests.length = 0;
    pod.handler = (request, response) => {
      request.resume();
      request.on('end', () => response.end('ok'));
    };
  });

  describe('to the function', () => {
    it('goes method, path, query, headers; by path and by host', async () => {
      await fetch(`${rig.url}/shop/open/a%20b?x=1&y`, { method: 'PATCH', headers: { 'x-custom': 'v', 'content-type': 'text/x' }, body: 'data' });
      await raw(rig.port, 'GET /other/path?z HTTP/1.1\r\nHost: open.shop.fn.test\r\nConnection: close\r\n\r\n');
      await fetch(`${rig.url}/shop/open`);
      expect(pod.requests.map(({ method, url }) => `${method} ${url}`)).toEqual(['PATCH /a%20b?x=1&y', 'GET /other/path?z', 'GET /']);
      expect(pod.requests[0]!.headers).toMatchObject({ 'x-custom': 'v', 'content-type': 'text/x', 'content-length': '4' });
      expect(pod.requests[1]!.headers).toMatchObject({ host: 'open.shop.fn.test', 'x-forwarded-host': 'open.shop.fn.test', 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http' });
    });

    it('goes a request id, a trace context and a deadline', async () => {
      const response = await fetch(`${rig.url}/shop/open`, { headers: { 'x-request-id': 'mine-1', 'x-fnplane-deadline': '1', 'x-fnplane-served-by': 'me' } });
      const before = Date.now();
      const other = await fetch(`${rig.url}/shop/open`, { headers: { 'x-request-id': 'not valid!' } });
      const [first, second] = pod.requests.map(({ headers }) => headers);
      expect([first!['x-request-id'], response.headers.get('x-request-id')]).toEqual(['mine-1', 'mine-1']);
      expect(second!['x-request-id']).toMatch(/^[0-9a-f]{32}$/);
      expect(other.headers.get('x-request-id')).toBe(second!['x-request-id']);
      expect(isTraceparent(String(first!.traceparent))).toBe(true);
      expect(Number(second!['x-fnplane-deadline'])).toBeGreaterThanOrEqual(before + 5000);
      expect(Number(second!['x-fnplane-deadline'])).toBeLessThan(before + 7000);
      expect(first).not.toHaveProperty('x-fnplane-served-by');
    });

    it('goes nothing hop-by-hop', async () => {
      await raw(rig.port, 'GET /shop/open HTTP/1.1\r\nHost: x\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nTE: trailers\r\nUpgrade: h2c\r\nHTTP2-Settings: a\r\nProxy-Authorization: b\r\nX-End: 1\r\n\r\n');
      expect(Object.keys(pod.requests[0]!.headers)).toEqual(expect.arrayContaining(['x-end']));
      for (const name of ['x-hop', 'te', 'upgrade', 'http2-settings', 'proxy-authorization']) expect(pod.requests[0]!.headers).not.toHaveProperty(name);
    });
  });

  describe('back to the caller', () => {
    it('comes the answer as it is, with who served it', async () => {
      pod.handler = (_request, response) => {
        response.writeHead(418, 'Short And Stout', [['X-One', '1'], ['Set-Cookie', 'a=1'], ['Set-Cookie', 'b=2'], ['X-Fnplane-Served-By', 'liar@9'], ['X-Latin', 'caf\u00e9']].flat());
        response.end(Buffer.from([0, 1, 255, 254]));
      };
      const response = await fetch(`${rig.url}/shop/open`);
      expect([response.status, response.statusText]).toEqual([418, 'Short And Stout']);
      expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
      expect([response.headers.get('x-one'), response.headers.get('x-fnplane-served-by'), response.headers.get('x-latin')]).toEqual(['1', 'open@1', 'caf\u00e9']);
      expect(Buffer.from(await response.arrayBuffer())).toEqual(Buffer.from([0, 1, 255, 254]));
    });

    it.each([
      ['HEAD', 200, { 'content-length': '1234' }], ['GET', 204, {}], ['GET', 304, { etag: '"x"' }], ['GET', 200, { 'content-length': '0' }],
    ])('comes %s with %d and %j without a body, and the connection goes on', async (method, status, headers) => {
      pod.handler = (_request, response) => response.writeHead(status, headers as Record<string, string>).end();
      const line = `${method} /shop/open HTTP/1.1\r\nHost: x\r\n`;
      const received = await raw(rig.port, `${line}\r\n${line}Connection: close\r\n\r\n`);
      expect(received.match(new RegExp(`HTTP/1.1 ${status}`, 'g'))).toHaveLength(2);
      for (const [name, value] of Object.entries(headers)) expect(received.toLowerCase()).toContain(`${name}: ${value}`);
    });

    it('comes the header of a stream before its first byte', async () => {
      let finish = (): void => undefined;
      pod.handler = (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
        finish = () => response.end('data: done\n\n');
      };
      const response = await fetch(`${rig.url}/shop/open`);
      expect(response.headers.get('content-type')).toBe('text/event-stream');
      finish();
      expect(await response.text()).toBe('data: done\n\n');
    });

    it('comes a broken connection when the function breaks off', async () => {
      pod.handler = (_request, response) => {
        response.writeHead(200, { 'content-length': '100' });
        response.write('half', () => response.destroy());
      };
      await expect(fetch(`${rig.url}/shop/open`).then((response) => response.text())).rejects.toThrow();
    });

    it('comes 502 for an answer that is no HTTP', async () => {
      pod.handler = (request) => request.socket.end('garbage\r\n\r\n');
      expect(await (await fetch(`${rig.url}/shop/open`, { method: 'POST', body: 'x' })).json()).toMatchObject({ code: 'FUNCTION_CONNECTION_LOST', status: 502, retryable: true });
    });
  });

  describe('refuses what could be read in two ways', () => {
    const open = 'POST /shop/open HTTP/1.1\r\nHost: x\r\n';
    it.each([
      ['CL and TE', `${open}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /shop/open/smuggled HTTP/1.1\r\nHost: x\r\n\r\n`],
      ['TE and CL', `${open}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\nGET /shop/open/smuggled HTTP/1.1\r\nHost: x\r\n\r\n`],
      ['two CLs', `${open}Content-Length: 0\r\nContent-Length: 44\r\n\r\nGET /shop/open/smuggled HTTP/1.1\r\nHost: x\r\n\r\n`],
      ['CL list', `${open}Content-Length: 0, 44\r\n\r\nGET /shop/open/smuggled HTTP/1.1\r\nHost: x\r\n\r\n`],
      ['CL with sign', `${open}Content-Length: +4\r\n\r\nabcd`],
      ['TE with a space before the colon', `${open}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`],
      ['TE folded', `${open}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`],
      ['TE other than chunked', `${open}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
      ['TE obfuscated', `${open}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
      ['TE twice', `${open}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`],
      ['TE in HTTP/1.0', 'POST /shop/open HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
      ['a bare CR in a field', `${open}X-A: b\rTransfer-Encoding: chunked\r\n\r\n`],
      ['a NUL in a field', `${open}X-A: \u0000\r\n\r\n`],
      ['a wrong chunk size', `${open}Transfer-Encoding: chunked\r\n\r\n0x4\r\nabcd\r\n0\r\n\r\n`],
      ['two hosts', 'GET /shop/open HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
      ['no host', 'GET /shop/open HTTP/1.1\r\n\r\n'],
      ['a dot segment', 'GET /shop/open/../../bank/secret HTTP/1.1\r\nHost: x\r\n\r\n'],
      ['an encoded dot segment', 'GET /shop/open/%2e%2e/%2e%2e/bank/secret HTTP/1.1\r\nHost: x\r\n\r\n'],
      ['a backslash', 'GET /shop/open\\..\\admin HTTP/1.1\r\nHost: x\r\n\r\n'],
      ['an HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
      ['a request line alone', 'HELLO\r\n\r\n'],
    ])('%s', async (_name, message) => {
      const received = await raw(rig.port, message);
      expect(received.startsWith('HTTP/1.1 400')).toBe(true);
      expect(received.match(/HTTP\/1\.1 \d/g)).toHaveLength(1);
      expect(pod.requests.filter(({ url }) => url.includes('smuggled') || url === '/../../bank/secret')).toEqual([]);
    });

    it('sends a chunked body on as exactly one request', async () => {
      const bodies: string[] = [];
      pod.handler = (request, response) => {
        let body = '';
        request.on('data', (chunk: Buffer) => (body += chunk.toString())).on('end', () => {
          bodies.push(body);
          response.end('ok');
        });
      };
      const inner = 'GET /shop/open/smuggled HTTP/1.1\r\nHost: x\r\n\r\n';
      await raw(rig.port, `${open}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n${inner.length.toString(16)};ext=1\r\n${inner}\r\n0\r\nX-Trailer: 1\r\n\r\n`);
      expect(pod.requests.length).toBe(1);
      expect(bodies).toEqual([inner]);
    });

    it.each([
      ['TRACE', 'TRACE /shop/open HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', '405'],
      ['headers that are too large', `GET /shop/open HTTP/1.1\r\nHost: x\r\nX-Big: ${'a'.repeat(20_000)}\r\n\r\n`, '431'],
      ['too many headers', `GET /shop/open HTTP/1.1\r\nHost: x\r\n${Array.from({ length: 120 }, (_, i) => `X-${i}: 1\r\n`).join('')}Connection: close\r\n\r\n`, '431'],
    ])('%s', async (_name, message, status) => {
      const received = await raw(rig.port, message);
      expect(received.startsWith(`HTTP/1.1 ${status}`)).toBe(true);
      expect(received).toContain('application/problem+json');
      expect(pod.requests).toEqual([]);
    });

    it('closes on CONNECT', async () => {
      expect(await raw(rig.port, 'CONNECT shop/open:443 HTTP/1.1\r\nHost: x\r\n\r\n')).toBe('');
      expect(pod.requests).toEqual([]);
    });

    it('keeps answers in order when requests are pipelined', async () => {
      pod.handler = (request, response) => response.end(`<${request.url}>`);
      const received = await raw(rig.port, ['/1', '/2', '/3'].map((path, i) => `GET /shop/open${path} HTTP/1.1\r\nHost: x\r\n${i === 2 ? 'Connection: close\r\n' : ''}\r\n`).join(''));
      expect(received.match(/<[^>]*>/g)).toEqual(['</1>', '</2>', '</3>']);
    });
  });

  it('lets an upload begin only once it is admitted', async () => {
    const refused = await raw(rig.port, 'POST /shop/none HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n');
    expect(refused).toMatch(/^HTTP\/1.1 401/);
    const admitted = await raw(rig.port, 'POST /shop/open HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\nabcde');
    expect(admitted).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200/);
  });
});
