import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request as send, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { appendLayer } from './append-layer.js';
import { BaseImages } from './base-images.js';
import type { ImageConfig, ImageManifest } from './image-documents.js';
import { parseImageReference } from './image-reference.js';
import { MEDIA_TYPE } from './media-types.js';
import { digestOf, RegistryClient } from './registry-client.js';
import { RegistryDirectory } from './registry-directory.js';
import type { RegistryOptions } from './registry-options.js';
import { pushBase, RegistryProcess } from './testing/registry-process.js';

const MIB = 1024 * 1024;
const code = [{ type: 'file' as const, path: 'handler.py', mode: 0o644 as const, content: Buffer.from('x = 1\n') }];

let registry: RegistryProcess;
let client: RegistryClient;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  registry = await RegistryProcess.start();
  client = new RegistryClient({ url: registry.url });
});

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

afterAll(async () => {
  await client?.close();
  await registry?.stop();
});

type Fault = (incoming: IncomingMessage, outgoing: ServerResponse) => boolean;

/** A server in front of the registry that answers itself where `fault` says true. Only faults are made up. */
async function front(fault: Fault, options: Partial<RegistryOptions> = {}): Promise<RegistryClient> {
  const server: Server = createServer((incoming, outgoing) => {
    if (fault(incoming, outgoing)) return;
    const onward = send(registry.url + incoming.url, { method: incoming.method, headers: incoming.headers }, (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const made = new RegistryClient({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, timeoutMs: 2_000, ...options });
  closing.push(async () => {
    await made.close();
    server.closeAllConnections();
    server.close();
  });
  return made;
}

async function tagsOf(repository: string): Promise<string[]> {
  const found: string[] = [];
  for await (const tag of client.tags(repository)) found.push(tag);
  return found;
}

describe('RegistryClient', () => {
  it('uploads, finds and reads a blob, and uploads it once only', async () => {
    const bytes = randomBytes(1_000);
    const digest = digestOf(bytes);
    let uploads = 0;
    const counted = await front((incoming) => {
      uploads += incoming.method === 'POST' ? 1 : 0;
      return false;
    });
    expect(await counted.hasBlob('a/b', digest)).toBe(false);
    expect(await counted.getBlob('a/b', digest, MIB)).toBeNull();
    await counted.uploadBlob('a/b', digest, bytes);
    await counted.uploadBlob('a/b', digest, bytes);
    expect(uploads).toBe(1);
    expect((await client.getBlob('a/b', digest, MIB))?.equals(bytes)).toBe(true);
    await expect(client.getBlob('a/b', digest, 999)).rejects.toMatchObject({ code: 'REGISTRY_REFUSED' });
  });

  it('uploads a big blob in parts', async () => {
    const bytes = Buffer.concat([randomBytes(MIB), Buffer.alloc(69 * MIB)]);
    const parts: string[] = [];
    const seen = await front((incoming) => {
      if (incoming.method === 'PATCH') parts.push(incoming.headers['content-range']!);
      return false;
    }, { timeoutMs: 20_000 });
    await seen.uploadBlob('big/one', digestOf(bytes), bytes);
    expect(parts).toEqual([`0-${32 * MIB - 1}`, `${32 * MIB}-${64 * MIB - 1}`, `${64 * MIB}-${70 * MIB - 1}`]);
    expect(digestOf((await client.getBlob('big/one', digestOf(bytes), 80 * MIB))!)).toBe(digestOf(bytes));
  });

  it('mounts a blob from another repository, and says when there is none to mount', async () => {
    const bytes = randomBytes(500);
    await client.uploadBlob('mount/from', digestOf(bytes), bytes);
    expect(await client.mountBlob('mount/to', digestOf(bytes), 'mount/from')).toBe(true);
    expect(await client.hasBlob('mount/to', digestOf(bytes))).toBe(true);
    expect(await client.mountBlob('mount/to', `sha256:${'0'.repeat(64)}`, 'mount/from')).toBe(false);
  });

  it('puts, finds, lists and deletes manifests by tag and digest', async () => {
    const reference = parseImageReference(await pushBase(client, 'manifests/one', { tag: 'v1' }));
    const head = await client.headManifest('manifests/one', 'v1');
    expect(head).toMatchObject({ digest: reference.digest, mediaType: MEDIA_TYPE.ociManifest });
    expect(await client.getManifest('manifests/one', reference.digest!)).toMatchObject({ digest: reference.digest, size: head!.size });
    expect(await client.headManifest('manifests/one', 'v2')).toBeNull();
    expect(await client.getManifest('nowhere', 'v1')).toBeNull();
    expect(await tagsOf('manifests/one')).toEqual(['v1']);
    expect(await tagsOf('nowhere')).toEqual([]);
    await client.deleteManifest('manifests/one', reference.digest!);
    await client.deleteManifest('manifests/one', reference.digest!);
    expect(await client.headManifest('manifests/one', reference.digest!)).toBeNull();
  });

  it('tries again after 5xx, 429 and broken connections, uploads too', async () => {
    const faults: Fault[] = [
      (_incoming, outgoing) => Boolean(outgoing.writeHead(503).end()), (incoming) => Boolean(incoming.socket.destroy()), (_incoming, outgoing) => Boolean(outgoing.writeHead(429).end()),
      () => false, (incoming) => Boolean(incoming.socket.destroy()), () => false, (_incoming, outgoing) => Boolean(outgoing.writeHead(500).end()),
    ];
    const flaky = await front((incoming, outgoing) => faults.shift()?.(incoming, outgoing) ?? false);
    const bytes = randomBytes(100);
    await flaky.uploadBlob('flaky/one', digestOf(bytes), bytes);
    expect(faults).toEqual([]);
    expect(await client.hasBlob('flaky/one', digestOf(bytes))).toBe(true);
  });

  it('gives up after its attempts, with a word about the registry', async () => {
    let tries = 0;
    const broken = await front((_incoming, outgoing) => {
      tries += 1;
      return Boolean(outgoing.writeHead(502).end());
    }, { attempts: 3 });
    await expect(broken.hasBlob('a', `sha256:${'0'.repeat(64)}`)).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE', kind: 'unavailable', retryable: true, message: expect.stringContaining('502') });
    expect(tries).toBe(3);
    const nobody = new RegistryClient({ url: 'http://127.0.0.1:1', attempts: 1 });
    await expect(nobody.headManifest('a', 'b')).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE', message: expect.stringContaining('ECONNREFUSED') });
    await nobody.close();
  });

  it('does not wait for a registry that never answers, nor past an abort', async () => {
    const silent = await front(() => true, { attempts: 1, timeoutMs: 300 });
    await expect(silent.headManifest('a', 'b')).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' });
    const patient = await front(() => true, { timeoutMs: 30_000 });
    const abort = new AbortController();
    const waiting = patient.headManifest('a', 'b', abort.signal);
    abort.abort(new Error('the deploy was replaced'));
    await expect(waiting).rejects.toThrow('the deploy was replaced');
  });

  it('refuses content that is not what the digest says', async () => {
    const bytes = randomBytes(64);
    await client.uploadBlob('lying/one', digestOf(bytes), bytes);
    const lying = await front((incoming, outgoing) => incoming.method === 'GET' && Boolean(outgoing.writeHead(200).end('something else')));
    await expect(lying.getBlob('lying/one', digestOf(bytes), MIB)).rejects.toMatchObject({ code: 'REGISTRY_REFUSED', message: expect.stringContaining('digest') });
  });

  it('signs in with a password, and with tokens for each repository where the registry wants them', async () => {
    const basic = `Basic ${Buffer.from('robot:secret').toString('base64')}`;
    const withPassword = await front((incoming, outgoing) => incoming.headers.authorization !== basic && Boolean(outgoing.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()), { credentials: { username: 'robot', password: 'secret' } });
    expect(await withPassword.headManifest('none', 'x')).toBeNull();

    const asked: string[] = [];
    const withTokens = await front((incoming, outgoing) => {
      const url = new URL(incoming.url!, 'http://x');
      if (url.pathname === '/token') {
        asked.push(`${incoming.headers.authorization === basic} ${url.searchParams.get('service')} ${url.searchParams.getAll('scope').join(' ')}`);
        return Boolean(outgoing.end(JSON.stringify({ token: `for ${url.searchParams.getAll('scope').join(' ')}`, expires_in: 300 })));
      }
      if (incoming.headers.authorization?.startsWith('Bearer for ')) return false;
      return Boolean(outgoing.writeHead(401, { 'www-authenticate': `Bearer realm="http://${incoming.headers.host}/token",service="reg"` }).end());
    }, { credentials: { username: 'robot', password: 'secret' } });
    const bytes = randomBytes(50);
    await withTokens.uploadBlob('token/one', digestOf(bytes), bytes);
    expect(await withTokens.mountBlob('token/two', digestOf(bytes), 'token/one')).toBe(true);
    await withTokens.hasBlob('token/one', digestOf(bytes));
    expect(asked).toEqual(['true reg repository:token/one:pull', 'true reg repository:token/one:pull,push', 'true reg repository:token/two:pull,push repository:token/one:pull']);
  });

  it('says so when the registry refuses the credentials, without trying again', async () => {
    let tries = 0;
    const closed = await front((_incoming, outgoing) => {
      tries += 1;
      return Boolean(outgoing.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end());
    });
    await expect(closed.headManifest('a', 'b')).rejects.toMatchObject({ code: 'REGISTRY_REFUSED', message: expect.stringContaining('credentials') });
    expect(tries).toBe(1);
  });
});

describe('appendLayer', () => {
  it.each([['OCI', false], ['Docker', true]])('puts a layer upon a base in the %s dialect, the same each time', async (name, docker) => {
    const repository = `base-${name.toLowerCase()}`;
    const base = await new BaseImages(client).resolve(await pushBase(client, repository, { docker }));
    const image = await appendLayer(client, { base, repository: 'tenants/t/f', files: code, folder: 'function', changes: { env: { A: '1' } }, tag: `x-${name}` });
    const again = await appendLayer(client, { base, repository: 'tenants/other/f', files: code, folder: 'function', changes: { env: { A: '1' } } });
    expect(again.digest).toBe(image.digest);
    expect(image.reference).toBe(`${client.pullHost}/tenants/t/f@${image.digest}`);
    const manifest = await client.getManifest('tenants/t/f', `x-${name}`);
    expect(manifest).toMatchObject({ digest: image.digest, mediaType: docker ? MEDIA_TYPE.dockerManifest : MEDIA_TYPE.ociManifest });
    const { layers, config } = JSON.parse(manifest!.bytes.toString()) as ImageManifest;
    expect(layers.map((layer) => layer.digest)).toEqual([base.manifest.layers[0]!.digest, image.layerDigest]);
    const read = JSON.parse((await client.getBlob('tenants/t/f', config.digest, MIB))!.toString()) as ImageConfig;
    expect(read).toMatchObject({ os: 'linux', architecture: 'amd64', config: { Env: ['PATH=/bin', 'LANG=C', 'A=1'], Entrypoint: ['/start'], User: '65532' } });
  });

  it('makes what other tools can read', async () => {
    const base = await new BaseImages(client).resolve(await pushBase(client, 'base-tools'));
    const image = await appendLayer(client, { base, repository: 'tenants/t/tools', files: code, folder: 'function', tag: 'one' });
    const { stdout } = await promisify(execFile)('skopeo', ['inspect', '--tls-verify=false', `docker://${image.reference}`]);
    expect(JSON.parse(stdout)).toMatchObject({ Digest: image.digest, Os: 'linux', Architecture: 'amd64', Layers: [expect.any(String), image.layerDigest] });
  });

  it('moves the base\'s blobs where the registry does not mount', async () => {
    const mountless = await front((incoming) => {
      incoming.url = incoming.url!.replace(/\?mount=.*/, '');
      return false;
    });
    const reference = parseImageReference(await pushBase(client, 'base-unmounted'));
    const base = await new BaseImages(mountless).resolve(`${mountless.host}/base-unmounted@${reference.digest}`);
    await appendLayer(mountless, { base, repository: 'tenants/t/unmounted', files: code, folder: 'function' });
    expect(await client.hasBlob('tenants/t/unmounted', base.manifest.layers[0]!.digest)).toBe(true);
  });
});

describe('BaseImages', () => {
  it('narrows an index to the platform, and reads a digest once', async () => {
    const reference = parseImageReference(await pushBase(client, 'multi'));
    const head = (await client.headManifest('multi', reference.digest!))!;
    const arm = { mediaType: head.mediaType, digest: reference.digest!, size: head.size, platform: { os: 'linux', architecture: 'arm64' } };
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests: [arm, { ...arm, platform: { os: 'linux', architecture: 'amd64' } }] }));
    const onlyArm = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests: [arm] }));
    await client.putManifest('multi', index, MEDIA_TYPE.ociIndex, 'both');
    await client.putManifest('multi', onlyArm, MEDIA_TYPE.ociIndex, 'arm');
    let reads = 0;
    const counted = await front((incoming) => {
      reads += incoming.method === 'GET' ? 1 : 0;
      return false;
    });
    const bases = new BaseImages(counted);
    const base = await bases.resolve(`${counted.host}/multi:both`);
    expect(base.digest).toBe(reference.digest);
    const before = reads;
    await bases.resolve(`${counted.host}/multi:both`);
    expect(reads).toBe(before);
    await expect(bases.resolve(`${counted.host}/multi:arm`)).rejects.toMatchObject({ code: 'IMAGE_UNSUPPORTED' });
    await expect(bases.resolve(`${counted.host}/multi:none`)).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
    await expect(bases.resolve('elsewhere.example/multi:both')).rejects.toMatchObject({ code: 'IMAGE_REFERENCE_INVALID' });
  });
});

describe('RegistryDirectory', () => {
  it('pins a tag to the digest it has now', async () => {
    const reference = await pushBase(client, 'pinned', { tag: 'stable' });
    const directory = new RegistryDirectory(client, { 'other.example': { url: registry.url } });
    closing.push(() => directory.close());
    expect(await directory.resolveDigest(parseImageReference(`${client.host}/pinned:stable`))).toBe(reference);
    expect(await directory.resolveDigest(parseImageReference('other.example/pinned:stable'))).toBe(reference.replace(client.host, 'other.example'));
    await expect(directory.resolveDigest(parseImageReference(`${client.host}/pinned:nope`))).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND', kind: 'invalid' });
    await expect(directory.resolveDigest(parseImageReference(`${client.host}/pinned@sha256:${'0'.repeat(64)}`))).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
  });
});
