import { describe, expect, it } from 'vitest';
import { readSourceArchive } from '../archives/source-archive.js';
import type { SourceFile } from '../archives/source-file.js';
import { demandImageAllowed, isImageAllowed, tenantRepositoryPrefix } from './image-access.policy.js';
import { changedConfig, changedManifest } from './image-changes.policy.js';
import type { ImageConfig, ImageManifest } from './image-documents.js';
import { buildLayer } from './image-layer.js';
import { formatImageReference, parseImageReference } from './image-reference.js';
import { MEDIA_TYPE } from './media-types.js';
import { digestOf } from './registry-client.js';
import { parseBearerChallenge } from './registry-challenge.policy.js';
import { parseRegistryCredentials } from './registry-options.js';

const HEX = 'a'.repeat(64);

describe('parseImageReference', () => {
  it.each([
    ['nginx', { registry: 'docker.io', repository: 'library/nginx', tag: 'latest' }],
    ['acme/app:1.2', { registry: 'docker.io', repository: 'acme/app', tag: '1.2' }],
    ['Registry.Example:5000/a/b_c.d-e', { registry: 'registry.example:5000', repository: 'a/b_c.d-e', tag: 'latest' }],
    ['localhost/x:y', { registry: 'localhost', repository: 'x', tag: 'y' }],
    [`127.0.0.1:5000/tenants/t/f@sha256:${HEX}`, { registry: '127.0.0.1:5000', repository: 'tenants/t/f', digest: `sha256:${HEX}` }],
    [`ghcr.io/a/b:v1@sha256:${HEX}`, { registry: 'ghcr.io', repository: 'a/b', tag: 'v1', digest: `sha256:${HEX}` }],
    ['[::1]:5000/a', { registry: '[::1]:5000', repository: 'a', tag: 'latest' }],
  ])('reads %s', (text, parts) => {
    expect(parseImageReference(text)).toEqual(parts);
  });

  it.each([
    '', ' ', 'UPPER/case', 'a/b:', 'a/b:-x', 'a@sha256:short', `a@sha512:${HEX}`, `a@sha256:${HEX}@sha256:${HEX}`, `a@sha256:${HEX.toUpperCase()}`, 'registry.example/', '/a/b',
    'registry.example/a//b', 'registry.example/../b', 'registry.example/a/%2e%2e/b', 'http://registry.example/a', 'user:pass@registry.example/a', 'registry.example:port/a', 'a b', 'a\nb',
    `registry.example/${'x'.repeat(600)}`, 'registry.example/a?b', 'registry.example/a#b', 'registry_.example/a',
  ])('refuses %j', (text) => {
    expect(() => parseImageReference(text)).toThrow(expect.objectContaining({ code: 'IMAGE_REFERENCE_INVALID', kind: 'invalid' }));
  });

  it('is written back by digest where there is one', () => {
    expect(formatImageReference(parseImageReference(`ghcr.io/a/b:v1@sha256:${HEX}`))).toBe(`ghcr.io/a/b@sha256:${HEX}`);
    expect(formatImageReference(parseImageReference('nginx'))).toBe('docker.io/library/nginx:latest');
  });
});

describe('isImageAllowed', () => {
  const access = { registryHosts: ['127.0.0.1:5000', 'registry.internal'], tenantRepositoryPrefix: tenantRepositoryPrefix('t1'), allowedExternal: ['ghcr.io/acme', 'quay.io', 'docker.io/library/nginx', 'x.example/team/*'] };

  it.each([
    ['127.0.0.1:5000/tenants/t1/f', true],
    ['registry.internal/tenants/t1/f:tag', true],
    ['127.0.0.1:5000/tenants/t1', false],
    ['127.0.0.1:5000/tenants/t2/f', false],
    ['127.0.0.1:5000/tenants/t10/f', false],
    ['registry.internal/fnplane/runtime-go', false],
    ['127.0.0.1:5001/tenants/t1/f', false],
    ['localhost:5000/tenants/t1/f', false],
    ['ghcr.io/acme/app', true],
    ['ghcr.io/acme-evil/app', false],
    ['ghcr.io/other/app', false],
    ['quay.io/any/thing', true],
    ['quay.io.evil.example/any', false],
    ['nginx', true],
    ['nginx-evil', false],
    ['x.example/team/app', true],
    ['x.example/teams/app', false],
  ])('%s: %s', (text, allowed) => {
    expect(isImageAllowed(parseImageReference(text), access)).toBe(allowed);
  });

  it('says what is allowed', () => {
    expect(() => demandImageAllowed(parseImageReference('evil.example/x'), access)).toThrow(expect.objectContaining({ code: 'IMAGE_NOT_ALLOWED', message: expect.stringContaining('ghcr.io/acme') }));
    expect(() => demandImageAllowed(parseImageReference('evil.example/x'), { ...access, allowedExternal: [] })).toThrow(/deploy from source/);
    expect(isImageAllowed(parseImageReference('evil.example/x'), { ...access, allowedExternal: ['', '*', '/'] })).toBe(false);
  });
});

