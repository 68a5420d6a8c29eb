import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { randomName, startApi, type TestApi } from '../../../test/support/api.js';
import type { Condition, FunctionResource, FunctionStatus, RolloutPhase } from '../../contract/function-resource.js';
import { systemContext, tenantJobContext, type TenantContext } from '../../platform/context/context.js';
import type { TenantFacts } from '../tenants/tenant-participants.js';
import { FunctionProgress } from './function-progress.js';

const inline = (text: string) => ({ runtime: 'python', source: { inline: { 'handler.py': `x = "${text}"` } } });
const CANARY = { rollout: { strategy: 'canary', steps: [{ setWeight: 20 }, { pause: {} }, { setWeight: 50 }, { pause: { seconds: 120 } }] } };
const IMAGE = `registry.example/team/app@sha256:${'a'.repeat(64)}`;
const VERBS = ['promote', 'pause', 'resume', 'abort', 'retry'] as const;
type Verb = (typeof VERBS)[number];

const KAFKA = { brokers: ['kafka.example:9092'], topic: 'orders', consumerGroup: 'shop' };
let api: TestApi;
let tenant: TenantFacts;
let context: TenantContext;
let path: string;

beforeAll(async () => {
  api = await startApi({ FNPLANE_GATEWAY_URL: 'https://run.example' });
});
afterAll(() => api.stop());
beforeEach(async () => {
  tenant = (await api.operator.post('/v1/tenants', { name: randomName('t') })).body as TenantFacts;
  context = tenantJobContext('spec', tenant);
  path = `/v1/tenants/${tenant.name}/functions/f`;
});

function rows<T>(sql: string, values: unknown[] = []): Promise<T[]> {
  return api.plane.database.transaction(systemContext('spec'), (manager) => manager.query<T[]>(sql, values));
}

async function deploy(body: Record<string, unknown>): Promise<{ id: string; operation: string }> {
  const { status, body: answer } = await api.operator.put(path, body);
  expect([status, answer.code]).toEqual([202, undefined]);
  await rows(`UPDATE revision SET build_state = 'built', image = $2 WHERE function_id = $1 AND build_state = 'pending'`, [answer.id, IMAGE]);
  return { id: answer.id as string, operation: answer.operation.id as string };
}

interface Row {
  id: string;
  generation: number;
  target: number;
  state: { attempt: number };
}

async function row(): Promise<Row> {
  const [found] = await rows<Row>('SELECT id, generation, target_revision AS target, rollout_state AS state FROM function WHERE tenant_id = $1', [tenant.id]);
  return found!;
}

/** As the operator of a cluster tells. */
async function tells(status: FunctionStatus, ready: [Condition['status'], Condition['reason'], string] = ['True', 'Ready', 'fine']): Promise<void> {
  const { id, generation, target } = await row();
  const [is, reason, message] = ready;
  const conditions: Condition[] = [{ type: 'Ready', status: is, reason, message, lastTransitionTime: '2026-01-01T00:00:00Z' }];
  const resource = { spec: { target }, status: { observedPlatformGeneration: generation, replicas: 1, readyReplicas: 1, ...status, conditions } } as FunctionResource;
  await api.plane.app.get(FunctionProgress, { strict: false }).observed(context, id, resource);
}

/** Revision 1 serves, and revision 2 is on its way. */
async function releasing(more: Record<string, unknown> = CANARY): Promise<{ operation: string }> {
  await deploy({ ...inline('one'), ...more });
  await tells({ servingRevision: 1 });
  return deploy({ ...inline('two'), ...more });
}

const READY_OF: Record<RolloutPhase, ['True' | 'False', Condition['reason']]> = {
  waiting: ['False', 'RollingOut'], stepping: ['False', 'RollingOut'], paused: ['False', 'RolloutPaused'], completed: ['True', 'Ready'], aborted: ['False', 'RolloutAborted'],
};

