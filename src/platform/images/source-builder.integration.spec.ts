import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inlineSource, readSourceArchive } from '../archives/source-archive.js';
import type { SourceContent, SourceFile } from '../archives/source-file.js';
import type { ImageConfig, ImageManifest } from './image-documents.js';
import { parseImageReference } from './image-reference.js';
import { RegistryClient } from './registry-client.js';
import type { BuildRequest, BuiltImage } from './source-build.js';
import { SourceBuilder } from './source-builder.js';
import { pushBase, RegistryProcess } from './testing/registry-process.js';

const SDK = fileURLToPath(new URL('../../../deploy/runtimes/go', import.meta.url));
const BUILD_MS = 120_000;
const GO_HANDLER = 'package function\n\nimport (\n\t"context"\n\n\t"fnplane.dev/fn"\n)\n\nfunc Handle(ctx context.Context, event fn.Event) (any, error) { return "ok", nil }\n';

let registry: RegistryProcess;
let client: RegistryClient;
let builder: SourceBuilder;
let cacheDir: string;

beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'fnplane-build-'));
  registry = await RegistryProcess.start();
  client = new RegistryClient({ url: registry.url });
  const [python, node, go] = await Promise.all(['python', 'node', 'go'].map((name) => pushBase(client, `fnplane/runtime-${name}`)));
  builder = new SourceBuilder({ registry: client, runtimeImages: { python: python!, node: node!, go: go! }, cacheDir, goSdkDir: SDK });
  await builder.warm();
}, 240_000);

afterAll(async () => {
  await client?.close();
  await registry?.stop();
  await rm(cacheDir, { recursive: true, force: true });
});

function build(runtime: BuildRequest['runtime'], files: readonly SourceFile[] | Record<string, string>, more: Partial<BuildRequest> = {}): Promise<BuiltImage> {
  const tenantId = more.tenantId ?? 'a0000000-0000-4000-8000-000000000001';
  return builder.build({
    tenantId, repository: `tenants/${tenantId}/f`, runtime, handler: 'handler.handle',
    files: Array.isArray(files) ? (files as SourceFile[]) : inlineSource(files as Record<string, string>), ...more,
  });
}

async function filesOf(image: BuiltImage): Promise<SourceFile[]> {
  const { repository } = parseImageReference(image.reference);
  return readSourceArchive((await client.getBlob(repository, image.layerDigest, 64 * 1024 * 1024))!);
}

async function failure(work: Promise<unknown>): Promise<{ code: string; kind: string; message: string }> {
  return work.then(() => expect.unreachable('it should have failed'), (error: unknown) => error) as Promise<{ code: string; kind: string; message: string }>;
}

describe('any runtime', () => {
  it('puts the code below /function upon the base and pushes it by digest', { timeout: BUILD_MS }, async () => {
    const image = await build('python', { 'handler.py': 'def handle(event, context): return 1\n', 'pkg/deep/data.txt': 'x' });
    const { registry: host, repository, digest } = parseImageReference(image.reference);
    expect(host).toBe(client.host);
    expect(repository).toBe('tenants/a0000000-0000-4000-8000-000000000001/f');
    const manifest = JSON.parse((await client.getManifest(repository, digest!))!.bytes.toString()) as ImageManifest;
    const config = JSON.parse((await client.getBlob(repository, manifest.config.digest, 1e6))!.toString()) as ImageConfig;
    expect(manifest.layers).toHaveLength(2);
    expect(config.rootfs.diff_ids).toHaveLength(2);
    expect(config.config).toMatchObject({ Entrypoint: ['/start'], User: '65532', Labels: { 'dev.fnplane.runtime': 'python' } });
    expect((await filesOf(image)).map((file) => file.path)).toEqual(['function/handler.py', 'function/pkg/deep/data.txt']);
    expect(image.sizeBytes).toBe(manifest.config.size + manifest.layers[0]!.size + manifest.layers[1]!.size);
  });

  it('finds the same source again without building it', { timeout: BUILD_MS }, async () => {
    const first = await build('node', { 'handler.mjs': 'export const handle = () => 1;\n' });
    const second = await build('node', { 'handler.mjs': 'export const handle = () => 1;\n' });
    const other = await build('node', { 'handler.mjs': 'export const handle = () => 2;\n' });
    expect(first.cached).toBe(false);
    expect(second).toMatchObject({ cached: true, reference: first.reference, sizeBytes: first.sizeBytes, layerDigest: first.layerDigest });
    expect(other.digest).not.toBe(first.digest);
  });

  it('gives two tenants the same layer in repositories of their own', { timeout: BUILD_MS }, async () => {
    const files = { 'handler.py': 'def handle(e, c): return "same"\n' };
    const [a, b] = await Promise.all(['t-one', 't-two'].map((tenantId) => build('python', files, { tenantId })));
    expect(a!.digest).toBe(b!.digest);
    expect(a!.reference).not.toBe(b!.reference);
  });

  it.each([
    ['python', { 'main.py': '' }, 'handler.handle', 'handler.py'],
    ['node', { 'main.js': '' }, 'handler.handle', 'handler.js'],
    ['python', { 'app/handler.py': '' }, 'handler.handle', 'Everything is inside the folder "app"'],
    ['go', { 'cmd/x.go': 'package x' }, '', 'no .go file at its root'],
  ] as const)('refuses %s without the handler it names (%#)', async (runtime, files, handler, words) => {
    expect(await failure(build(runtime, files, { handler }))).toMatchObject({ code: 'BUILD_HANDLER_MISSING', message: expect.stringContaining(words) });
  });

  it('leaves no workspace behind, whether a build succeeds, fails or is aborted', { timeout: BUILD_MS }, async () => {
    await build('python', { 'handler.py': '1' });
    await failure(build('go', { 'handler.go': 'package function\nfunc Handle(\n' }));
    const abort = new AbortController();
    const aborted = failure(build('go', { 'handler.go': GO_HANDLER.replace('ok', 'aborted') }, { signal: abort.signal }));
    setImmediate(() => abort.abort(new Error('the deploy was replaced')));
    expect(await aborted).toMatchObject({ message: 'the deploy was replaced' });
    expect(await readdir(join(cacheDir, 'work'))).toEqual([]);
  });
});