describe('buildLayer', () => {
  const files: SourceFile[] = [
    { type: 'file', path: 'pkg/b.py', mode: 0o644, content: Buffer.from('b') },
    { type: 'file', path: 'run', mode: 0o755, content: Buffer.from('a') },
    { type: 'symlink', path: 'pkg/link', target: 'b.py' },
    { type: 'file', path: `${'long/'.repeat(20)}ünï.txt`, mode: 0o644, content: Buffer.from('u') },
  ];

  it('gives the same bytes for the same files in any order', async () => {
    const layer = await buildLayer(files, '/function/');
    const again = await buildLayer([...files].reverse(), 'function');
    expect(again).toEqual(layer);
    expect(layer.digest).toBe(digestOf(layer.packed));
    expect(layer.diffId).not.toBe(layer.digest);
    expect((await buildLayer(files.slice(1), 'function')).digest).not.toBe(layer.digest);
  });

  it('holds the files below its folder, and what it says can be read back', async () => {
    const read = await readSourceArchive((await buildLayer(files, 'function')).packed);
    expect(read.map((file) => file.path)).toEqual([`function/${'long/'.repeat(20)}ünï.txt`, 'function/pkg/b.py', 'function/pkg/link', 'function/run']);
    expect(read[3]).toMatchObject({ mode: 0o755 });
  });
});

describe('an appended image', () => {
  const base: ImageConfig = {
    os: 'linux', architecture: 'amd64', created: '2024-05-05T05:05:05Z', author: 'base', rootfs: { type: 'layers', diff_ids: ['sha256:1'] }, history: [{ created_by: 'x' }],
    config: { Env: ['PATH=/bin', 'A=1'], Labels: { l: '1' }, Entrypoint: ['/start'], User: '65532', StopSignal: 'SIGTERM' },
  };

  it('has the base\'s configuration with the changes', () => {
    const result = changedConfig(base, 'sha256:2', { env: { B: '2', A: 'new' }, labels: { m: '2' }, workingDir: '/function', entrypoint: ['/function/handler'], cmd: [] });
    expect(result).toEqual({
      os: 'linux', architecture: 'amd64', created: '1970-01-01T00:00:00Z', author: 'base', rootfs: { type: 'layers', diff_ids: ['sha256:1', 'sha256:2'] },
      history: [{ created_by: 'x' }, { created: '1970-01-01T00:00:00Z', created_by: 'fnplane', comment: 'function code' }],
      config: { Env: ['PATH=/bin', 'A=new', 'B=2'], Labels: { l: '1', m: '2' }, Entrypoint: ['/function/handler'], Cmd: [], User: '65532', WorkingDir: '/function', StopSignal: 'SIGTERM' },
    });
    expect(base.config?.Env).toEqual(['PATH=/bin', 'A=1']);
  });

  it('leaves a base without history without one, and takes one without configuration', () => {
    const bare: ImageConfig = { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [] } };
    const result = changedConfig(bare, 'sha256:2', { env: { A: '1' } });
    expect(result).not.toHaveProperty('history');
    expect(result.config).toEqual({ Env: ['A=1'] });
  });

  it.each([
    [MEDIA_TYPE.ociManifest, MEDIA_TYPE.ociLayer, { 'org.opencontainers.image.base.digest': 'sha256:base' }],
    [MEDIA_TYPE.dockerManifest, MEDIA_TYPE.dockerLayer, undefined],
  ])('speaks the base\'s dialect: %s', (manifestType, layerType, annotations) => {
    const manifest: ImageManifest = { schemaVersion: 2, config: { mediaType: 'c', digest: 'sha256:c', size: 1 }, layers: [{ mediaType: 'l', digest: 'sha256:l', size: 2 }] };
    const result = changedManifest(manifest, manifestType, 'sha256:base', { mediaType: 'c', digest: 'sha256:n', size: 3 }, { digest: 'sha256:m', size: 4 });
    expect(result.layers).toEqual([manifest.layers[0], { mediaType: layerType, digest: 'sha256:m', size: 4 }]);
    expect(result.annotations).toEqual(annotations);
  });
});

describe('registry credentials', () => {
  it('are read as user and password, or as a token', () => {
    expect(parseRegistryCredentials('user:pass:word')).toEqual({ username: 'user', password: 'pass:word' });
    expect(parseRegistryCredentials('abc')).toEqual({ token: 'abc' });
  });

  it.each([
    ['Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a:pull"', { realm: 'https://auth.example/token', service: 'registry.example', scope: 'repository:a:pull' }],
    ['Basic realm="x", Bearer realm="https://auth.example/token"', { realm: 'https://auth.example/token', service: undefined, scope: undefined }],
    ['Basic realm="x"', undefined],
    ['Bearer scope="x"', undefined],
  ])('challenge %s', (header, challenge) => {
    expect(parseBearerChallenge(header)).toEqual(challenge);
  });
});