async function tellsRollout(phase: RolloutPhase, step: number, weight: number, message?: string): Promise<void> {
  const { target, state } = await row();
  const ready = READY_OF[phase];
  const traffic = [{ revision: 1, percent: 100 - weight }, { revision: target, percent: weight }].filter(({ percent }) => percent > 0);
  await tells({ servingRevision: weight > 50 ? target : 1, traffic, rollout: { revision: target, attempt: state.attempt, phase, step, weight, stable: 1, message } }, [...ready, message ?? '']);
}

async function operation(id: string): Promise<{ state: string; reason?: string; message?: string }> {
  return (await api.operator.get(`/v1/tenants/${tenant.name}/operations/${id}`)).body as { state: string };
}

interface Outcome {
  code?: string;
  /** Of the first field problem, as it is told. */
  field?: string;
  operation?: string;
  target?: number;
}

interface Transport {
  rollback(revision?: number, etag?: string): Promise<Outcome>;
  steer(verb: Verb, etag?: string): Promise<Outcome>;
  pin(number: number, pinned: boolean, etag?: string): Promise<Outcome & { pinned?: boolean }>;
}

const quoted = (etag?: string) => (etag === undefined ? {} : { headers: { 'if-match': `"${etag}"` } });

const REST: Transport = {
  rollback: async (revision, etag) => ofRest(await api.operator.post(`${path}/rollback`, { revision }, quoted(etag))),
  steer: async (verb, etag) => ofRest(await api.operator.post(`${path}/rollout/${verb}`, undefined, quoted(etag))),
  pin: async (number, pinned, etag) => {
    const answer = await api.operator.patch(`${path}/revisions/${number}`, { pinned }, quoted(etag));
    return { ...ofRest(answer), pinned: answer.body.pinned as boolean };
  },
};

function ofRest({ status, body }: Awaited<ReturnType<TestApi['operator']['post']>>): Outcome {
  if (status >= 400) return { code: body.code as string, field: body.errors?.[0]?.pointer as string | undefined };
  expect(status).toBe(body.operation || body.number ? (body.number ? 200 : 202) : 200);
  return { operation: body.operation?.id as string | undefined, target: body.status?.targetRevision as number | undefined };
}

const PAYLOAD = '{ function { status { targetRevision } } operation { uuid } userErrors { field code } }';

async function mutate(name: string, type: string, input: object, etag: string | undefined, selection = PAYLOAD): Promise<Outcome & { revision?: { pinned: boolean } }> {
  const { body } = await api.operator.graphql(`mutation($input: ${type}!) { ${name}(input: $input) ${selection} }`, { input: { tenant: tenant.name, function: 'f', ifMatch: etag, ...input } });
  expect(body.errors).toBeUndefined();
  const { userErrors: [error], ...payload } = body.data[name] as { userErrors: { code: string; field: string[] | null }[]; function?: { status: { targetRevision: number } }; operation?: { uuid: string }; revision?: { pinned: boolean } };
  if (error) return { code: error.code, field: error.field ? `/${error.field.slice(1).join('/')}` : undefined };
  return { operation: payload.operation?.uuid, target: payload.function?.status.targetRevision, revision: payload.revision };
}

const GRAPHQL: Transport = {
  rollback: (revision, etag) => mutate('rollbackFunction', 'RollbackFunctionInput', { revision }, etag),
  steer: (verb, etag) => mutate(`${verb}Rollout`, 'RolloutInput', {}, etag),
  pin: async (number, pinned, etag) => {
    const { revision, ...outcome } = await mutate('pinRevision', 'PinRevisionInput', { number, pinned }, etag, '{ revision { number pinned } userErrors { field code } }');
    return { ...outcome, pinned: revision?.pinned };
  },
};

