import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GatewayRig, TestTenant, until, type TestPod } from './testing/gateway-rig.js';

const HANDSHAKE = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' };

interface Opened {
  status: number;
  headers: IncomingMessage['headers'];
  /** Undefined where the answer was no 101. */
  socket: Socket | undefined;
  text: string;
}

describe('WebSockets', () => {
  let rig: GatewayRig;
  let pod: TestPod;
  let server: Server;
  /** Function-side ends of open connections, with what they were asked for. */
  const accepted: { socket: Socket; headers: IncomingMessage['headers']; url: string }[] = [];
  const sockets = new Set<Socket>();
  const shop = new TestTenant('shop');

  beforeEach(async () => {
    rig = await new GatewayRig().start({ limits: { maxWaitMs: 300 } });
    rig.sink.upsertAccess(shop.accessList());
    server = createServer((_request, response) => response.writeHead(426, { 'content-type': 'text/plain' }).end('not that one'));
    server.on('upgrade', (asked: IncomingMessage, socket: Socket, head: Buffer) => {
      accepted.push({ socket, headers: asked.headers, url: asked.url! });
      sockets.add(socket);
      socket.on('error', () => undefined);
      if (asked.url === '/refuse') return void socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno');
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nX-Own: 1\r\n\r\n');
      if (head.length > 0) socket.write(head);
      socket.pipe(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    pod = await rig.pod();
    await pod.stop();
    pod.port = (server.address() as AddressInfo).port;
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
    accepted.length = 0;
    await rig.stop();
    await new Promise((resolve) => server.close(resolve));
  });

  function open(path: string, headers: Record<string, string> = HANDSHAKE): Promise<Opened> {
    return new Promise((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port: rig.port, path, agent: false, headers });
      sent.once('upgrade', (answer, socket: Socket, head) => {
        sockets.add(socket);
        socket.on('error', () => undefined);
        if (head.length > 0) socket.unshift(head);
        resolve({ status: answer.statusCode!, headers: answer.headers, socket, text: '' });
      });
      sent.once('response', (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk)).once('end', () => resolve({ status: answer.statusCode!, headers: answer.headers, socket: undefined, text: Buffer.concat(chunks).toString() }));
      });
      sent.once('error', reject).end();
    });
  }

  async function echoed(socket: Socket, bytes: Buffer): Promise<void> {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.write(bytes);
    await until(() => Buffer.concat(chunks).equals(bytes));
    socket.removeAllListeners('data');
  }

  const inFlight = (): Promise<number> => rig.metric('fnplane_gateway_in_flight_requests');

  it('pass through both ways, with what the gateway says of a request, and count as one invocation until they end', async () => {
    rig.deploy(shop, 'chat', [pod], { authentication: 'none' }, { metering: 'gateway' });
    const { status, headers, socket } = await open('/shop/chat/room?x=1', { ...HANDSHAKE, 'x-request-id': 'ws-1', 'sec-websocket-protocol': 'v1' });
    expect([status, headers]).toEqual([101, expect.objectContaining({ upgrade: 'websocket', 'sec-websocket-accept': 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=', 'x-own': '1', 'x-request-id': 'ws-1', 'x-fnplane-served-by': 'chat@1' })]);
    expect(accepted[0]).toMatchObject({ url: '/room?x=1', headers: { upgrade: 'websocket', 'sec-websocket-key': HANDSHAKE['sec-websocket-key'], 'sec-websocket-protocol': 'v1', 'x-request-id': 'ws-1' } });
    await echoed(socket!, Buffer.from([0x81, 0x85, 0, 255, 128]));
    await echoed(socket!, Buffer.alloc(3 * 1024 * 1024, 7));
    expect(rig.gateway.usageReport().functions).toEqual([]);
    socket!.end();
    await until(() => rig.gateway.usageReport().functions.length === 1);
    expect(rig.gateway.usageReport().functions[0]).toMatchObject({ invocations: 1, requestBytes: 3 * 1024 * 1024 + 5, responseBytes: 3 * 1024 * 1024 + 5 });
    await until(() => accepted[0]!.socket.destroyed);
    expect(await inFlight()).toBe(0);
  });

  it('end for the caller when the function ends them', async () => {
    rig.deploy(shop, 'chat', [pod], { authentication: 'none' });
    const { socket } = await open('/shop/chat');
    const closed = once(socket!, 'close');
    socket!.resume();
    accepted[0]!.socket.destroy();
    await closed;
    await until(async () => (await inFlight()) === 0);
  });

  it('last no longer than the function\'s timeout, and no longer than the gateway', async () => {
    rig.deploy(shop, 'chat', [pod], { authentication: 'none' }, { timeoutSeconds: 1 });
    const short = await open('/shop/chat');
    short.socket!.resume();
    await once(short.socket!, 'close');
    rig.deploy(shop, 'chat', [pod], { authentication: 'none' }, { timeoutSeconds: 60 });
    const { socket } = await open('/shop/chat');
    socket!.resume();
    const closed = once(socket!, 'close');
    await rig.gateway.stop(50);
    await closed;
  });

  it('are held to credentials, limits and rules like any request; refusals and other answers are read as such', async () => {
    rig.deploy(shop, 'chat', [pod], { triggers: { http: [{ name: 't', host: 'chat.example', path: { type: 'prefix', value: '/' }, authentication: 'public', cors: { allowOrigins: ['https://a.example'] } }] } });
    const refused = await open('/shop/chat');
    expect([refused.status, refused.headers.connection, JSON.parse(refused.text)]).toEqual([401, 'close', expect.objectContaining({ code: 'AUTHENTICATION_REQUIRED' })]);
    expect((await open('/shop/chat', { ...HANDSHAKE, 'x-api-key': shop.key })).status).toBe(101);
    const triggered = await open('/x', { ...HANDSHAKE, host: 'chat.example', origin: 'https://a.example' });
    expect([triggered.status, triggered.headers['access-control-allow-origin']]).toEqual([101, 'https://a.example']);
    const declined = await open('/shop/chat/refuse', { ...HANDSHAKE, 'x-api-key': shop.key });
    expect([declined.status, declined.text]).toEqual([403, 'no']);
    rig.endpoints(shop, 'chat', []);
    expect([(await open('/shop/chat', { ...HANDSHAKE, 'x-api-key': shop.key })).status, accepted.length]).toEqual([503, 3]);
  });

  it('are the only protocol that is passed on: others are requests like any', async () => {
    rig.deploy(shop, 'chat', [pod], { authentication: 'none' });
    const answer = await open('/shop/chat', { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQAAP__' });
    expect([answer.status, answer.text, accepted.length]).toEqual([426, 'not that one', 0]);
  });
});
