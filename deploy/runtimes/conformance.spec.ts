/** The request side of the function contract (README.md beside this file), the same table against the three runtimes. */
import { Agent } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildGoHandler, removeGoHandler, RUNTIME_NAMES, RuntimeProcess } from './conformance/runtime-process.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

beforeAll(buildGoHandler, 200_000);
afterAll(removeGoHandler);

/** Writes bytes as they are and gives what comes back until the server ends the connection. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.setTimeout(10_000, () => socket.destroy(new Error('the server kept the connection open')));
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
    socket.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNRESET' ? resolve(answer) : reject(error)));
    socket.on('end', () => socket.end());
    socket.on('close', () => resolve(answer));
  });
}

/** The lines of what a process printed that are JSON. */
function jsonLines(text: string): Record<string, unknown>[] {
  return text.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe.each(RUNTIME_NAMES)('%s runtime', (name) => {
  let runtime: RuntimeProcess;
  beforeAll(async () => {
    runtime = await RuntimeProcess.start(name, { GREETING: 'hello' });
  });
  afterAll(() => runtime.stop());

  it('is healthy once the handler is loaded, to GET and HEAD only', async () => {
    expect((await runtime.ask({ method: 'GET', path: '/healthz' })).status).toBe(200);
    expect((await runtime.ask({ method: 'HEAD', path: '/healthz' })).status).toBe(200);
    expect((await runtime.ask({ method: 'POST', path: '/healthz' })).status).toBe(405);
  });

  it('gives the handler one and the same event for a JSON request', async () => {
    const reply = await runtime.ask({
      method: 'PUT',
      path: '/echo',
      body: '{"order":{"id":"ö-1","lines":[1,2.5,null]}}',
      headers: { 'content-type': 'application/json; charset=utf-8', 'X-Request-Id': 'req-1', 'X-Twice': ['a', 'b'], host: 'shop.example' },
    });
    expect(reply.status).toBe(200);
    expect(reply.headers['content-type']).toBe('application/json');
    expect(reply.json()).toEqual({
      id: 'req-1',
      method: 'PUT',
      path: '/echo',
      query: {},
      rawQuery: '',
      headers: { host: 'shop.example', 'content-type': 'application/json; charset=utf-8', 'content-length': '44', 'x-request-id': 'req-1', 'x-twice': 'a, b' },
      data: { order: { id: 'ö-1', lines: [1, 2.5, null] } },
      cloudevent: null,
    });
  });

  it('decodes the query, first value of a name, and leaves path and raw query as sent', async () => {
    const reply = await runtime.ask({ method: 'GET', path: '/echo?a=1&a=2&b=x%20y+z&c&d=%E4%BD%A0&e=100%' });
    expect(reply.json()).toMatchObject({
      path: '/echo',
      rawQuery: 'a=1&a=2&b=x%20y+z&c&d=%E4%BD%A0&e=100%',
      query: { a: '1', b: 'x y z', c: '', d: '你', e: '100%' },
      data: null,
    });
  });

  it('gives text as a string and other types as bytes only', async () => {
    expect((await runtime.ask({ path: '/echo', body: 'grüße', headers: { 'content-type': 'text/plain' } })).json()).toMatchObject({ data: 'grüße' });
    expect((await runtime.ask({ path: '/echo', body: '{"a":1}', headers: { 'content-type': 'application/octet-stream' } })).json()).toMatchObject({ data: null });
    const bytes = Buffer.from([0, 255, 128, 10, 13]);
    expect((await runtime.ask({ path: '/body', body: bytes, headers: { 'content-type': 'image/png' } })).body).toEqual(bytes);
  });

  it('reads chunked bodies', async () => {
    const reply = await runtime.ask({ path: '/echo', chunks: ['{"a":', '"', 'b"}'], headers: { 'content-type': 'application/json' } });
    expect(reply.json()).toMatchObject({ data: { a: 'b' } });
  });

  it.each(['application/json', 'application/vnd.shop.order+json'])('refuses a body that is not JSON but says it is (%s)', async (type) => {
    for (const body of ['{"a":', '{"a":NaN}', '\ufeff{}', Buffer.from([0x22, 0xff, 0x22])]) {
      const reply = await runtime.ask({ path: '/echo', body, headers: { 'content-type': type } });
      expect(reply.status).toBe(400);
      expect(reply.headers['x-fnplane-error-source']).toBe('platform');
      expect(reply.json()).toMatchObject({ error: { type: 'InvalidJson' } });
    }
  });

  describe('CloudEvents', () => {
    const attributes = { specversion: '1.0', id: 'e-1', source: '/shop', type: 'order.placed', subject: 'o-1', time: '2026-11-24T00:00:00Z' };

    it('reads binary mode', async () => {
      const headers: Record<string, string> = { 'content-type': 'application/json', 'ce-region': 'Z%C3%BCrich' };
      for (const [key, value] of Object.entries(attributes)) headers[`ce-${key}`] = value;
      expect((await runtime.ask({ path: '/echo', body: '{"a":1}', headers })).json()).toMatchObject({
        id: 'e-1',
        data: { a: 1 },
        cloudevent: { ...attributes, region: 'Zürich', datacontenttype: 'application/json' },
      });
    });

    it('reads structured mode with JSON data', async () => {
      const event = { ...attributes, priority: 3, express: true, data: { a: [1] } };
      const reply = await runtime.askJson('/echo', event, { 'content-type': 'application/cloudevents+json; charset=utf-8' });
      expect(reply.json()).toMatchObject({ id: 'e-1', data: { a: [1] } });
      expect((reply.json() as { cloudevent: unknown }).cloudevent).toEqual({ ...attributes, priority: 3, express: true });
      const body = await runtime.askJson('/body', event, { 'content-type': 'application/cloudevents+json' });
      expect(body.body.toString()).toBe('{"a":[1]}');
    });

    it('reads structured mode with base64 and text data', async () => {
      const type = { 'content-type': 'application/cloudevents+json' };
      const encoded = { ...attributes, datacontenttype: 'image/png', data_base64: 'AP8=' };
      expect((await runtime.askJson('/body', encoded, type)).body).toEqual(Buffer.from([0, 255]));
      const json = { ...attributes, datacontenttype: 'application/json', data_base64: Buffer.from('{"a":1}').toString('base64') };
      expect((await runtime.askJson('/echo', json, type)).json()).toMatchObject({ data: { a: 1 } });
      const text = { ...attributes, datacontenttype: 'text/plain', data: 'hi' };
      expect((await runtime.askJson('/echo', text, type)).json()).toMatchObject({ data: 'hi' });
      expect((await runtime.askJson('/body', text, type)).body.toString()).toBe('hi');
    });

    it.each([
      ['no id', { ...attributes, id: undefined }],
      ['an empty source', { ...attributes, source: '' }],
      ['another version', { ...attributes, specversion: '0.3' }],
      ['two kinds of data', { ...attributes, data: 1, data_base64: 'AA==' }],
      ['bad base64', { ...attributes, data_base64: 'A' }],
      ['a bad attribute name', { ...attributes, 'Bad-Name': 'x' }],
      ['a number as time', { ...attributes, time: 5 }],
      ['an array', [attributes]],
    ])('refuses one with %s', async (_what, event) => {
      const reply = await runtime.askJson('/echo', event, { 'content-type': 'application/cloudevents+json' });
      expect(reply.status).toBe(400);
      expect(reply.json()).toMatchObject({ error: { type: 'InvalidCloudEvent' } });
    });

    it('refuses binary mode without a type, and batches', async () => {
      expect((await runtime.ask({ path: '/echo', headers: { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/s' } })).status).toBe(400);
      expect((await runtime.ask({ path: '/echo', body: '[]', headers: { 'content-type': 'application/cloudevents-batch+json' } })).status).toBe(415);
    });
  });

  describe('answers', () => {
    it.each([
      ['/string', 200, 'application/json', '"grüße <\\"&\\">"'],
      ['/number', 200, 'application/json', '42'],
      ['/list', 200, 'application/json', '[1,null,true]'],
      ['/none', 204, undefined, ''],
      ['/bytes', 200, 'application/octet-stream', '\0\u0001\u00ff'],
      ['/json-response', 422, 'application/json', '{"wrong":true}'],
      ['/raw-response', 200, 'image/png', '\u0089PNG'],
      ['/no-body-response', 202, undefined, ''],
    ])('%s is %i %s', async (path, status, type, body) => {
      const reply = await runtime.ask({ path });
      expect(reply.status).toBe(status);
      expect(reply.headers['content-type']).toBe(type);
      expect(type === 'application/json' ? reply.body.toString() : reply.body.toString('latin1')).toBe(body);
      if (status !== 204) expect(reply.headers['content-length']).toBe(String(reply.body.length));
    });

    it('takes status, headers and body of a response, but not what belongs to the server', async () => {
      const reply = await runtime.ask({ path: '/response' });
      expect(reply.status).toBe(201);
      expect(reply.headers).toMatchObject({ 'content-type': 'text/csv', 'x-extra': 'a, b', 'x-fnplane-served-by': 'conformance@7' });
      expect(reply.headers.connection).not.toBe('upgrade');
      expect(reply.body.toString()).toBe('a,b\n');
    });

    it('sees an object with other keys beside statusCode as plain JSON', async () => {
      const reply = await runtime.ask({ path: '/not-a-response' });
      expect([reply.status, reply.json()]).toEqual([200, { statusCode: 202, order: 'o-1' }]);
    });

    it.each(['/bad-status', '/bad-header', '/unserialisable'])('answers 500 for what is no answer (%s) and goes on', async (path) => {
      const reply = await runtime.ask({ path });
      expect(reply.status).toBe(500);
      expect(reply.headers['x-fnplane-error-source']).toBe('handler');
      expect(reply.headers['x-c']).toBeUndefined();
    });

    it('sends no body to HEAD, but its length', async () => {
      const reply = await runtime.ask({ method: 'HEAD', path: '/number' });
      expect([reply.status, reply.headers['content-length'], reply.body.length]).toEqual([200, '2', 0]);
    });

    it('answers what is raised with type and message, and keeps the stack in the log', async () => {
      const reply = await runtime.ask({ path: '/raise', headers: { 'x-request-id': `raised-${name}` } });
      expect(reply.status).toBe(500);
      expect(reply.headers['x-fnplane-error-source']).toBe('handler');
      expect(reply.json()).toEqual({ error: { type: 'OrderError', message: expect.stringContaining('no such order') as string } });
      await runtime.until(() => runtime.stderr.includes(`raised-${name}`), 'the error is logged');
      const line = JSON.parse(runtime.stderr.split('\n').find((one) => one.includes(`raised-${name}`)) ?? '') as Record<string, string>;
      expect(line).toMatchObject({ level: 'error', requestId: `raised-${name}` });
      if (name !== 'go') expect(line['stack']).toContain('handler.');
    });
  });

  it('names itself and the request on every answer', async () => {
    const given = await runtime.ask({ path: '/number', headers: { 'x-request-id': 'abc' } });
    expect(given.headers).toMatchObject({ 'x-request-id': 'abc', 'x-fnplane-served-by': 'conformance@7' });
    expect((await runtime.ask({ path: '/number' })).headers['x-request-id']).toMatch(UUID);
    expect((await runtime.ask({ path: '/number', headers: { 'x-request-id': 'with space' } })).headers['x-request-id']).toMatch(UUID);
  });

  it('tells the handler who and when', async () => {
    const before = Date.now();
    const reply = await runtime.ask({ path: '/context', headers: { 'x-request-id': 'abc', traceparent: TRACE } });
    const context = reply.json() as { deadline: number; remainingMs: number };
    expect(context).toMatchObject({ requestId: 'abc', function: 'conformance', revision: 7, tenant: 'shop', traceparent: TRACE });
    expect(context.deadline).toBeGreaterThanOrEqual(before + 29_000);
    expect(context.deadline).toBeLessThanOrEqual(Date.now() + 30_000);
    expect(context.remainingMs).toBeGreaterThan(25_000);
    expect((await runtime.ask({ path: '/context' })).json()).toMatchObject({ traceparent: null });
    expect((await runtime.ask({ path: '/environment' })).json()).toEqual({ greeting: 'hello' });
  });

  it('writes logger lines as JSON, with the request id', async () => {
    await runtime.ask({ path: '/log', headers: { 'x-request-id': 'logged' } });
    await runtime.until(() => runtime.stdout.includes('structured line'), 'the line is written');
    const line = jsonLines(runtime.stdout).find(({ message }) => message === 'structured line');
    expect(line).toMatchObject({ level: 'info', message: 'structured line', requestId: 'logged', function: 'conformance', order: 'o-1', time: expect.stringMatching(/^\d{4}-.*Z$/) as string });
  });

  it(name === 'go' ? 'knows the invocation of what goes through slog, and leaves all else as it is' : 'knows the invocation of what a handler prints, and leaves all else as it is', async () => {
    await runtime.ask({ path: '/print', headers: { 'x-request-id': 'printed' } });
    const common = { requestId: 'printed', time: expect.stringMatching(/^\d{4}-.*Z$/) as string };
    if (name === 'go') {
      await runtime.until(() => runtime.stdout.includes('careful') && runtime.stderr.includes('of package log'), 'the lines are written');
      expect(jsonLines(runtime.stdout)).toContainEqual({ ...common, level: 'warn', message: 'careful', order: 'o-1' });
      expect(runtime.stdout.split('\n')).toContain('of no invocation');
      expect(runtime.stderr).toMatch(/^\d{4}\/\S+ \S+ of package log$/m);
      return;
    }
    await runtime.until(() => runtime.stdout.includes('without an end') && runtime.stderr.includes('told to'), 'the lines are written');
    expect(runtime.stdout.split('\n')).toContain('outside of an invocation');
    expect(jsonLines(runtime.stdout).filter(({ requestId }) => requestId === 'printed')).toEqual([
      { ...common, level: 'info', message: 'in two parts' }, { ...common, level: 'info', message: 'first\n  at second' },
      { requestId: 'printed', level: 'debug', message: 'own json' }, { ...common, level: 'info', message: 'without an end' },
    ]);
    expect(jsonLines(runtime.stderr).filter(({ requestId }) => requestId === 'printed')).toEqual([
      { ...common, level: 'warn', message: expect.stringMatching(/careful$/) as string }, { ...common, level: 'error', message: expect.stringMatching(/OrderError: told to/) as string },
    ]);
  });

  describe('as an HTTP server', () => {
    it('keeps connections for many requests', async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      for (let count = 0; count < 20; count += 1) expect((await runtime.ask({ path: '/number', agent })).status).toBe(200);
      expect(Object.values(agent.freeSockets).flat()).toHaveLength(1);
      agent.destroy();
    });

    it('answers pipelined requests in order', async () => {
      const one = (path: string, extra = ''): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n${extra}\r\n`;
      const answer = await raw(runtime.port, one('/number') + one('/list') + one('/string', 'Connection: close\r\n'));
      expect(answer.match(/HTTP\/1\.1 200/g)).toHaveLength(3);
      expect(answer.indexOf('42')).toBeLessThan(answer.indexOf('[1,null,true]'));
    });

    it('answers a caller that waits for 100 Continue', async () => {
      const head = 'POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n';
      const answer = await new Promise<string>((resolve, reject) => {
        const socket = connect(runtime.port, '127.0.0.1', () => socket.write(head));
        let text = '';
        socket.on('data', (chunk) => {
          if (text === '') socket.write('{}');
          text += chunk.toString();
        });
        socket.on('error', reject).on('close', () => resolve(text));
      });
      expect(answer).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
    });

    // net/http follows RFC 9112 here and lets the chunks decide; the other two refuse, which it allows as well.
    if (name !== 'go') it('refuses a length and chunks at once and hangs up', async () => {
      const answer = await raw(runtime.port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n');
      expect(answer).toMatch(/^HTTP\/1\.1 400/);
    });

    it.each([
      ['two lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd'],
      ['a bad chunk size', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n'],
      ['space before a colon', 'POST / HTTP/1.1\r\nHost : a\r\n\r\n'],
      ['no host', 'GET / HTTP/1.1\r\n\r\n'],
      ['no HTTP', 'hello\r\n\r\n'],
    ])('refuses %s and hangs up', async (_what, text) => {
      const answer = await raw(runtime.port, text);
      expect(answer).toMatch(/^(HTTP\/1\.1 4\d\d|$)/);
      expect(answer).not.toContain('HTTP/1.1 200');
    });

    it('refuses heads above 16 KiB and bodies above 16 MiB', async () => {
      expect(await raw(runtime.port, `GET /number HTTP/1.1\r\nHost: a\r\nx-a: ${'a'.repeat(20_000)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431/);
      const answer = await raw(runtime.port, 'POST /number HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 16777217\r\n\r\n');
      expect(answer).toMatch(/^HTTP\/1\.1 413/);
      const most = await runtime.ask({ path: '/number', body: Buffer.alloc(16 * 1024 * 1024) });
      expect(most.status).toBe(200);
    });
  });
});