describe('Go', () => {
  it('compiles a function into one static binary', { timeout: BUILD_MS }, async () => {
    const image = await build('go', { 'handler.go': GO_HANDLER });
    const [binary, ...others] = await filesOf(image);
    expect(others).toEqual([]);
    expect(binary).toMatchObject({ path: 'function/handler', mode: 0o755 });
    expect((binary as { content: Buffer }).content.subarray(0, 4).toString('latin1')).toBe('\u007fELF');
    expect((binary as { content: Buffer }).content.includes(cacheDir)).toBe(false);
  });

  it('builds four tenants at once, none in the cache of another', { timeout: BUILD_MS }, async () => {
    const tenants = ['p1', 'p2', 'p3', 'p4'];
    const images = await Promise.all(tenants.map((tenantId) => build('go', { 'handler.go': GO_HANDLER.replace('ok', tenantId) }, { tenantId })));
    expect(new Set(images.map((image) => image.digest)).size).toBe(4);
    expect((await readdir(join(cacheDir, 'go/tenants'))).filter((name) => tenants.includes(name)).sort()).toEqual(tenants);
  });

  it('fetches modules that go.sum locks, and compiles own packages and replaced folders', { timeout: BUILD_MS }, async () => {
    const image = await build('go', {
      'go.mod': 'module example.com/payments\n\ngo 1.21\n\nrequire (\n\tgithub.com/google/uuid v1.6.0\n\texample.com/money v0.0.0\n\tfnplane.dev/fn v0.3.0\n)\n\nreplace example.com/money => ./money\n',
      'go.sum': 'github.com/google/uuid v1.6.0 h1:NIvaJDMOsjHA8n1jAhLSgzrAzy1Hgr+hNrb57e+94F0=\ngithub.com/google/uuid v1.6.0/go.mod h1:TIyPZe4MgqvfeYDBFedMoGGpEw/LqOeaOT+nhxU+yHo=\n',
      'money/go.mod': 'module example.com/money\n\ngo 1.21\n',
      'money/money.go': 'package money\n\nconst Unit = "cent"\n',
      'internal/ids/ids.go': 'package ids\n\nimport "github.com/google/uuid"\n\nfunc New() string { return uuid.NewString() }\n',
      'handler.go': 'package payments\n\nimport (\n\t"context"\n\n\t"example.com/money"\n\t"example.com/payments/internal/ids"\n\t"fnplane.dev/fn"\n)\n\nfunc Handle(ctx context.Context, event fn.Event) (any, error) { return ids.New() + money.Unit, nil }\n',
    });
    expect(image.timings.dependenciesMs).toBeGreaterThan(0);
    expect((await filesOf(image)).map((file) => file.path)).toEqual(['function/handler']);
  });

  it('chooses versions where no go.sum locks them, checked against the checksum database', { timeout: BUILD_MS }, async () => {
    const image = await build('go', { 'handler.go': GO_HANDLER.replace('"context"', '"context"\n\t_ "github.com/google/uuid"') });
    expect(image.timings.dependenciesMs).toBeGreaterThan(0);
    const error = await failure(build('go', { 'handler.go': GO_HANDLER.replace('"context"', '"context"\n\t_ "github.com/google/uuid/nothing/here"') }));
    expect(error).toMatchObject({ code: 'BUILD_DEPENDENCIES_FAILED', message: expect.stringContaining('github.com/google/uuid/nothing/here') });
  });

  it('refuses a go.mod that is a link', { timeout: BUILD_MS }, async () => {
    const files: SourceFile[] = [...inlineSource({ 'handler.go': GO_HANDLER, 'other.mod': 'module function\n' }), { type: 'symlink', path: 'go.mod', target: 'other.mod' }];
    expect(await failure(build('go', files))).toMatchObject({ code: 'BUILD_DEPENDENCIES_REFUSED' });
  });

  it('refuses a module whose content is not what go.sum says', { timeout: BUILD_MS }, async () => {
    const error = await failure(build('go', {
      'go.mod': 'module function\n\ngo 1.22\n\nrequire github.com/google/uuid v1.6.0\n',
      'go.sum': 'github.com/google/uuid v1.6.0 h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\ngithub.com/google/uuid v1.6.0/go.mod h1:TIyPZe4MgqvfeYDBFedMoGGpEw/LqOeaOT+nhxU+yHo=\n',
      'handler.go': GO_HANDLER.replace('"context"', '"context"\n\t_ "github.com/google/uuid"'),
    }, { tenantId: 'checksum' }));
    expect(error).toMatchObject({ code: 'BUILD_DEPENDENCIES_FAILED', message: expect.stringContaining('checksum mismatch') });
  });

  it.each([
    ['a syntax error', { 'handler.go': 'package function\n\nfunc Handle( {\n' }, ['handler.go:3:']],
    ['a type error in a package of its own', { 'handler.go': GO_HANDLER.replace('"context"', '"context"\n\t_ "function/sub"'), 'sub/sub.go': 'package sub\n\nvar x int = "y"\n' }, ['sub/sub.go:3:13', 'cannot use "y"']],
    ['no Handle', { 'handler.go': 'package function\n' }, ['has no func Handle(ctx context.Context, event fn.Event) (any, error)']],
    ['another signature', { 'handler.go': 'package function\n\nfunc Handle() {}\n' }, ['Handle must be func Handle(', 'it is: func()']],
    ['package main', { 'handler.go': GO_HANDLER.replace('package function', 'package main') }, ['The package at the root is called main', '"package function"']],
    ['cgo', { 'handler.go': GO_HANDLER.replace('"context"', '"C"\n\t"context"') }, ['without cgo']],
    ['a kept folder', { 'handler.go': GO_HANDLER, 'fnplane_start/main.go': 'package main' }, ['is kept for the platform']],
  ])('says what is wrong: %s', { timeout: BUILD_MS }, async (_name, files, words) => {
    const error = await failure(build('go', files as unknown as Record<string, string>));
    expect(error).toMatchObject({ code: 'BUILD_COMPILE_FAILED', kind: 'invalid' });
    for (const word of words) expect(error.message).toContain(word);
    expect(error.message).not.toMatch(/\/src|\/tmp|fnplane-build|fnplane_start\/main/);
  });

  it.each([
    ['replace example.com/x => ../x\n', 'outside of the source'],
    ['replace example.com/x => /etc\n', 'outside of the source'],
    ['replace example.com/x => ./a/../../x\n', 'outside of the source'],
  ])('refuses %j', { timeout: BUILD_MS }, async (line, words) => {
    const error = await failure(build('go', { 'go.mod': `module function\n\ngo 1.22\n\n${line}`, 'handler.go': GO_HANDLER }));
    expect(error).toMatchObject({ code: 'BUILD_DEPENDENCIES_REFUSED', message: expect.stringContaining(words) });
  });

  it('does not compile what a file of the host would have to give', { timeout: BUILD_MS }, async () => {
    const error = await failure(build('go', {
      'handler.go': GO_HANDLER.replace('"context"', '"context"\n\t_ "embed"') + '\n//go:embed ../../etc/passwd\nvar secret string\n',
    }));
    expect(error.code).toBe('BUILD_COMPILE_FAILED');
  });
});