describe.each([['REST', REST], ['GraphQL', GRAPHQL]])('through %s', (_, transport) => {
  it('a rollback goes to what serves while the target does not, at once, and takes the function\'s words with it', async () => {
    const { operation: deployed } = await releasing();
    await tellsRollout('paused', 1, 20);
    const outcome = await transport.rollback();
    expect(outcome).toMatchObject({ target: 1 });
    expect((await api.operator.get(path)).body).toMatchObject({ generation: 3, ...inline('one'), ...CANARY, effective: { rollout: CANARY.rollout }, status: { targetRevision: 1 } });
    expect((await row()).state).toEqual({ attempt: 3, immediate: true });
    expect((await operation(deployed)).state).toBe('superseded');
    await tells({ servingRevision: 1, traffic: [{ revision: 1, percent: 100 }] });
    expect((await operation(outcome.operation!)).state).toBe('succeeded');
    expect(await rows('SELECT action FROM audit_entry WHERE target_id = $1 ORDER BY at DESC LIMIT 1', [(await row()).id])).toEqual([{ action: 'function.rollback' }]);
    // The number of the next revision is none that was used.
    await deploy(inline('three'));
    expect((await row()).target).toBe(3);
  });

  it('a rollback goes to what served before the target, or where it is sent', async () => {
    await releasing({});
    await tells({ servingRevision: 2 });
    await deploy(inline('three'));
    await tells({ servingRevision: 3 });
    expect(await transport.rollback()).toMatchObject({ target: 2 });
    expect(await transport.rollback(1)).toMatchObject({ target: 1 });
    expect(await transport.rollback(1)).toEqual({ operation: undefined, target: 1 });
  });

  it('a rollback that cannot be is refused in words, and leaves everything', async () => {
    const { id } = await deploy(inline('one'));
    expect(await transport.rollback()).toMatchObject({ code: 'ROLLBACK_WITHOUT_GOAL' });
    expect(await transport.rollback(7)).toEqual({ code: 'REVISION_NOT_FOUND', field: '/revision' });
    await deploy(inline('two'));
    await rows(`UPDATE revision SET build_state = 'failed', build_error = 'x' WHERE function_id = $1 AND number = 1`, [id]);
    expect(await transport.rollback(1)).toEqual({ code: 'REVISION_NOT_BUILT', field: '/revision' });
    await rows(`UPDATE revision SET build_state = 'built' WHERE function_id = $1 AND number = 1`, [id]);
    await api.operator.patch(path, { traffic: [{ revision: 2, percent: 100 }] });
    expect(await transport.rollback(1)).toMatchObject({ code: 'TRAFFIC_FIXED' });
    expect((await row()).target).toBe(2);
  });

  it('a rollback to what names a secret that is gone is refused', async () => {
    const secrets = `/v1/tenants/${tenant.name}/secrets`;
    await api.operator.post(secrets, { name: 'old', data: { A: '1' } });
    await deploy({ ...inline('one'), secrets: ['old'] });
    await deploy(inline('two'));
    expect((await api.operator.delete(`${secrets}/old`)).status).toBeLessThan(300);
    expect(await transport.rollback(1)).toEqual({ code: 'SECRET_NOT_FOUND', field: '/revision' });
  });

  it('a canary is paused, resumed and promoted by its owner', async () => {
    await releasing();
    await tellsRollout('stepping', 0, 20);
    const paused = await transport.steer('pause');
    expect(paused.operation).toBeDefined();
    expect((await row()).state).toEqual({ attempt: 2, paused: true });
    expect((await transport.steer('pause')).operation).toBeUndefined();
    await tellsRollout('paused', 1, 20);
    expect((await operation(paused.operation!)).state).toBe('succeeded');
    const resumed = await transport.steer('resume');
    expect((await row()).state).toEqual({ attempt: 2, resumedStep: 2 });
    await tellsRollout('paused', 3, 50);
    expect((await operation(resumed.operation!)).state).toBe('running');
    const promoted = await transport.steer('promote');
    expect((await row()).state).toEqual({ attempt: 2, resumedStep: 2, promoted: true });
    await tellsRollout('completed', 4, 100);
    expect((await operation(promoted.operation!)).state).toBe('succeeded');
    expect(await rows(`SELECT action FROM audit_entry WHERE target_id = $1 AND action LIKE 'rollout.%' ORDER BY at`, [(await row()).id])).toEqual(['pause', 'resume', 'promote'].map((verb) => ({ action: `rollout.${verb}` })));
  });

  it('what its owner aborts has been aborted, and is tried again from the first step', async () => {
    await releasing();
    await tellsRollout('paused', 1, 20);
    const aborted = await transport.steer('abort');
    expect((await row()).state).toEqual({ attempt: 2, aborted: true });
    await tellsRollout('aborted', 1, 0, 'Aborted by its owner.');
    expect((await operation(aborted.operation!)).state).toBe('succeeded');
    for (const verb of ['promote', 'pause', 'resume'] as const) expect(await transport.steer(verb)).toMatchObject({ code: 'ROLLOUT_ABORTED' });
    const retried = await transport.steer('retry');
    expect((await row()).state).toEqual({ attempt: 3 });
    expect((await api.operator.get(path)).body.status.rollout).toEqual({ revision: 2, attempt: 3, phase: 'waiting', step: 0, weight: 0, stable: 1 });
    await tellsRollout('completed', 4, 100);
    expect((await operation(retried.operation!)).state).toBe('succeeded');
  });

  it('each new target starts anew, with a try of its own', async () => {
    await releasing();
    await transport.steer('pause');
    await deploy({ ...inline('three'), ...CANARY });
    expect((await row()).state).toEqual({ attempt: 3 });
  });

  it('verbs that do not apply are refused in words', async () => {
    await deploy(inline('one'));
    expect(await transport.steer('abort')).toMatchObject({ code: 'ROLLOUT_NOTHING_BEFORE' });
    expect(await transport.steer('retry')).toMatchObject({ code: 'ROLLOUT_NOT_ABORTED' });
    expect(await transport.steer('resume')).toMatchObject({ code: 'ROLLOUT_NOT_PAUSED' });
    await tells({ servingRevision: 1 });
    for (const verb of ['promote', 'pause', 'resume', 'abort'] as const) expect(await transport.steer(verb)).toMatchObject({ code: 'ROLLOUT_NOT_UNDER_WAY' });
    expect((await row()).generation).toBe(1);
    await api.operator.delete(path);
    for (const verb of VERBS) expect(await transport.steer(verb)).toMatchObject({ code: 'FUNCTION_DELETING' });
    expect(await transport.rollback(1)).toMatchObject({ code: 'FUNCTION_DELETING' });
  });

  it('all of them honour the etag they are based on', async () => {
    await releasing();
    const stale = (await api.operator.get(path)).body.etag as string;
    await api.operator.patch(path, { labels: { a: '1' } });
    for (const verb of VERBS) expect(await transport.steer(verb, stale)).toMatchObject({ code: 'ETAG_MISMATCH' });
    expect(await transport.rollback(1, stale)).toMatchObject({ code: 'ETAG_MISMATCH' });
    expect(await transport.pin(1, true, stale)).toMatchObject({ code: 'ETAG_MISMATCH' });
    const { etag } = (await api.operator.get(path)).body as { etag: string };
    expect(await transport.pin(1, true, etag)).toMatchObject({ pinned: true });
    expect((await api.operator.get(path)).body.etag).not.toBe(etag);
  });

  it('a pinned revision outlives the history', async () => {
    await api.operator.patch(`/v1/tenants/${tenant.name}/quota`, { overrides: { revisionsKept: 2 } });
    await deploy(inline('one'));
    expect(await transport.pin(1, true)).toMatchObject({ pinned: true });
    expect(await transport.pin(9, true)).toMatchObject({ code: 'REVISION_NOT_FOUND' });
    for (const text of ['two', 'three', 'four', 'five']) await deploy(inline(text));
    expect(await numbers()).toEqual([1, 4, 5]);
    expect(await transport.pin(1, false)).toMatchObject({ pinned: false });
    await deploy(inline('six'));
    expect(await numbers()).toEqual([5, 6]);
  });
});

