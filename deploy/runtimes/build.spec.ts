/** The image recipe against a registry of its own: what is in the images, and that the same inputs give the same digests. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildRuntimes, type RuntimeImages } from './build.ts';
import type { Manifest } from './image-store.ts';
import { MANIFEST_TYPE } from './image-store.ts';

const scratch = mkdtempSync(join(tmpdir(), 'fnplane-build-'));
const registries: ChildProcess[] = [];
afterAll(async () => {
  await Promise.all(registries.map((child) => new Promise((resolve) => child.on('close', resolve).kill('SIGKILL'))));
  rmSync(scratch, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts an empty registry and waits until it answers. */
async function startRegistry(): Promise<string> {
  const host = `127.0.0.1:${await freePort()}`;
  const folder = mkdtempSync(join(scratch, 'registry-'));
  const file = join(folder, 'config.yml');
  writeFileSync(file, JSON.stringify({ version: 0.1, storage: { filesystem: { rootdirectory: join(folder, 'data') } }, http: { addr: host }, log: { accesslog: { disabled: true }, level: 'error' } }));
  registries.push(spawn('docker-registry', ['serve', file], { stdio: 'ignore' }));
  const end = Date.now() + 10_000;
  while (!(await fetch(`http://${host}/v2/`).then((answer) => answer.ok, () => false))) {
    if (Date.now() > end) throw new Error('the registry did not start');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return host;
}

interface Image {
  config: { User: string; Entrypoint: string[]; Env: string[]; WorkingDir: string; ExposedPorts?: object };
  manifest: Manifest;
  /** `ls -l` lines of all layers. */
  entries: string[];
}

async function readImage(reference: string): Promise<Image> {
  const [, host = '', repository = '', digest = ''] = /^([^/]+)\/(.+)@(sha256:[0-9a-f]{64})$/.exec(reference) ?? [];
  const base = `http://${host}/v2/${repository}`;
  const manifest = (await (await fetch(`${base}/manifests/${digest}`, { headers: { accept: MANIFEST_TYPE } })).json()) as Manifest;
  const { config } = (await (await fetch(`${base}/blobs/${manifest.config.digest}`)).json()) as { config: Image['config'] };
  const entries: string[] = [];
  for (const layer of manifest.layers) {
    const file = join(scratch, layer.digest.slice(7, 19));
    writeFileSync(file, gunzipSync(new Uint8Array(await (await fetch(`${base}/blobs/${layer.digest}`)).arrayBuffer())));
    const { stdout } = await promisify(execFile)('tar', ['-t', '-v', '-f', file], { maxBuffer: 64 << 20 });
    entries.push(...stdout.trim().split('\n'));
    rmSync(file);
  }
  return { config, manifest, entries };
}

describe('the runtime images', () => {
  let registry: string;
  let images: RuntimeImages;
  // The cache is the one all runs share: on a fresh machine this builds everything, later it fills the registry only.
  const cache = process.env['FNPLANE_TEST_CACHE'];
  const build = (host: string): Promise<RuntimeImages> => buildRuntimes({ registry: host, ...(cache ? { cacheDir: cache } : {}) });
  beforeAll(async () => {
    registry = await startRegistry();
    images = await build(registry);
  }, 300_000);

  it('are named by digest in the given registry', () => {
    const digest = (repository: string): RegExp => new RegExp(`^${registry.replaceAll('.', '\\.')}/fnplane/${repository}@sha256:[0-9a-f]{64}$`);
    expect(images.python).toMatch(digest('runtime-python'));
    expect(images.node).toMatch(digest('runtime-node'));
    expect(images.go).toMatch(digest('runtime-go'));
    expect(images.nodeBase).toMatch(digest('node-base'));
  });

  it('are found again, and are the same in another registry, without being built', async () => {
    const log: string[] = [];
    expect(await buildRuntimes({ registry, ...(cache ? { cacheDir: cache } : {}), log: (line) => log.push(line) })).toEqual(images);
    expect(log).toEqual([]);
    const other = await startRegistry();
    expect(JSON.stringify(await build(other)).replaceAll(other, registry)).toBe(JSON.stringify(images));
  });

  it.each(['python', 'node', 'go', 'nodeBase'] as const)('%s has no shell, no package manager, nothing set-uid, and an ordinary user', async (name) => {
    const { config, manifest, entries } = await readImage(images[name]);
    expect(config.User).toBe('65532:65532');
    expect(manifest.layers.every((layer) => layer.mediaType === 'application/vnd.oci.image.layer.v1.tar+gzip')).toBe(true);
    const paths = entries.map((entry) => entry.split(/\s+/).slice(5).join(' '));
    expect(paths.filter((path) => /\/(sh|bash|dash|busybox|apt|apt-get|dpkg|pip3?|npm|perl)( |$)/.test(path))).toEqual([]);
    expect(entries.filter((entry) => /^.{3}[sS]|^.{6}[sS]/.test(entry))).toEqual([]);
    expect(entries.every((entry) => entry.split(/\s+/)[1] === '0/0' || entry.includes('root/root'))).toBe(true);
    for (const path of ['./etc/passwd', './etc/nsswitch.conf', './etc/ssl/certs/ca-certificates.crt', './usr/share/zoneinfo/Europe/Berlin']) expect(paths).toContain(path);
    if (name === 'nodeBase') return;
    expect(config.Env).toContain('PORT=8080');
    expect(config.ExposedPorts).toEqual({ '8080/tcp': {} });
    expect(config.WorkingDir).toBe('/function');
  });

  it('holds the Node server as plain JavaScript and the Python one compiled', async () => {
    const node = (await readImage(images.node)).entries.filter((entry) => entry.includes('/opt/fnplane/'));
    expect(node.some((entry) => entry.endsWith('/start.js'))).toBe(true);
    expect(node.filter((entry) => entry.endsWith('.ts'))).toEqual([]);
    const python = (await readImage(images.python)).entries.map((entry) => entry.split('/').at(-1));
    expect(python).toContain('server.cpython-311.pyc');
  });

  it('stay small', async () => {
    const size = async (name: keyof RuntimeImages): Promise<number> => (await readImage(images[name])).manifest.layers.reduce((sum, layer) => sum + layer.size, 0);
    // Certificates and time zones, and since warm pools the process that waits in a Go function's place: one layer for all of a node's functions.
    expect(await size('go')).toBeLessThan(3_000_000);
    expect(await size('python')).toBeLessThan(20_000_000);
    expect(await size('node')).toBeLessThan(50_000_000);
  });
});
