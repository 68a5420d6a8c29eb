import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadClusterAccess } from './kubeconfig.js';

const CA = Buffer.from('the authority').toString('base64');

function kubeconfig(cluster: object, user: object, more: object = {}): string {
  return JSON.stringify({
    'current-context': 'main',
    contexts: [{ name: 'main', context: { cluster: 'c', user: 'u' } }, { name: 'lost', context: { cluster: 'none', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server: 'https://10.0.0.1:6443/', 'certificate-authority-data': CA, ...cluster } }],
    users: [{ name: 'u', user }],
    ...more,
  });
}

const load = (text: string, trusted = false, context?: string) => loadClusterAccess({ kind: 'inline', kubeconfig: text, trusted, context });

describe('inline', () => {
  test('a token and an embedded authority are taken', async () => {
    const access = await load(kubeconfig({ server: 'https://10.0.0.1:6443/base/' }, { token: 'abc' }));
    expect(access).toMatchObject({ origin: 'https://10.0.0.1:6443', basePath: '/base', refreshable: false });
    expect(await access.credentials()).toEqual({ headers: { authorization: 'Bearer abc' }, tls: { ca: Buffer.from('the authority') } });
  });

  test('embedded client certificates are taken', async () => {
    const access = await load(kubeconfig({ 'tls-server-name': 'k8s' }, { 'client-certificate-data': CA, 'client-key-data': CA }));
    expect((await access.credentials()).tls).toMatchObject({ cert: Buffer.from('the authority'), key: Buffer.from('the authority'), servername: 'k8s' });
  });

  test.each([
    ['exec', {}, { exec: { command: 'sh' } }],
    ['auth-provider', {}, { 'auth-provider': { name: 'gcp' } }],
    ['client-certificate', {}, { 'client-certificate': '/etc/passwd' }],
    ['client-key', {}, { 'client-key': '/etc/passwd' }],
    ['tokenFile', {}, { tokenFile: '/etc/passwd' }],
    ['token-file', {}, { 'token-file': '/etc/passwd' }],
    ['certificate-authority', { 'certificate-authority': '/etc/passwd' }, {}],
    ['insecure-skip-tls-verify', { 'insecure-skip-tls-verify': true }, {}],
    ['proxy-url', { 'proxy-url': 'http://proxy' }, {}],
    ['https', { server: 'http://10.0.0.1' }, {}],
  ])('%s is refused unless trusted', async (key, cluster, user) => {
    await expect(load(kubeconfig(cluster, user))).rejects.toMatchObject({ code: 'KUBERNETES_CONFIG_INVALID', kind: 'invalid', message: expect.stringContaining(key) });
  });

  test('what is refused hides in no unused entry either', async () => {
    const text = kubeconfig({}, { token: 'a' }, { users: [{ name: 'u', user: { token: 'a' } }, { name: 'x', user: { 'token-file': '/etc/passwd' } }] });
    await expect(load(text)).rejects.toMatchObject({ code: 'KUBERNETES_CONFIG_INVALID' });
  });

  test.each([
    ['not YAML', '{{'], ['not a mapping', '- 1'], ['empty', ''], ['too large', `# ${'x'.repeat(1_000_001)}`],
    ['no context', kubeconfig({}, {}, { 'current-context': 'other' })],
    ['no cluster', kubeconfig({}, {}, { 'current-context': 'lost' })],
    ['no server', kubeconfig({ server: '' }, {})],
    ['no URL', kubeconfig({ server: 'https://' }, {})],
    ['lists that are none', JSON.stringify({ clusters: 'x', users: {}, contexts: [] })],
  ])('%s is refused', async (_what, text) => {
    await expect(load(text)).rejects.toMatchObject({ code: 'KUBERNETES_CONFIG_INVALID' });
  });

  test('another context can be chosen', async () => {
    await expect(load(kubeconfig({}, {}), false, 'lost')).rejects.toMatchObject({ message: expect.stringContaining('none') });
  });
});

describe('trusted', () => {
  let folder: string;
  beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'kubeconfig-')); });
  afterEach(() => rm(folder, { recursive: true }));

  test('files are found beside the kubeconfig and read anew', async () => {
    await writeFile(join(folder, 'ca.crt'), 'authority 1');
    await writeFile(join(folder, 'config'), kubeconfig({ 'certificate-authority': 'ca.crt', 'certificate-authority-data': undefined }, { tokenFile: 'token' }));
    await writeFile(join(folder, 'token'), 'first\n');
    const access = await loadClusterAccess({ kind: 'file', path: join(folder, 'config') });
    expect(access.refreshable).toBe(true);
    expect(await access.credentials()).toEqual({ headers: { authorization: 'Bearer first' }, tls: { ca: Buffer.from('authority 1') } });
    await writeFile(join(folder, 'ca.crt'), 'authority 2');
    expect((await access.credentials()).tls.ca).toEqual(Buffer.from('authority 2'));
  });

  test('a program may give the credentials', async () => {
    const credential = JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token: 'from-program' } });
    const access = await load(kubeconfig({}, { exec: { command: process.execPath, args: ['-e', `process.stdout.write(${JSON.stringify(credential)})`] } }), true);
    expect((await access.credentials()).headers).toEqual({ authorization: 'Bearer from-program' });
    const broken = await load(kubeconfig({}, { exec: { command: process.execPath, args: ['-e', 'process.exit(1)'] } }), true);
    await expect(broken.credentials()).rejects.toMatchObject({ code: 'KUBERNETES_UNAVAILABLE' });
  });

  test('a missing file is said plainly', async () => {
    await expect(loadClusterAccess({ kind: 'file', path: join(folder, 'none') })).rejects.toMatchObject({ code: 'KUBERNETES_CONFIG_INVALID' });
  });
});

test('in a cluster the service account is used', async () => {
  const access = await loadClusterAccess({ kind: 'in-cluster' }, { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' });
  expect(access.origin).toBe('https://[fd00::1]');
  expect(access.refreshable).toBe(true);
  await expect(loadClusterAccess({ kind: 'in-cluster' }, {})).rejects.toMatchObject({ code: 'KUBERNETES_CONFIG_INVALID' });
});
