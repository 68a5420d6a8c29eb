import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { FunctionResource } from '../../contract/function-resource.js';
import { WAKE_AUDIENCE, WAKE_PATH, type WakeAnswer, type WakeRequest } from '../../contract/wake.js';
import { InternalTokenSigner } from '../../platform/invocation/internal-token-signer.js';
import { InternalTokenVerifier } from '../../platform/invocation/internal-token-verifier.js';
import { INTERNAL_HEADER } from '../../platform/invocation/internal-token.js';
import { ManagementServer } from '../../platform/observability/management-server.js';
import { functionOf } from '../function/testing/observed.js';
import { OperatorWaker, type ClaimPod } from './operator-waker.js';
import { wakeEndpoint } from './wake-endpoint.js';

const POD: WakeAnswer = { pod: 'pool-1', address: '10.1.2.3', port: 8080, revision: 1 };
const never = (): AbortSignal => new AbortController().signal;

let fn: FunctionResource;
let now: number;
let enqueued: string[];
let claimed: FunctionResource[];
let hasReadyPod: boolean;

beforeEach(() => {
  [fn, now, enqueued, claimed, hasReadyPod] = [functionOf({ scaling: { min: 0, max: 1 } }), 1_000_000, [], [], false];
});

const requestOf = (more: Partial<WakeRequest> = {}): WakeRequest => ({ namespace: 'fnp-team', name: 'shop', functionId: fn.spec.functionId, ...more });

function wakerOf(claim?: ClaimPod): OperatorWaker {
  return new OperatorWaker({
    find: ({ namespace, name }) => (namespace === fn.metadata.namespace && name === fn.metadata.name ? fn : undefined),
    hasReadyPod: () => hasReadyPod, enqueue: (key) => enqueued.push(key), now: () => now,
    claim: claim && ((wanted, signal) => {
      claimed.push(wanted);
      return claim(wanted, signal);
    }),
  });
}

describe('waking in the operator\'s process', () => {
  test('marks the function, has it reconciled at once and answers with a warm pod', async () => {
    const waker = wakerOf(() => Promise.resolve(POD));
    expect(await waker.wake(requestOf(), never())).toEqual(POD);
    expect([enqueued, waker.wokenAt(fn.spec.functionId)]).toEqual([['fnp-team/shop'], now]);
  });

  test('answers nothing where it starts cold: without a pool, with an empty one, with one that fails', async () => {
    const answers = await Promise.all([undefined, () => Promise.resolve(undefined), () => Promise.reject(new Error('no pool'))].map((claim) => wakerOf(claim).wake(requestOf(), never())));
    expect(answers).toEqual([undefined, undefined, undefined]);
    // At once, and once more where a pod of the pool had been hoped for.
    expect(enqueued).toHaveLength(5);
  });

  test('holds the function\'s own pods back while one is taken, until it can be seen; and no longer where none could', async () => {
    let give: (pod: WakeAnswer | undefined) => void = () => undefined;
    const waker = wakerOf(() => new Promise((resolve) => { give = resolve; }));
    for (const [pod, after] of [[undefined, false], [POD, true]] as const) {
      const asked = waker.wake(requestOf(), never());
      expect(waker.isClaiming(fn.spec.functionId)).toBe(true);
      give(pod);
      await asked;
      expect(waker.isClaiming(fn.spec.functionId)).toBe(after);
    }
    await waker.stop();
  });

  test('takes no pod for a function that has one', async () => {
    hasReadyPod = true;
    expect(await wakerOf(() => Promise.resolve(POD)).wake(requestOf(), never())).toBeUndefined();
    expect([claimed, enqueued]).toEqual([[], ['fnp-team/shop']]);
  });

  test.each<[string, Partial<FunctionResource['spec']>, Partial<WakeRequest>, Partial<FunctionResource['metadata']>]>([
    ['that is unknown', {}, { name: 'other' }, {}],
    ['of another life', {}, { functionId: '99999999-9999-4999-8999-999999999999' }, {}],
    ['whose compute is suspended', { suspension: 'compute' }, {}, {}],
    ['whose ingress is suspended', { suspension: 'ingress' }, {}, {}],
    ['that is being deleted', {}, {}, { deletionTimestamp: '2026-01-01T12:00:00Z' }],
  ])('does not wake a function %s', async (_, spec, request, metadata) => {
    fn = { ...fn, spec: { ...fn.spec, ...spec }, metadata: { ...fn.metadata, ...metadata } };
    const waker = wakerOf(() => Promise.resolve(POD));
    expect(await waker.wake(requestOf(request), never())).toBeUndefined();
    expect([enqueued, claimed, waker.wokenAt(fn.spec.functionId)]).toEqual([[], [], undefined]);
  });

  test('claims once for all that ask, and goes on when one of them gives up', async () => {
    const { promise, resolve } = Promise.withResolvers<WakeAnswer>();
    const waker = wakerOf(() => promise);
    const [impatient, gone] = [new AbortController(), new AbortController()];
    gone.abort(new Error('was gone before'));
    const first = waker.wake(requestOf(), impatient.signal);
    const second = waker.wake(requestOf(), never());
    impatient.abort(new Error('gave up'));
    await expect(first).rejects.toThrow('gave up');
    await expect(waker.wake(requestOf(), gone.signal)).rejects.toThrow('was gone before');
    resolve(POD);
    expect(await second).toEqual(POD);
    expect(claimed).toHaveLength(1);
    await waker.wake(requestOf(), never());
    expect(claimed).toHaveLength(2);
  });

  test('ends its claims with itself', async () => {
    const waker = wakerOf((_, signal) => new Promise((_resolve, reject) => { signal.addEventListener('abort', () => reject(signal.reason as Error)); }));
    const answer = waker.wake(requestOf(), never());
    await waker.stop();
    expect(await answer).toBeUndefined();
  });

  test('forgets what was asked long ago', async () => {
    const waker = wakerOf();
    await waker.wake(requestOf(), never());
    const first = fn.spec.functionId;
    fn = functionOf({ functionId: '33333333-3333-4333-8333-333333333333' });
    now += 11 * 60_000;
    await waker.wake(requestOf(), never());
    expect([waker.wokenAt(first), waker.wokenAt(fn.spec.functionId)]).toEqual([undefined, now]);
  });
});