async function numbers(): Promise<number[]> {
  return ((await api.operator.get(`${path}/revisions`)).body.items as { number: number }[]).map(({ number }) => number);
}

describe('the history', () => {
  it('keeps what serves, what served before, and what traffic names, whatever its age', async () => {
    await api.operator.patch(`/v1/tenants/${tenant.name}/quota`, { overrides: { revisionsKept: 1 } });
    await deploy(inline('one'));
    await tells({ servingRevision: 1 });
    await deploy(inline('two'));
    await tells({ servingRevision: 2 });
    const traffic = [{ percent: 100 }, { revision: 1, percent: 0, tag: 'old' }];
    await deploy({ ...inline('three'), traffic });
    await tells({ servingRevision: 3 });
    await deploy({ ...inline('four'), traffic });
    expect(await numbers()).toEqual([1, 2, 3, 4]);
    await tells({ servingRevision: 4 });
    await deploy(inline('five'));
    expect(await numbers()).toEqual([3, 4, 5]);
    const answer = await api.operator.patch(path, { traffic });
    expect([answer.status, answer.body.errors[0].pointer]).toEqual([422, '/traffic/1/revision']);
  });

  it('pins twenty revisions at most', async () => {
    const { id } = await deploy(inline('one'));
    await rows(`INSERT INTO revision (tenant_id, function_id, number, spec, effective, build_state, created_by, secret_versions, pinned)
      SELECT tenant_id, function_id, n, spec, effective, build_state, created_by, secret_versions, true FROM revision, generate_series(2, 21) n WHERE function_id = $1`, [id]);
    expect(await REST.pin(1, true)).toMatchObject({ code: 'TOO_MANY_PINNED' });
    await REST.pin(2, false);
    expect(await REST.pin(1, true)).toMatchObject({ pinned: true });
  });
});

