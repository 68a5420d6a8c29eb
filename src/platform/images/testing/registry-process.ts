import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { buildLayer } from '../image-layer.js';
import { MEDIA_TYPE } from '../media-types.js';
import { digestOf, RegistryClient } from '../registry-client.js';

const START_WITHIN_MS = 15_000;

/** Debian's docker-registry on a free loopback port, with its data in a temporary folder: for tests. */
export class RegistryProcess {
  private constructor(
    readonly url: string,
    readonly folder: string,
    private readonly child: ChildProcess,
  ) {}

  static async start(): Promise<RegistryProcess> {
    const folder = await mkdtemp(join(tmpdir(), 'fnplane-registry-'));
    const port = await freePort();
    const config = join(folder, 'config.json');
    await writeFile(config, JSON.stringify({
      version: '0.1', log: { level: 'error', accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: join(folder, 'data') }, delete: { enabled: true } }, http: { addr: `127.0.0.1:${port}` },
    }));
    const child = spawn('docker-registry', ['serve', config], { stdio: 'ignore', env: { PATH: process.env.PATH, OTEL_TRACES_EXPORTER: 'none' } });
    const registry = new RegistryProcess(`http://127.0.0.1:${port}`, folder, child);
    for (const deadline = Date.now() + START_WITHIN_MS; ; await pause(50)) {
      if (await fetch(`${registry.url}/v2/`).then((answer) => answer.ok, () => false)) return registry;
      if (Date.now() > deadline || child.exitCode !== null) throw new Error('docker-registry did not start');
    }
  }

  async stop(): Promise<void> {
    if (this.child.exitCode === null) {
      this.child.kill('SIGTERM');
      await once(this.child, 'exit');
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Pushes a base image made from nothing: one layer, one file. Returns its reference by digest. */
export async function pushBase(client: RegistryClient, repository: string, options: { docker?: boolean; tag?: string } = {}): Promise<string> {
  const layer = await buildLayer([{ type: 'file', path: 'os-release', mode: 0o644, content: Buffer.from(`ID=${repository}\n`) }], 'etc');
  const config = Buffer.from(JSON.stringify({
    architecture: 'amd64', os: 'linux', created: '2020-01-01T00:00:00Z', config: { Env: ['PATH=/bin', 'LANG=C'], Entrypoint: ['/start'], User: '65532' },
    rootfs: { type: 'layers', diff_ids: [layer.diffId] }, history: [{ created_by: 'test' }],
  }));
  const configDigest = digestOf(config);
  await client.uploadBlob(repository, layer.digest, layer.packed);
  await client.uploadBlob(repository, configDigest, config);
  const mediaType = options.docker ? MEDIA_TYPE.dockerManifest : MEDIA_TYPE.ociManifest;
  const digest = await client.putManifest(repository, Buffer.from(JSON.stringify({
    schemaVersion: 2, mediaType,
    config: { mediaType: options.docker ? 'application/vnd.docker.container.image.v1+json' : MEDIA_TYPE.ociConfig, digest: configDigest, size: config.length },
    layers: [{ mediaType: options.docker ? MEDIA_TYPE.dockerLayer : MEDIA_TYPE.ociLayer, digest: layer.digest, size: layer.packed.length }],
  })), mediaType, options.tag);
  return `${client.pullHost}/${repository}@${digest}`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