describe('Python', () => {
  it('installs wheels that requirements.txt names with hashes beside the code', { timeout: BUILD_MS }, async () => {
    const image = await build('python', {
      'handler.py': 'import idna\n\ndef handle(event, context): return idna.__version__\n',
      'requirements.txt': 'idna==3.7 \\\n  --hash=sha256:82fee1fc78add43492d3a1898bfa6d8a904cc97d8427f683ed8e798d07761aa0\n',
    });
    const paths = (await filesOf(image)).map((file) => file.path);
    expect(paths).toContain('function/handler.py');
    expect(paths).toContain('function/.packages/idna/core.py');
    // Bytecode of what was installed, taken by the interpreter as it is: the second word of its head, 0b01, says that nothing is to be checked.
    const bytecode = (await filesOf(image)).find((file) => file.path === 'function/.packages/idna/__pycache__/core.cpython-311.pyc');
    expect((bytecode as SourceContent).content.readUInt32LE(4)).toBe(0b01);
    expect(paths.filter((path) => path.startsWith('function/__pycache__'))).toEqual([]);
    expect(image.timings.dependenciesMs).toBeGreaterThan(0);
  });

  it.each([
    ['a wrong hash', `idna==3.7 --hash=sha256:${'0'.repeat(64)}`, 'BUILD_DEPENDENCIES_FAILED', /hash/i],
    ['a version that does not exist', 'idna==0.0.99', 'BUILD_DEPENDENCIES_FAILED', /idna==0\.0\.99/],
    ['a URL', 'idna @ http://127.0.0.1:1/idna.whl', 'BUILD_DEPENDENCIES_REFUSED', /line 1/],
  ])('refuses %s', { timeout: BUILD_MS }, async (_name, line, code, words) => {
    expect(await failure(build('python', { 'handler.py': '', 'requirements.txt': `${line}\n` }))).toMatchObject({ code, message: expect.stringMatching(words) });
  });
});