describe('settings of releases', () => {
  const SETTINGS = {
    scaling: { min: 1, max: 5, metric: 'requests', target: 50, burst: 2, scaleDownDelaySeconds: 30, idleTimeoutSeconds: 60, maxLifetimeSeconds: 3600 },
    traffic: [{ percent: 90 }, { revision: 1, percent: 10, tag: 'first' }],
    rollout: { strategy: 'canary', steps: [{ setWeight: 10 }, { pause: {} }], analysis: { maxErrorPercent: 5, maxLatencyMs: 500 } },
  };

  it('need no revision, are answered as they were sent, and stand beside what is in force', async () => {
    await deploy(inline('one'));
    const { body } = await api.operator.patch(path, SETTINGS);
    expect(body).toMatchObject({ ...SETTINGS, generation: 2, status: { targetRevision: 1 }, operation: { kind: 'function.update' } });
    expect(body.effective).toMatchObject({ ...SETTINGS, rollout: { ...SETTINGS.rollout, analysis: { ...SETTINGS.rollout.analysis, windowSeconds: 60, minRequests: 20 } } });
    expect((await api.operator.put(path, { ...inline('one'), ...SETTINGS })).status).toBe(200);
    const removed = await api.operator.patch(path, { scaling: { metric: null, target: null, burst: null }, traffic: null, rollout: { analysis: null, steps: null } });
    expect(removed.body).toMatchObject({ rollout: { strategy: 'canary' }, generation: 3 });
    expect(removed.body).not.toHaveProperty('traffic');
    expect(removed.body.effective).toMatchObject({ traffic: [{ percent: 100 }], scaling: { metric: 'concurrency', target: 10, burst: 10 }, rollout: { steps: [{ setWeight: 20 }, { pause: { seconds: 60 } }, { setWeight: 50 }, { pause: { seconds: 120 } }] } });
  });

  it('read the same in GraphQL', async () => {
    await deploy(inline('one'));
    const change = { scaling: { ...SETTINGS.scaling, metric: 'REQUESTS' }, traffic: SETTINGS.traffic, rollout: { ...SETTINGS.rollout, strategy: 'CANARY' } };
    const fields = `scaling { min max metric target burst scaleDownDelaySeconds idleTimeoutSeconds maxLifetimeSeconds } traffic { revision percent tag }
      rollout { strategy steps { setWeight pause { seconds } } autoPromoteSeconds analysis { maxErrorPercent maxLatencyMs windowSeconds minRequests } }`;
    const { body } = await api.operator.graphql(`mutation($input: PatchFunctionInput!) { patchFunction(input: $input) { function { ${fields} effective { ${fields} } } userErrors { code message } } }`, { input: { tenant: tenant.name, function: 'f', change } });
    expect(body).not.toHaveProperty('errors');
    const { effective, ...sent } = body.data.patchFunction.function;
    expect(sent).toMatchObject({ scaling: change.scaling, traffic: [{ revision: null, percent: 90, tag: null }, SETTINGS.traffic[1]], rollout: { strategy: 'CANARY', analysis: { windowSeconds: null } } });
    expect(effective).toMatchObject({ scaling: change.scaling, rollout: { steps: [{ setWeight: 10, pause: null }, { setWeight: null, pause: { seconds: null } }], analysis: { windowSeconds: 60 } } });
    expect((await api.operator.get(path)).body).toMatchObject(SETTINGS);
  });

  it('follow the concurrency of the target, back and forth', async () => {
    const target = async () => (await api.operator.get(path)).body.effective.scaling.target as number;
    await deploy({ ...inline('one'), concurrency: 4, scaling: { max: 3 } });
    await tells({ servingRevision: 1 });
    expect(await target()).toBe(4);
    await deploy({ ...inline('one'), concurrency: 8, scaling: { max: 3 } });
    expect(await target()).toBe(8);
    await REST.rollback();
    expect(await target()).toBe(4);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['percentages that do not sum to 100', { traffic: [{ percent: 60 }, { revision: 1, percent: 30 }] }, '/traffic'],
    ['an unknown revision', { traffic: [{ percent: 50 }, { revision: 8, percent: 50 }] }, '/traffic/1/revision'],
    ['a revision that is no number of one', { traffic: [{ revision: 0, percent: 100 }] }, '/traffic/0/revision'],
    ['a share of half a percent', { traffic: [{ percent: 99.5 }] }, '/traffic/0/percent'],
    ['the tag preview', { traffic: [{ percent: 100, tag: 'preview' }] }, '/traffic/0/tag'],
    ['an unknown field of a rule', { traffic: [{ percent: 100, weight: 1 }] }, '/traffic/0/weight'],
    ['min above max', { scaling: { min: 3, max: 2 } }, '/scaling/min'],
    ['Kafka lag of nothing', { scaling: { max: 2, metric: 'kafka-lag' } }, '/scaling/kafka'],
    ['what is no broker', { scaling: { max: 2, metric: 'kafka-lag', kafka: { ...KAFKA, brokers: ['kafka.example'] } } }, '/scaling/kafka/brokers/0'],
    ['a broker on the inside', { scaling: { max: 2, metric: 'kafka-lag', kafka: { ...KAFKA, brokers: ['kafka.example:9092', '10.0.0.1:9092'] } } }, '/scaling/kafka/brokers/1'],
    ['brokers by an unknown secret', { scaling: { max: 2, metric: 'kafka-lag', kafka: { ...KAFKA, tls: true, secret: 'nowhere' } } }, '/scaling/kafka/secret'],
    ['an unknown field of the brokers', { scaling: { max: 2, metric: 'kafka-lag', kafka: { ...KAFKA, password: 'x' } } }, '/scaling/kafka/password'],
    ['an unknown metric', { scaling: { max: 2, metric: 'memory' } }, '/scaling/metric'],
    ['a target out of range', { scaling: { max: 2, metric: 'cpu', target: 500 } }, '/scaling/target'],
    ['a canary at zero', { scaling: { min: 0 }, rollout: { strategy: 'canary' } }, '/rollout/strategy'],
    ['steps of no canary', { rollout: { strategy: 'blue-green', steps: [{ setWeight: 1 }] } }, '/rollout/steps'],
    ['a step of both kinds', { rollout: { strategy: 'canary', steps: [{ setWeight: 1, pause: {} }] } }, '/rollout/steps/0'],
    ['a weight above all', { rollout: { strategy: 'canary', steps: [{ setWeight: 101 }] } }, '/rollout/steps/0/setWeight'],
    ['an unknown strategy', { rollout: { strategy: 'shadow' } }, '/rollout/strategy'],
    ['the state of a rollout', { rollout: { paused: true } }, '/rollout/paused'],
  ])('with %s are refused with a pointer, through both APIs, and change nothing', async (_, settings, pointer) => {
    await deploy(inline('one'));
    const before = (await api.operator.get(path)).body;
    const answer = await api.operator.patch(path, settings);
    expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([422, pointer]);
    const { body } = await api.operator.graphql('mutation($input: PatchFunctionInput!) { patchFunction(input: $input) { userErrors { field } } }', { input: { tenant: tenant.name, function: 'f', change: upper(settings) } });
    const told = body.errors ? undefined : `/${body.data.patchFunction.userErrors[0].field.slice(2).join('/')}`;
    // What the schema itself forbids never reaches the function.
    expect(told ?? pointer).toBe(pointer);
    expect((await api.operator.get(path)).body).toEqual(before);
  });

  it('that name revisions are refused for a function that has none yet', async () => {
    const answer = await api.operator.put(path, { ...inline('one'), traffic: [{ revision: 1, percent: 100 }] });
    expect([answer.status, answer.body.errors[0].pointer]).toEqual([422, '/traffic/0/revision']);
  });

  it('may be zero pods: what sleeps is ready', async () => {
    const { operation: started } = await deploy({ ...inline('one'), scaling: { min: 0, max: 2 } });
    const since = '2026-01-01T00:00:00.000Z';
    await tells({ servingRevision: 1, replicas: 0, readyReplicas: 0, scale: { active: false, since } }, ['True', 'Idle', 'No request came.']);
    expect((await operation(started)).state).toBe('succeeded');
    expect((await api.operator.get(path)).body.status.scale).toEqual({ active: false, since });
  });
});

