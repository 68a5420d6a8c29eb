import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WAKE_AUDIENCE, WAKE_PATH } from '../../contract/wake.js';
import { InternalTokenVerifier } from '../../platform/invocation/internal-token-verifier.js';
import { INTERNAL_HEADER } from '../../platform/invocation/internal-token.js';
import { TestPod, until } from '../testing/gateway-rig.js';
import { HttpWaker } from './http-waker.js';
import { WakeFailedError } from './wake-failed-error.js';

describe('HttpWaker', () => {
  const secret = randomBytes(32).toString('hex');
  const wanted = { namespace: 'ns', name: 'orders', functionId: 'id' };
  const answer = { pod: 'pool-1', address: '10.0.0.7', port: 8080, revision: 3 };
  const never = new AbortController().signal;
  let operator: TestPod;
  const bodies: unknown[] = [];

  beforeEach(async () => {
    operator = await new TestPod().start();
    bodies.length = 0;
  });
  afterEach(() => operator.stop());

  const answering = (status: number, body = ''): void => {
    operator.handler = (request, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => (text += chunk.toString())).on('end', () => {
        bodies.push(JSON.parse(text));
        response.writeHead(status).end(body);
      });
    };
  };
  const waker = (timeoutMs?: number): HttpWaker => new HttpWaker({ url: `http://127.0.0.1:${operator.port}`, secret, ...(timeoutMs ? { timeoutMs } : {}) });

  it('asks with a token of its own audience and takes the pod', async () => {
    answering(200, JSON.stringify({ ...answer, more: 'ignored' }));
    expect(await waker().wake(wanted, never)).toEqual(answer);
    expect(bodies).toEqual([wanted]);
    const [{ method, url, headers }] = operator.requests as [(typeof operator.requests)[0]];
    expect([method, url]).toEqual(['POST', WAKE_PATH]);
    const claims = new InternalTokenVerifier(secret).verify(headers[INTERNAL_HEADER] as string, 'POST', WAKE_PATH, Date.now());
    expect(claims).toMatchObject({ tenantId: '', principal: WAKE_AUDIENCE });
  });

  it('knows that a function starts cold', async () => {
    answering(204);
    expect(await waker().wake(wanted, never)).toBeUndefined();
  });

  it.each([
    [403, ''], [500, '{"pod":"x"}'], [200, 'not json'], [200, 'null'], [200, JSON.stringify({ ...answer, port: '8080' })], [200, JSON.stringify({ ...answer, pod: undefined })],
    [200, `"${'x'.repeat(10_000)}"`],
  ])('does not take %d %s for an answer', async (status, body) => {
    answering(status, body);
    await expect(waker().wake(wanted, never)).rejects.toThrow(WakeFailedError);
  });

  it('waits no longer than its timeout, nor than its caller', async () => {
    operator.handler = () => undefined;
    await expect(waker(50).wake(wanted, never)).rejects.toMatchObject({ name: 'TimeoutError' });
    const caller = new AbortController();
    const pending = waker().wake(wanted, caller.signal);
    pending.catch(() => undefined);
    await until(() => operator.requests.length === 2);
    caller.abort(new Error('gone'));
    await expect(pending).rejects.toThrow('gone');
  });

  it('refuses a secret that is too short and an address that is none', () => {
    expect(() => new HttpWaker({ url: 'http://127.0.0.1', secret: 'short' })).toThrow(RangeError);
    expect(() => new HttpWaker({ url: 'operator', secret })).toThrow(TypeError);
  });
});