describe('Node', () => {
  const lock = (resolved: string): string => JSON.stringify({
    name: 'f', version: '1.0.0', lockfileVersion: 3, requires: true,
    packages: {
      '': { name: 'f', version: '1.0.0', dependencies: { ms: '2.1.3' } },
      'node_modules/ms': { version: '2.1.3', resolved, integrity: 'sha512-6FlzubTLZG3J2a/NVCAleEhjzq5oxgHyaCU9yYXvcLsvoVaHJq/s5xXI6/XXP6tz7R9xAOtHnSO/tXtF3WRTlA==' },
    },
  });
  const manifest = JSON.stringify({ name: 'f', version: '1.0.0', dependencies: { ms: '2.1.3' }, scripts: { preinstall: 'touch /function/ran', postinstall: 'touch /function/ran' } });

  it('installs what package-lock.json names, and runs no script', { timeout: BUILD_MS }, async () => {
    const image = await build('node', { 'handler.js': '', 'package.json': manifest, 'package-lock.json': lock('https://registry.npmjs.org/ms/-/ms-2.1.3.tgz'), '.npmrc': 'registry=http://127.0.0.1:1/' });
    const paths = (await filesOf(image)).map((file) => file.path);
    expect(paths).toContain('function/node_modules/ms/index.js');
    expect(paths).toContain('function/handler.js');
    expect(paths).not.toContain('function/ran');
    expect(paths).not.toContain('function/.npmrc');
  });

  it('takes node_modules of the archive as it is where there is no lock', { timeout: BUILD_MS }, async () => {
    const image = await build('node', { 'handler.js': '', 'node_modules/own/index.js': '1' });
    expect((await filesOf(image)).map((file) => file.path)).toContain('function/node_modules/own/index.js');
  });

  it('refuses a lock that fetches from elsewhere, and one that does not fit package.json', { timeout: BUILD_MS }, async () => {
    const elsewhere = await failure(build('node', { 'handler.js': '', 'package.json': manifest, 'package-lock.json': lock('http://169.254.169.254/ms.tgz') }));
    expect(elsewhere).toMatchObject({ code: 'BUILD_DEPENDENCIES_REFUSED', message: expect.stringContaining('node_modules/ms') });
    const stale = await failure(build('node', {
      'handler.js': '', 'package.json': manifest.replace('"2.1.3"', '"2.1.2"'), 'package-lock.json': lock('https://registry.npmjs.org/ms/-/ms-2.1.3.tgz'),
    }));
    expect(stale).toMatchObject({ code: 'BUILD_DEPENDENCIES_FAILED', message: expect.stringContaining('package-lock.json') });
  });
});