/** Enumerations are written in capitals in GraphQL. */
function upper(settings: Record<string, unknown>): unknown {
  return JSON.parse(JSON.stringify(settings), (key, value: unknown) => (['metric', 'strategy'].includes(key) && typeof value === 'string' ? value.replaceAll('-', '_').toUpperCase() : value));
}

describe('the status', () => {
  it('tells of shares with the addresses of their tags, of pods and of the rollout, through both APIs', async () => {
    await releasing();
    const { state } = await row();
    const told = { revision: 2, attempt: state.attempt, phase: 'paused' as const, step: 1, weight: 20, stable: 1, stepStartedAt: '2026-01-01T00:00:00.000Z', message: 'Until it is resumed.' };
    await tells({
      servingRevision: 1, traffic: [{ revision: 1, percent: 80 }, { revision: 2, percent: 20, tag: 'next' }], revisions: [{ number: 1, replicas: 2, readyReplicas: 2 }, { number: 2, replicas: 1, readyReplicas: 1 }], rollout: told,
    }, ['False', 'RolloutPaused', 'Until it is resumed.']);
    const { body } = await api.operator.get(path);
    const url = `https://run.example/${tenant.name}/next---f/`;
    expect(body.status).toMatchObject({ traffic: [{ revision: 1, percent: 80 }, { revision: 2, percent: 20, tag: 'next', url }], revisions: [{ number: 1, replicas: 2, readyReplicas: 2 }, { number: 2, replicas: 1, readyReplicas: 1 }], rollout: told });
    const { body: graph } = await api.operator.graphql(`query($tenant: String!) { function(tenant: $tenant, function: "f") { status {
      traffic { revision percent tag url } revisions { number replicas readyReplicas } rollout { revision attempt phase step weight stable stepStartedAt message } scale { active } } } }`, { tenant: tenant.name });
    expect(graph.errors).toBeUndefined();
    expect(graph.data.function.status).toEqual({
      traffic: [{ revision: 1, percent: 80, tag: null, url: null }, { revision: 2, percent: 20, tag: 'next', url }], revisions: body.status.revisions, rollout: { ...told, phase: 'PAUSED' }, scale: null,
    });
  });

  it('says before any cluster does where requests go', async () => {
    await deploy(inline('one'));
    expect((await api.operator.get(path)).body.status).toMatchObject({ traffic: [], revisions: [], rollout: { revision: 1, attempt: 1, phase: 'waiting' } });
    await tells({ servingRevision: 1 });
    expect((await api.operator.get(path)).body.status).toMatchObject({ traffic: [{ revision: 1, percent: 100 }], rollout: { phase: 'completed', weight: 100 } });
  });

  it('of a rollout that broke its bounds fails the deployment with its words', async () => {
    const { operation: deployed } = await releasing();
    await tellsRollout('aborted', 0, 0, '12 % of the answers were errors; 5 % are allowed.');
    expect(await operation(deployed)).toMatchObject({ state: 'failed', reason: 'RolloutAborted', message: '12 % of the answers were errors; 5 % are allowed.' });
  });
});

