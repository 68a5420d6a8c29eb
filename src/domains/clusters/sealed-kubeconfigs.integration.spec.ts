import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { randomName } from '../../../test/support/api.js';
import { eventually } from '../../../test/support/eventually.js';
import { localKey, SealingRig, type SealingProcess } from '../../../test/support/sealing-rig.js';
import { VersionServer } from '../../../test/support/version-server.js';
import { systemContext } from '../../platform/context/context.js';
import { Envelope } from '../../platform/crypto/envelope.js';
import { credentialBinding } from './credential-binding.policy.js';
import { ClusterCredentialsRepository } from './store/cluster-credentials.repository.js';

const SYSTEM = systemContext('test');

describe('kubeconfigs and the rotation of encryption keys', () => {
  let rig: SealingRig;
  let server: VersionServer;
  beforeEach(async () => {
    [rig, server] = await Promise.all([SealingRig.create(), new VersionServer().start()]);
  });
  afterEach(() => Promise.all([rig.stop(), server.stop()]));

  async function register(on: SealingProcess): Promise<string> {
    const { status, body } = await on.operator.post('/v1/clusters', { name: randomName('c'), region: 'eu', kubeconfig: server.kubeconfig() });
    expect([status, body.code]).toEqual([201, undefined]);
    return body.id as string;
  }

  async function opened(on: SealingProcess, id: string): Promise<{ keyId: string; text: string }> {
    const credential = (await on.plane.app.get(ClusterCredentialsRepository, { strict: false }).find(SYSTEM, id))!;
    return { keyId: credential.keyId, text: (await on.plane.app.get(Envelope).open(credential, credentialBinding(id, credential.number))).toString() };
  }

  it('are given the new key like secrets, and the old one is retired only then', async () => {
    const [k1, k2] = [localKey('k1'), localKey('k2')];
    const first = await rig.start({ FNPLANE_ENCRYPTION_KEYS: k1 });
    const cluster = await register(first);
    await first.stop();
    const second = await rig.start({ FNPLANE_ENCRYPTION_KEYS: `${k2},${k1}` });
    expect(await opened(second, cluster)).toEqual({ keyId: 'k1', text: server.kubeconfig() });
    expect((await second.operator.post('/v1/encryption/rewrap')).status).toBe(202);
    second.work();
    await eventually(async () => expect((await second.operator.get('/v1/encryption')).body).toMatchObject({ rewrap: { state: 'done', rewrapped: 1, unreadable: 0 }, keys: [{ id: 'k1', state: 'retired' }, { id: 'k2' }] }), { withinMs: 20_000 });
    await second.stop();
    const third = await rig.start({ FNPLANE_ENCRYPTION_KEYS: k2 });
    expect(await opened(third, cluster)).toEqual({ keyId: 'k2', text: server.kubeconfig() });
  });

  it('keep a key in use that cannot be opened, and it is told', async () => {
    const [k1, k2] = [localKey('k1'), localKey('k2')];
    const first = await rig.start({ FNPLANE_ENCRYPTION_KEYS: k1 });
    await register(first);
    await first.stop();
    const second = await rig.start({ FNPLANE_ENCRYPTION_KEYS: k2 });
    expect((await second.operator.post('/v1/encryption/rewrap')).status).toBe(202);
    second.work();
    await eventually(async () => expect((await second.operator.get('/v1/encryption')).body).toMatchObject({ rewrap: { state: 'done', rewrapped: 0, unreadable: 1 }, keys: [{ id: 'k1', state: 'active', available: false }, { id: 'k2' }] }), { withinMs: 20_000 });
  });
});