describe('POST /internal/wake', () => {
  const SECRET = 'a secret of at least thirty-two characters';
  const server = new ManagementServer({ host: '127.0.0.1', port: 0 });
  let url: string;
  let answer: WakeAnswer | undefined;

  beforeAll(async () => {
    server.addAction(WAKE_PATH, wakeEndpoint({ wake: () => Promise.resolve(answer) }, new InternalTokenVerifier(SECRET)));
    url = `http://127.0.0.1:${await server.start()}${WAKE_PATH}`;
  });
  afterAll(() => server.stop());
  beforeEach(() => { answer = POD; });

  const tokenOf = (principal = WAKE_AUDIENCE, secret = SECRET, target = WAKE_PATH, tenantId = ''): string =>
    new InternalTokenSigner(secret).sign({ tenantId, principal, expiresAt: Date.now() + 30_000 }, 'POST', target);
  const ask = (body: string, token: string | undefined = tokenOf(), method = 'POST'): Promise<Response> =>
    fetch(url, { method, headers: { 'content-type': 'application/json', ...(token ? { [INTERNAL_HEADER]: token } : {}) }, ...(method === 'GET' ? {} : { body }) });

  test('answers with the pod, or 204 where the function starts cold', async () => {
    const warm = await ask(JSON.stringify(requestOf()));
    expect([warm.status, await warm.json()]).toEqual([200, POD]);
    answer = undefined;
    const cold = await ask(JSON.stringify(requestOf()));
    expect([cold.status, await cold.text()]).toEqual([204, '']);
  });

  test.each<[string, string]>([
    ['no', ''],
    ['a made-up', 'v1.e30.e30'],
    ['another secret\'s', tokenOf(WAKE_AUDIENCE, 'another secret of thirty-two characters')],
    ['another audience\'s', tokenOf('someone')],
    ['another path\'s', tokenOf(WAKE_AUDIENCE, SECRET, '/internal/usage')],
    ['a tenant\'s', tokenOf(WAKE_AUDIENCE, SECRET, WAKE_PATH, '11111111-1111-4111-8111-111111111111')],
  ])('refuses %s token', async (_, token) => {
    expect((await ask(JSON.stringify(requestOf()), token)).status).toBe(401);
  });

  test('refuses what is no request', async () => {
    const bodies = ['', '{', '[]', JSON.stringify({ namespace: 'a', name: 'b' }), JSON.stringify({ ...requestOf(), more: 1 }), 'x'.repeat(20_000)];
    expect(await Promise.all(bodies.map(async (body) => (await ask(body)).status))).toEqual([400, 400, 400, 400, 400, 413]);
    expect((await ask('', undefined, 'GET')).status).toBe(405);
  });
});
