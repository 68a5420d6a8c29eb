/** The control plane's image: built from the Dockerfile on bases without a public registry, looked through, and started. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildControlPlaneImage, type ControlPlaneImage, type ControlPlaneImageOptions } from '../../deploy/image/build.ts';
import type { ImageConfig, ImageDescription } from '../../deploy/image/buildah.ts';
import { ensurePackages } from '../../deploy/local/cluster/packages.ts';
import { Progress } from '../../deploy/local/cluster/progress.ts';
import { HttpClient } from '../../deploy/local/http-client.ts';
import { FIELD_MANAGER } from '../../src/contract/names.js';
import { ensureCrd } from '../../src/platform/kubernetes/ensure-crd.js';
import type { KubernetesClient } from '../../src/platform/kubernetes/kubernetes-client.js';
import type { Pod } from '../../src/platform/kubernetes/kubernetes-object.js';
import { RESOURCE } from '../../src/platform/kubernetes/resource-type.js';
import { randomName, testEnvironment } from '../support/api.js';
import { eventually } from '../support/eventually.js';
import { clusterClient } from '../support/leftovers.js';
import { needed } from '../support/platform.js';
import { mintToken, testIssuer } from '../support/tokens.js';
import { createEmptyDatabase } from './empty-database.js';
import { buildGatewayGround, buildPod } from './gateway-pod.js';
import { certificatesOf, filesWith, listImage, type ImageFile } from './image-files.js';
import { OciContainer } from './oci-container.js';

const BUNDLE = '/etc/ssl/certs/ca-certificates.crt';
const MEGABYTE = 1e6;

/**
 * Of a certificate in base64, the last whole one of the lines most tools wrap it in: a part of its signature, which is its own. What stands before
 * may also stand in another one: authorities are certified anew with the same key and name.
 */
function lastWholeLine(certificate: string): string {
  const end = Math.floor(certificate.length / 64) * 64;
  return certificate.slice(end - 64, end);
}

let image: ControlPlaneImage;
let description: ImageDescription;
let config: ImageConfig;
let root: string;
let files: ImageFile[];
const releases: (() => Promise<unknown>)[] = [];

function options(): ControlPlaneImageOptions {
  const { nodeBase } = JSON.parse(needed('FNPLANE_TEST_RUNTIME_IMAGES')) as { nodeBase: string };
  return { nodeBase, registry: needed('FNPLANE_TEST_REGISTRY'), cacheDir: needed('FNPLANE_TEST_CACHE') };
}

async function mounted(name: string): Promise<string> {
  const { folder, release } = await image.buildah.mount(name);
  releases.push(release);
  return folder;
}

beforeAll(async () => {
  await ensurePackages(new Progress(), { runc: 'runc' });
  const begun = performance.now();
  image = await buildControlPlaneImage(options());
  console.log(`the image was built and pushed in ${Math.round((performance.now() - begun) / 1000)} s`);
  description = (await image.buildah.find(image.id))!;
  config = description.config;
  root = await mounted(image.id);
  files = listImage(root);
});

afterAll(async () => {
  for (const release of releases.reverse()) await release();
});

