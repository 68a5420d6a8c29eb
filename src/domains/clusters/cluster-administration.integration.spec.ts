import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomName, startApi, type TestApi } from '../../../test/support/api.js';
import { VersionServer } from '../../../test/support/version-server.js';
import { systemContext, tenantJobContext } from '../../platform/context/context.js';
import { Envelope } from '../../platform/crypto/envelope.js';
import { credentialBinding } from './credential-binding.policy.js';
import { PlacementChooser } from './placement-chooser.js';
import { ClusterCredentialsRepository } from './store/cluster-credentials.repository.js';
import { ClustersRepository } from './store/clusters.repository.js';

const SYSTEM = systemContext('test');

describe('clusters that operators register', () => {
  let api: TestApi;
  let server: VersionServer;
  beforeAll(async () => {
    [api, server] = await Promise.all([startApi(), new VersionServer().start()]);
  });
  afterAll(() => Promise.all([api?.stop(), server?.stop()]));

  const body = (more: object = {}) => ({ name: randomName('c'), region: 'eu', kubeconfig: server.kubeconfig(), ...more });
  const query = <T>(text: string, values: unknown[] = []) => api.plane.database.transaction(SYSTEM, (manager) => manager.query<T[]>(text, values));

  async function registered(more: object = {}): Promise<{ id: string; name: string; etag: string }> {
    const answer = await api.operator.post('/v1/clusters', body(more));
    expect([answer.status, answer.body.code]).toEqual([201, undefined]);
    return answer.body as { id: string; name: string; etag: string };
  }

  it('are there with all that was said of them, and asked whether they answer', async () => {
    const capacity = { cpuMillis: 8_000, memoryMb: 16_000, pods: 40 };
    const asked = body({ labels: { tier: 'gold' }, capacity, gatewayUrl: 'https://functions.east.example' });
    const answer = await api.operator.post('/v1/clusters', asked);
    expect([answer.status, answer.headers.get('location'), answer.headers.get('etag')]).toEqual([201, `/v1/clusters/${asked.name}`, `"${answer.body.etag}"`]);
    expect(answer.body).toMatchObject({
      name: asked.name, region: 'eu', labels: { tier: 'gold' }, connection: 'registered', state: 'active', reachable: true, kubernetesVersion: 'v1.34.4', gatewayUrl: 'https://functions.east.example',
      capacity, used: { tenants: 0, cpuMillis: 0, memoryMb: 0, pods: 0 },
    });
    expect((await api.operator.get(`/v1/clusters/${asked.name}`)).body).toEqual(answer.body);
    expect(await query('SELECT 1 AS one FROM work_item WHERE kind = \'cluster-heartbeat\' AND key = $1', [answer.body.id])).toHaveLength(1);
    const graph = await api.operator.graphql('mutation($input: RegisterClusterInput!) { registerCluster(input: $input) { cluster { name state capacity { pods } used { tenants } connection } userErrors { code field } } }',
      { input: { cluster: { ...body(), name: asked.name } } });
    expect(graph.body.data.registerCluster).toEqual({ cluster: null, userErrors: [{ code: 'CLUSTER_NAME_TAKEN', field: null }] });
  });

  it('keep their kubeconfig to themselves: sealed, and in no answer, list or audit entry', async () => {
    const { id, name } = await registered();
    const credential = await api.plane.app.get(ClusterCredentialsRepository, { strict: false }).find(SYSTEM, id);
    expect(credential!.sealed.includes(server.token)).toBe(false);
    const envelope = api.plane.app.get(Envelope, { strict: false });
    expect((await envelope.open(credential!, credentialBinding(id, 1))).toString()).toBe(server.kubeconfig());
    await expect(envelope.open(credential!, credentialBinding(randomUUID(), 1))).rejects.toMatchObject({ code: 'SECRET_UNREADABLE' });
    const said = [
      await api.operator.get(`/v1/clusters/${name}`), await api.operator.get('/v1/clusters'), await api.operator.get('/v1/audit'), await api.operator.patch(`/v1/clusters/${name}`, { kubeconfig: server.kubeconfig() }),
      await api.operator.graphql('{ clusters { nodes { name message labels } } }'), await api.operator.post('/v1/clusters', body({ name })),
    ];
    expect(JSON.stringify(said.map((answer) => answer.body as unknown))).not.toMatch(new RegExp(`${server.token}|kubeconfig"|certificate`));
    await expect(api.plane.database.transaction(tenantJobContext('test', { id: randomUUID(), name: 'x' }), (manager) => manager.query('SELECT * FROM cluster_credential'))).rejects.toThrow(/permission denied/);
  });

  it.each<[string, (from: VersionServer) => string, string, RegExp]>([
    ['no YAML', () => '{', 'KUBECONFIG_INVALID', /not YAML/],
    ['that starts a program', (from) => from.kubeconfig({ user: { exec: { command: '/bin/sh' } } }), 'KUBECONFIG_INVALID', /exec/],
    ['that reads a file', (from) => from.kubeconfig({ user: { tokenFile: '/etc/passwd' } }), 'KUBECONFIG_INVALID', /tokenFile/],
    ['that names a file of certificates', (from) => from.kubeconfig({ cluster: { 'certificate-authority': '/etc/ca.crt' } }), 'KUBECONFIG_INVALID', /certificate-authority/],
    ['that skips verification', (from) => from.kubeconfig({ cluster: { 'insecure-skip-tls-verify': true } }), 'KUBECONFIG_INVALID', /insecure-skip-tls-verify/],
    ['without TLS', (from) => from.kubeconfig({ cluster: { server: 'http://127.0.0.1:1' } }), 'KUBECONFIG_INVALID', /https/],
    ['of another authority', (from) => from.kubeconfig({ cluster: { 'certificate-authority-data': undefined } }), 'CLUSTER_PROBE_FAILED', /certificate/],
    ['with a wrong token', (from) => from.kubeconfig({ user: { token: 'wrong' } }), 'CLUSTER_PROBE_FAILED', /Unauthorized/],
    ['that leads nowhere', (from) => from.kubeconfig({ cluster: { server: 'https://127.0.0.1:1' } }), 'CLUSTER_PROBE_FAILED', /reached/],
  ])('are not taken with a kubeconfig %s', async (_, kubeconfigOf, code, words) => {
    const answer = await api.operator.post('/v1/clusters', body({ kubeconfig: kubeconfigOf(server) }));
    expect([answer.status, answer.body.code, answer.body.errors[0].pointer]).toEqual([422, code, '/kubeconfig']);
    expect(answer.body.errors[0].message).toMatch(words);
    expect(JSON.stringify(answer.body)).not.toContain(server.token);
  });

  it('are not taken when something else answers, or nothing in time', async () => {
    const stranger = await new VersionServer('stranger').start();
    const silent = await new VersionServer('hangs').start();
    try {
      const [one, other] = await Promise.all([stranger, silent].map((from) => api.operator.post('/v1/clusters', body({ kubeconfig: from.kubeconfig() }))));
      expect(one!.body).toMatchObject({ code: 'CLUSTER_PROBE_FAILED', errors: [{ message: expect.stringContaining('not a Kubernetes API server') }] });
      expect(other!.body).toMatchObject({ code: 'CLUSTER_PROBE_FAILED', errors: [{ message: expect.stringMatching(/answer/) }] });
    } finally {
      await Promise.all([stranger.stop(), silent.stop()]);
    }
  });

  it('change, also their kubeconfig, and take what is wrong with pointers', async () => {
    const { id, name, etag } = await registered({ labels: { a: '1', b: '2' } });
    const changed = await api.operator.patch(`/v1/clusters/${name}`, { labels: { a: null, c: '3' }, gatewayUrl: 'http://10.0.0.1:3080', kubeconfig: server.kubeconfig() }, { headers: { 'if-match': `"${etag}"` } });
    expect([changed.status, changed.body.labels, changed.body.gatewayUrl]).toEqual([200, { b: '2', c: '3' }, 'http://10.0.0.1:3080']);
    expect((await api.plane.app.get(ClustersRepository, { strict: false }).findLinks(SYSTEM)).find((link) => link.id === id)?.number).toBe(2);
    expect((await api.operator.patch(`/v1/clusters/${name}`, { region: 'us' }, { headers: { 'if-match': `"${etag}"` } })).status).toBe(412);
    for (const gatewayUrl of ['ftp://x.example', 'https://x.example/path', 'https://user:word@x.example', 'nonsense']) {
      const refused = await api.operator.patch(`/v1/clusters/${name}`, { gatewayUrl });
      expect([refused.status, refused.body.code, refused.body.errors[0].pointer]).toEqual([422, 'CLUSTER_INVALID', '/gatewayUrl']);
    }
    const own = await api.plane.app.get(ClustersRepository, { strict: false }).register(SYSTEM, { id: randomUUID(), name: randomName('own'), region: 'here' });
    for (const field of ['kubeconfig', 'region'] as const) {
      const refused = await api.operator.patch(`/v1/clusters/${own.name}`, { [field]: field === 'region' ? 'us' : server.kubeconfig() });
      expect([refused.status, refused.body.code, refused.body.errors[0].pointer]).toEqual([422, 'CLUSTER_OF_PROCESS', `/${field}`]);
    }
  });

  it('say who steps releases there: Argo Rollouts only where it is installed; their tenants are told of a change', async () => {
    const refused = await api.operator.post('/v1/clusters', body({ rolloutEngine: 'argo' }));
    expect([refused.status, refused.body.code, refused.body.errors[0].pointer]).toEqual([422, 'ROLLOUT_ENGINE_MISSING', '/rolloutEngine']);
    server.argo = true;
    try {
      expect((await api.operator.post('/v1/clusters', body({ rolloutEngine: 'argo' }))).body).toMatchObject({ rolloutEngine: 'argo' });
    } finally {
      server.argo = false;
    }
    const { name, id } = await registered();
    const team = (await api.operator.post('/v1/tenants', { name: randomName('team') })).body as { id: string };
    await query('INSERT INTO placement (tenant_id, cluster_id, namespace, state) VALUES ($1, $2, $3, \'active\')', [team.id, id, `ns-${team.id}`]);
    await query('DELETE FROM work_item WHERE kind = \'tenant\' AND key = $1', [team.id]);
    expect((await api.operator.patch(`/v1/clusters/${name}`, { rolloutEngine: 'argo' })).body).toMatchObject({ rolloutEngine: 'argo' });
    expect(await query('SELECT 1 AS one FROM work_item WHERE kind = \'tenant\' AND key = $1', [team.id])).toHaveLength(1);
    const graph = await api.operator.graphql('mutation($input: ChangeClusterInput!) { changeCluster(input: $input) { cluster { rolloutEngine } userErrors { code } } }', { input: { cluster: name, change: { rolloutEngine: 'OPERATOR' } } });
    expect(graph.body.data.changeCluster).toEqual({ cluster: { rolloutEngine: 'OPERATOR' }, userErrors: [] });
    await query('DELETE FROM placement WHERE cluster_id = $1', [id]);
  });

  it('are cordoned, drained and uncordoned; their tenants are looked at', async () => {
    const { name, id } = await registered();
    const team = (await api.operator.post('/v1/tenants', { name: randomName('team') })).body as { id: string; name: string };
    await query('INSERT INTO placement (tenant_id, cluster_id, namespace, state) VALUES ($1, $2, $3, \'active\')', [team.id, id, `ns-${team.id}`]);
    for (const [verb, state] of [['cordon', 'cordoned'], ['drain', 'draining'], ['uncordon', 'active']]) {
      const answer = await api.operator.post(`/v1/clusters/${name}/${verb}`);
      expect([answer.status, answer.body.state]).toEqual([200, state]);
    }
    expect(await query('SELECT 1 AS one FROM work_item WHERE kind = \'placement\' AND key = $1', [team.id])).toHaveLength(1);
    const graph = await api.operator.graphql('mutation($input: ClusterInput!) { drainCluster(input: $input) { cluster { state used { tenants } } userErrors { code } } }', { input: { cluster: name } });
    expect(graph.body.data.drainCluster).toEqual({ cluster: { state: 'DRAINING', used: { tenants: 1 } }, userErrors: [] });
  });

  it('are deleted when nobody is placed on them, with their kubeconfig', async () => {
    const { name, id } = await registered();
    const team = (await api.operator.post('/v1/tenants', { name: randomName('team') })).body as { id: string };
    await query('INSERT INTO placement (tenant_id, cluster_id, namespace, state) VALUES ($1, $2, $3, \'orphaned\')', [team.id, id, `ns-${team.id}`]);
    const refused = await api.operator.delete(`/v1/clusters/${name}`);
    expect([refused.status, refused.body.code, refused.body.detail]).toEqual([409, 'CLUSTER_IN_USE', `1 tenant is placed on cluster ${name}; drain it, and delete it when nobody is left.`]);
    await query('DELETE FROM placement WHERE cluster_id = $1', [id]);
    expect((await api.operator.delete(`/v1/clusters/${name}`)).status).toBe(204);
    expect([(await api.operator.get(`/v1/clusters/${name}`)).status, await query('SELECT 1 AS one FROM cluster_credential WHERE cluster_id = $1', [id])]).toEqual([404, []]);
  });

  it('of the platform\'s own processes are not deleted while they answer', async () => {
    const rows = api.plane.app.get(ClustersRepository, { strict: false });
    const own = await rows.register(SYSTEM, { id: randomUUID(), name: randomName('own'), region: 'here' });
    await rows.writeHeartbeat(SYSTEM, own.id, { heartbeatAt: new Date(), message: null });
    expect((await api.operator.delete(`/v1/clusters/${own.name}`)).body).toMatchObject({ status: 409, code: 'CLUSTER_OF_PROCESS' });
    await rows.writeHeartbeat(SYSTEM, own.id, { message: 'gone' });
    expect((await api.operator.delete(`/v1/clusters/${own.name}`)).status).toBe(204);
  });

  describe('and what a tenant asks of its places', () => {
    it('is set as a whole by operators, decides where it is placed, and explains itself', async () => {
      const [region, other] = [randomName('r'), randomName('r')];
      const [gold, plain] = [await registered({ region, labels: { tier: 'gold' } }), await registered({ region })];
      const team = (await api.operator.post('/v1/tenants', { name: randomName('team') })).body as { id: string; name: string };
      const path = `/v1/tenants/${team.name}/placement`;
      const before = await api.operator.get(path);
      expect(before.body).toMatchObject({ regions: [], clusterLabels: {}, clusters: 1, effective: { missing: 0 } });
      const set = await api.operator.put(path, { regions: [region], clusterLabels: { tier: 'gold' }, clusters: 2 }, { headers: { 'if-match': before.headers.get('etag')! } });
      expect([set.status, set.body.effective.clusters, set.body.effective.missing]).toEqual([200, [gold.name], 1]);
      const verdicts = set.body.effective.whyHere as { clusterName: string; verdict: string; message: string }[];
      expect(verdicts.find(({ clusterName }) => clusterName === plain.name)).toMatchObject({ verdict: 'excluded', reason: 'OtherLabels', message: 'It is not labelled tier=gold.' });
      expect((await api.operator.put(path, {}, { headers: { 'if-match': before.headers.get('etag')! } })).status).toBe(412);
      const placed = await api.plane.app.get(PlacementChooser, { strict: false }).placeFirst(tenantJobContext('test', team));
      expect(placed.map(({ cluster }) => cluster.name)).toEqual([gold.name]);
      const graph = await api.operator.graphql('mutation($input: SetPlacementInput!) { setPlacement(input: $input) { placement { regions clusters effective { clusters missing whyHere { verdict } } } userErrors { code } } }', { input: { tenant: team.name, placement: { regions: [other] } } });
      expect(graph.body.data.setPlacement).toMatchObject({ placement: { regions: [other], clusters: 1, effective: { clusters: [], missing: 1 } }, userErrors: [] });
      expect((await api.operator.graphql('query($t: String!) { placementSettings(tenant: $t) { regions } }', { t: team.name })).body.data.placementSettings).toEqual({ regions: [other] });
    });

    it('is read by the tenant and not changed by it', async () => {
      const [name, subject] = [randomName('team'), randomName('owner')];
      await api.operator.post('/v1/tenants', { name });
      await api.operator.post(`/v1/tenants/${name}/members`, { issuer: 'https://tests.fnplane.invalid', subject, role: 'owner' });
      const owner = await api.person(subject);
      expect((await owner.get(`/v1/tenants/${name}/placement`)).status).toBe(200);
      expect((await owner.put(`/v1/tenants/${name}/placement`, { clusters: 2 })).body).toMatchObject({ status: 403, code: 'PERMISSION_DENIED' });
    });

    it.each([[{ clusters: 0 }, '/clusters'], [{ clusters: 11 }, '/clusters'], [{ regions: 'eu' }, '/regions'], [{ clusterLabels: { a: 1 } }, '/clusterLabels']])('is refused as %j', async (asked, pointer) => {
      const team = (await api.operator.post('/v1/tenants', { name: randomName('team') })).body as { name: string };
      const answer = await api.operator.put(`/v1/tenants/${team.name}/placement`, asked);
      expect([answer.status, answer.body.errors[0].pointer]).toEqual([422, pointer]);
    });
  });
});