describe('the quota', () => {
  const used = async () => (await api.operator.get(`/v1/tenants/${tenant.name}/quota`)).body.used as Record<string, number>;
  const sized = (text: string, memoryMb: number, more = {}) => ({ ...inline(text), resources: { memoryMb }, scaling: { max: 2 }, ...more });

  it('is held for the largest revision that runs, until it runs no more', async () => {
    await deploy(sized('one', 512));
    await tells({ servingRevision: 1 });
    await deploy(sized('two', 128));
    expect((await used()).memoryMb).toBe(1024);
    await tells({ servingRevision: 2, traffic: [{ revision: 2, percent: 100 }] });
    expect((await used()).memoryMb).toBe(256);
    await REST.rollback();
    expect((await used()).memoryMb).toBe(1024);
    await tells({ servingRevision: 1, traffic: [{ revision: 1, percent: 100 }] });
    expect((await used()).memoryMb).toBe(1024);
    await api.operator.patch(path, { scaling: { max: 1 }, traffic: [{ percent: 100 }, { revision: 2, percent: 0, tag: 'new' }] });
    expect(await used()).toMatchObject({ memoryMb: 512, pods: 1, functions: 1 });
  });

  it('has room for both revisions of a canary or a blue-green rollout, for as long as it lasts', async () => {
    for (const rollout of [{ strategy: 'canary', steps: [{ setWeight: 20 }, { pause: {} }] }, { strategy: 'blue-green' }]) {
      await deploy(sized(`${rollout.strategy} one`, 128, { rollout }));
      const [{ target }, held] = [await row(), await used()];
      await tells({ servingRevision: target, traffic: [{ revision: target, percent: 100 }] });
      expect((await used()).pods).toBe(2);
      await deploy(sized(`${rollout.strategy} two`, 256, { rollout }));
      expect(await used()).toMatchObject({ pods: 4, memoryMb: 1024, functions: 1 });
      await REST.steer('abort');
      expect(await used()).toMatchObject({ pods: 2 });
      await REST.steer('retry');
      expect(await used()).toMatchObject({ pods: 4 });
      await tells({ servingRevision: target + 1, traffic: [{ revision: target + 1, percent: 100 }] });
      expect([held.functions, await used()]).toMatchObject([1, { pods: 2, memoryMb: 512 }]);
    }
  });

  it('refuses a canary that it has no room for, in words that say what to do, and takes the same all at once', async () => {
    const rollout = { strategy: 'canary' };
    await deploy(sized('one', 128, { rollout }));
    await tells({ servingRevision: 1, traffic: [{ revision: 1, percent: 100 }] });
    await api.operator.patch(`/v1/tenants/${tenant.name}/quota`, { overrides: { pods: 3 } });
    const refused = await api.operator.put(path, sized('two', 128, { rollout }));
    expect(refused.body).toMatchObject({
      code: 'QUOTA_EXCEEDED', detail: expect.stringContaining('deploy with the strategy all-at-once') as string, errors: [{ pointer: '/rollout/strategy', message: 'needs room for two revisions' }],
    });
    expect((await api.operator.put(path, sized('two', 128))).status).toBe(202);
  });

  it('refuses a rollback that it has no room for, and nothing is changed', async () => {
    await deploy(sized('one', 1024));
    await tells({ servingRevision: 1 });
    await deploy(sized('two', 128));
    await tells({ servingRevision: 2 });
    await api.operator.patch(`/v1/tenants/${tenant.name}/quota`, { overrides: { memoryMb: 1000 } });
    expect(await REST.rollback()).toMatchObject({ code: 'QUOTA_EXCEEDED' });
    expect(await GRAPHQL.rollback(1)).toMatchObject({ code: 'QUOTA_EXCEEDED' });
    expect((await row()).target).toBe(2);
    expect((await used()).memoryMb).toBe(256);
  });
});