describe('the image', () => {
  it('is pushed by digest, and is the same again when nothing has changed', async () => {
    expect(image.reference).toMatch(new RegExp(`^${needed('FNPLANE_TEST_REGISTRY').replaceAll('.', '\\.')}/fnplane/control-plane@sha256:[0-9a-f]{64}$`));
    const again = await buildControlPlaneImage(options());
    expect({ id: again.id, reference: again.reference }).toEqual({ id: image.id, reference: image.reference });
  });

  it('starts the compiled platform as an ordinary user', () => {
    expect(config.User).toBe('65532:65532');
    expect([...config.Entrypoint!, ...(config.Cmd ?? [])]).toEqual(['node', '--enable-source-maps', '--max-semi-space-size=16', '/app/dist/src/main.js']);
    expect(Object.keys(config.ExposedPorts ?? {}).sort()).toEqual(['3000/tcp', '3080/tcp', '3090/tcp']);
    expect(config.Env).toContain('NODE_ENV=production');
  });

  it('has no shell, no package manager, and nothing set-uid', () => {
    const tools = /\/s?bin\/(sh|ash|bash|dash|busybox|env|find|npm|npx|apt|apt-get|dpkg|perl|python3?[\d.]*|git|curl|wget)$/;
    expect(files.filter(({ path }) => tools.test(path)).map(({ path }) => path)).toEqual([]);
    expect(files.filter(({ kind, mode }) => kind === 'file' && (mode & 0o6000) !== 0)).toEqual([]);
    expect(files.map(({ path }) => path)).toContain('/usr/bin/node');
  });

  it('belongs to root, and its own user can change nothing of it', () => {
    expect(files.filter(({ uid, gid }) => uid !== 0 || gid !== 0)).toEqual([]);
    expect(files.filter(({ kind, mode }) => kind !== 'link' && (mode & 0o002) !== 0).map(({ path }) => path)).toEqual([]);
    const unreadable = files.filter(({ path, kind, mode }) => path.startsWith('/app/') && kind !== 'link' && (mode & 0o004) === 0);
    expect(unreadable).toEqual([]);
  });

  it('is smaller than 250 MB', () => {
    const size = (prefix: string): number => files.filter(({ path }) => path.startsWith(prefix)).reduce((sum, file) => sum + file.size, 0);
    const megabytes = (prefix: string): string => `${(size(prefix) / MEGABYTE).toFixed(1)} MB`;
    console.log(`the image is ${megabytes('/')} in ${files.length} files: packages ${megabytes('/app/node_modules/')}, platform ${megabytes('/app/dist/')}, base ${megabytes('/usr/')}`);
    expect(size('/')).toBeLessThan(250 * MEGABYTE);
  });

  it('holds what it runs on, and nothing of what only development needs', () => {
    const manifest = JSON.parse(readFileSync(join(root, 'app/package.json'), 'utf8')) as Record<'dependencies' | 'devDependencies', Record<string, string>>;
    const present = new Set(files.map(({ path }) => path));
    const packageOf = (name: string): string => `/app/node_modules/${name}/package.json`;
    expect(Object.keys(manifest.dependencies).filter((name) => !present.has(packageOf(name)))).toEqual([]);
    const shared = ['@types/node'];
    expect(Object.keys(manifest.devDependencies).filter((name) => present.has(packageOf(name)) && !shared.includes(name))).toEqual([]);
    const unwanted = files.filter(({ path, kind }) => kind === 'file' && path.startsWith('/app/')
      && (/\.spec\.[cm]?[jt]s(\.map)?$|\.d\.[cm]?ts$/.test(path) || /^\/app\/(src|test|dist\/test)\/|^\/app\/dist\/.*\/testing\//.test(path) || /^\/app\/node_modules\/.*\.map$/.test(path)));
    expect(unwanted.map(({ path }) => path)).toEqual([]);
    expect([...present].filter((path) => path.startsWith('/app/dist/migrations/') && path.endsWith('.js'))).not.toEqual([]);
  });

  it('holds nothing of the machine that built it', async () => {
    const trusted = readFileSync(join(await mounted(image.runtimeBase), BUNDLE), 'utf8');
    expect(readFileSync(join(root, BUNDLE), 'utf8') === trusted).toBe(true);
    const known = certificatesOf(trusted);
    const bundles = [BUNDLE, process.env.NODE_EXTRA_CA_CERTS ?? ''].filter((path) => path && existsSync(path)).map((path) => readFileSync(path, 'utf8'));
    const own = bundles.flatMap((bundle) => [...certificatesOf(bundle)]).filter((certificate) => !known.has(certificate));
    expect(filesWith(root, files, own.map(lastWholeLine))).toEqual([]);
    expect(files.filter(({ path }) => /^\/(root|run)\/.|^\/app\/\.|\/\.(npmrc|npm|netrc|git|env)$/.test(path)).map(({ path }) => path).filter((path) => !path.includes('/node_modules/'))).toEqual([]);
    const told = JSON.stringify([description.history, config]);
    expect(told).not.toMatch(/registry\.|secrets\/|_authToken|NODE_EXTRA_CA_CERTS|\/root\//i);
  });
});

describe('a container of the image', () => {
  const containers: OciContainer[] = [];
  const start = (more: { environment?: Record<string, string>; command?: string[] } = {}): OciContainer => {
    const container = new OciContainer({ rootfs: root, config, ...more });
    containers.push(container);
    return container;
  };
  afterAll(async () => {
    for (const container of containers) await container.remove();
  });

  it('finds no shell to run', async () => {
    const container = start({ command: ['sh', '-c', 'true'] });
    expect(await container.ended()).not.toBe(0);
    expect(container.stderr).toMatch(/sh\W+: executable file not found/);
  });

  it('without configuration ends with 78 and names all that is missing', async () => {
    const container = start();
    expect(await container.ended()).toBe(78);
    expect(container.stderr).toMatch(/^fnplane cannot start:\n/);
    for (const name of ['DATABASE_URL', 'FNPLANE_ISSUERS', 'FNPLANE_ENCRYPTION_KEYS', 'FNPLANE_INTERNAL_SECRET', 'FNPLANE_REGISTRY_URL', 'FNPLANE_RUNTIME_IMAGES']) {
      expect(container.stderr).toContain(`- ${name} is missing: `);
    }
    expect(container.stderr).not.toContain('    at ');
  });

  it('migrates an empty database, serves the API, and ends with 0 on SIGTERM', async () => {
    const database = await createEmptyDatabase();
    try {
      const container = start({
        environment: testEnvironment(database.url, { FNPLANE_MANAGEMENT_LISTEN: '127.0.0.1:0', FNPLANE_LOG_LEVEL: 'info' }),
      });
      const { api, management } = await container.seen(addressesIn, 60_000);
      const health = new HttpClient(management);
      expect((await health.get('/livez')).status).toBe(200);
      await eventually(async () => expect((await health.get('/readyz')).status).toBe(200), { withinMs: 30_000 });
      const document = await new HttpClient(api).get('/v1/openapi.json');
      expect(document.status).toBe(200);
      expect(document.body).toMatchObject({ openapi: expect.stringMatching(/^3\.1\./) as string, paths: { '/v1/tenants': expect.anything() as object } });
      expect((await new HttpClient(api).get('/v1/tenants')).status).toBe(401);
      expect((await new HttpClient(api, await mintToken({ roles: ['operator'] })).get('/v1/tenants')).status).toBe(200);
      container.signal('SIGTERM');
      expect(await container.ended()).toBe(0);
    } finally {
      await database.drop();
    }
  });
});

/** Where the roles listen, once the log says that they are up. */
function addressesIn(log: string): { api: string; management: string } | undefined {
  const line = log.split('\n').find((one) => one.includes('"fnplane is up"'));
  return line ? (JSON.parse(line) as { api: string; management: string }) : undefined;
}

describe('a pod of the image under restricted Pod Security', () => {
  const namespace = randomName('image-test');
  let client: KubernetesClient;
  const podOf = (name: string): Promise<Pod> => client.get<Pod>(RESOURCE.pod, { namespace, name });

  beforeAll(async () => {
    client = clusterClient();
    await ensureCrd(client, FIELD_MANAGER.worker);
    for (const { type, object } of buildGatewayGround(namespace)) await client.create(type, object);
  });

  afterAll(async () => {
    for (const type of [RESOURCE.clusterRoleBinding, RESOURCE.clusterRole, RESOURCE.namespace]) await client.delete(type, { name: namespace });
    await eventually(async () => expect(await client.find(RESOURCE.namespace, { name: namespace })).toBeNull(), { withinMs: 90_000 });
    await client.close();
  });

  it('plays the gateway with the identity of its service account', async () => {
    const environment = { FNPLANE_ROLES: 'gateway', FNPLANE_ISSUERS: JSON.stringify([testIssuer()]), FNPLANE_INTERNAL_SECRET: randomBytes(32).toString('hex') };
    await client.create(RESOURCE.pod, buildPod(namespace, 'gateway', image.reference!, environment));
    const pod = await eventually(async () => {
      const found = await podOf('gateway');
      const ready = found.status?.conditions?.find((condition) => condition.type === 'Ready');
      if (ready?.status !== 'True') throw new Error(`the pod is not ready: ${JSON.stringify(found.status)}`);
      return found;
    }, { withinMs: 90_000 });
    expect(pod.status?.containerStatuses?.[0]).toMatchObject({ imageID: expect.stringContaining(image.reference!.split('@')[1]!) as string, restartCount: 0 });
  });

  it('says in its status what configuration is missing', async () => {
    await client.create(RESOURCE.pod, buildPod(namespace, 'bare', image.reference!, { FNPLANE_ROLES: 'gateway' }));
    const ended = await eventually(async () => {
      const state = (await podOf('bare')).status?.containerStatuses?.[0]?.state;
      if (!state?.terminated) throw new Error(`the pod has not ended: ${JSON.stringify(state)}`);
      return state.terminated;
    }, { withinMs: 60_000 });
    expect(ended.exitCode).toBe(78);
    expect(ended.message).toContain('FNPLANE_ISSUERS is missing');
  });
});
