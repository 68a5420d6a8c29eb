import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { inlineSource } from '../archives/source-archive.js';
import { shownLines } from './build-errors.js';
import { BuildSlots } from './build-slots.js';
import { dependencyFailure } from './dependency-failure.policy.js';
import { goFailure } from './go-diagnostics.policy.js';
import { goWrapper, planGoModule, type GoModFile } from './go-module.policy.js';
import { demandHandlerFile } from './handler-file.policy.js';
import { demandRegistryLock } from './package-lock.policy.js';
import { readRequirements } from './python-requirements.policy.js';
import { sourceDigest } from './source-digest.js';
import { hostToolEnvironment, proxiesOnly } from './tool-environment.js';

const REFUSED = expect.objectContaining({ code: 'BUILD_DEPENDENCIES_REFUSED', kind: 'invalid' });

describe('demandHandlerFile', () => {
  it.each([
    ['python', 'handler.handle', 'handler.py'], ['python', 'app.main.run', 'app/main.py'], ['python', 'app.run', 'app/__init__.py'], ['python', 'app/main.run', 'app/main.py'],
    ['node', 'handler.handle', 'handler.mjs'], ['node', 'src/index.handle', 'src/index.cjs'], ['node', 'a.b.handle', 'a.b.js'], ['node', 'index.handle', 'index.ts'],
    ['go', 'anything', 'function.go'],
  ] as const)('%s %s is in %s', (runtime, handler, path) => {
    expect(() => demandHandlerFile(runtime, handler, inlineSource({ [path]: '' }))).not.toThrow();
  });

  it.each([
    ['python', 'handler.handle', 'handler.js', 'BUILD_HANDLER_MISSING'], ['node', 'handler.handle', 'handler.py', 'BUILD_HANDLER_MISSING'],
    ['go', '', 'handler_test.go', 'BUILD_HANDLER_MISSING'], ['go', '', 'sub/handler.go', 'BUILD_HANDLER_MISSING'],
    ['python', 'handler', 'handler.py', 'BUILD_HANDLER_INVALID'], ['python', '.handle', 'handler.py', 'BUILD_HANDLER_INVALID'],
    ['node', 'handler.', 'handler.js', 'BUILD_HANDLER_INVALID'], ['node', '../handler.handle', 'handler.js', 'BUILD_HANDLER_INVALID'], ['node', '/handler.handle', 'handler.js', 'BUILD_HANDLER_INVALID'],
  ] as const)('%s %s is not in %s', (runtime, handler, path, code) => {
    expect(() => demandHandlerFile(runtime, handler, inlineSource({ [path]: '' }))).toThrow(expect.objectContaining({ code, kind: 'invalid' }));
  });
});

describe('readRequirements', () => {
  it('takes named packages with versions, extras, markers, comments and hashes', () => {
    const hash = `--hash=sha256:${'a'.repeat(64)}`;
    expect(readRequirements('# all\nrequests[socks,security] >=2.31,<3 ; python_version >= "3.8"  # http\r\n\nidna==3.7\nsix\nurllib3 (>=1.26)\nnumpy ~= 2.0\n--prefer-binary\n')).toEqual({
      lines: ['requests[socks,security] >=2.31,<3 ; python_version >= "3.8"', 'idna==3.7', 'six', 'urllib3 (>=1.26)', 'numpy ~= 2.0'], hashed: false,
    });
    expect(readRequirements(`--require-hashes\nidna==3.7 \\\n    ${hash} \\\n    ${hash}\n`)).toEqual({ lines: [`idna==3.7 ${hash} ${hash}`], hashed: true });
    expect(readRequirements('')).toEqual({ lines: [], hashed: false });
  });

  it.each([
    'git+https://example.com/x.git', 'x @ https://example.com/x.whl', 'x@file:///etc', 'https://example.com/x.tar.gz', './local', '/abs/path', '../up', '-e .', '--editable=.', '-r other.txt',
    '-c constraints.txt', '--index-url https://evil.example', '-i https://evil.example', '--extra-index-url=https://evil.example', '--find-links /', '-f /', '--no-binary :all:', '--only-binary none',
    '--trusted-host evil.example', '--pre', '--config-settings x=y', 'x==1.0 --global-option=y', 'x==1.0 --install-option=y', 'x ; os_name == "posix" @ y', '$(id)', 'a b', `six --hash=sha256:${'a'.repeat(64)}\nidna`,
  ])('refuses %j', (text) => {
    expect(() => readRequirements(text)).toThrow(REFUSED);
  });

  it('names the line where it begins', () => {
    expect(() => readRequirements('six\n\n-e \\\n .\n')).toThrow(/line 3/);
  });

  it('is quick with a hostile line', () => {
    const started = performance.now();
    expect(() => readRequirements(`a${'[b'.repeat(400)}\nx${'==1!'.repeat(240)}@`)).toThrow(REFUSED);
    expect(performance.now() - started).toBeLessThan(500);
  });
});

describe('demandRegistryLock', () => {
  const lock = (packages: object, version = 3): string => JSON.stringify({ lockfileVersion: version, packages });
  const REGISTRY = 'https://npm.internal/api/';

  it('takes packages of the registry and folders of the source', () => {
    expect(() => demandRegistryLock(lock({
      '': {}, 'node_modules/a': { resolved: 'https://registry.npmjs.org/a/-/a-1.0.0.tgz' }, 'node_modules/b': { resolved: 'https://npm.internal/api/b.tgz' },
      'node_modules/c': { resolved: 'packages/c', link: true }, 'packages/c': {}, 'node_modules/d': { resolved: 'file:vendored/d.tgz' }, 'node_modules/e': { version: '1.0.0' },
    }), REGISTRY)).not.toThrow();
  });

  it.each<[string, string]>([
    ['not JSON', '{'], ['not an object', '[]'], ['npm 6', JSON.stringify({ lockfileVersion: 1, dependencies: {} })], ['no packages', JSON.stringify({ lockfileVersion: 3 })],
    ['git', lock({ 'node_modules/a': { resolved: 'git+ssh://git@example.com/a.git#1' } })], ['another host', lock({ 'node_modules/a': { resolved: 'https://evil.example/a.tgz' } })],
    ['the metadata address', lock({ 'node_modules/a': { resolved: 'http://169.254.169.254/latest' } })], ['the host as user', lock({ 'node_modules/a': { resolved: 'https://registry.npmjs.org@evil.example/a.tgz' } })],
    ['another port', lock({ 'node_modules/a': { resolved: 'https://registry.npmjs.org:8443/a.tgz' } })],
    ['a folder outside', lock({ '../outside': {} })], ['a link outside', lock({ 'node_modules/a': { resolved: '../../etc', link: true } })], ['a file outside', lock({ 'node_modules/a': { resolved: 'file:/etc/passwd' } })],
  ])('refuses %s', (_name, text) => {
    expect(() => demandRegistryLock(text, REGISTRY)).toThrow(REFUSED);
  });
});

describe('planGoModule', () => {
  const files = inlineSource({ 'handler.go': 'package function\n\nimport "fnplane.dev/fn"\n' });

  it('makes a go.mod where there is none', () => {
    expect(planGoModule(undefined, files)).toEqual({
      path: 'function', fetches: false, text: 'module "function"\ngo 1.22\nrequire fnplane.dev/fn v0.0.0\nreplace fnplane.dev/fn => /sdk\n',
    });
  });

  it('keeps what the author wrote and puts the SDK in place of any other', () => {
    const given: GoModFile = {
      Module: { Path: 'example.com/pay' }, Go: '1.24.1', Godebug: [{ Key: 'http2client', Value: '0' }],
      Require: [{ Path: 'fnplane.dev/fn', Version: 'v0.9.0' }, { Path: 'a.example/x', Version: 'v1.0.0' }, { Path: 'b.example/y', Version: 'v2.0.0', Indirect: true }],
      Exclude: [{ Path: 'a.example/x', Version: 'v0.9.0' }],
      Replace: [{ Old: { Path: 'fnplane.dev/fn' }, New: { Path: '../sdk' } }, { Old: { Path: 'a.example/x', Version: 'v1.0.0' }, New: { Path: './x' } }, { Old: { Path: 'b.example/y' }, New: { Path: 'c.example/y', Version: 'v2.1.0' } }],
    };
    expect(planGoModule(given, files)).toEqual({ path: 'example.com/pay', fetches: true, text: [
      'module "example.com/pay"', 'go 1.24.1', 'godebug "http2client=0"', 'require fnplane.dev/fn v0.0.0', 'replace fnplane.dev/fn => /sdk', 'require "a.example/x" v1.0.0',
      'require "b.example/y" v2.0.0 // indirect', 'exclude "a.example/x" v0.9.0', 'replace "a.example/x" v1.0.0 => "./x"', 'replace "b.example/y" => "c.example/y" v2.1.0', '',
    ].join('\n') });
  });

  it.each([['1.16', 'go 1.22\n'], ['1.22.5', 'go 1.22.5\n'], ['1.30', 'go 1.30\n'], [undefined, 'go 1.22\n']])('go line %s becomes %j', (version, line) => {
    expect(planGoModule({ Module: { Path: 'm' }, Go: version }, files).text).toContain(line);
  });

  it.each([['/etc'], ['../x'], ['./a/../../x'], ['..']])('refuses to replace a module by %s', (path) => {
    expect(() => planGoModule({ Module: { Path: 'm' }, Replace: [{ Old: { Path: 'a.example/x' }, New: { Path: path } }] }, files)).toThrow(REFUSED);
  });

  it('refuses the platform\'s own name', () => {
    expect(() => planGoModule({ Module: { Path: 'fnplane.dev/fn' } }, files)).toThrow(REFUSED);
  });

  it.each([
    ['import "github.com/google/uuid"', true], ['import u `rsc.io/quote`', true], ['import "function/sub"\nimport "net/http"', false], ['import "fnplane.dev/fn/sub"', false], ['import "example.com/pay/sub"', false],
  ])('%s: needs modules %s', (line, fetches) => {
    expect(planGoModule({ Module: { Path: 'example.com/pay' } }, inlineSource({ 'a.go': `package a\n${line}\n` })).fetches).toBe(fetches);
  });

  it('wraps the module in a main', () => {
    expect(goWrapper('example.com/pay')).toContain('user "example.com/pay"');
  });
});

describe('goFailure', () => {
  it.each<[string, string, string, RegExp]>([
    ['compile errors', '# function\n./handler.go:5:2: undefined: x\n/src/sub/b.go:1:1: expected package\n', 'BUILD_COMPILE_FAILED', /^The code does not compile:\nhandler\.go:5:2: undefined: x\nsub\/b\.go:1:1: expected package$/],
    ['package main', 'fnplane_start/main.go:4:2: import "function" is a program, not an importable package\n', 'BUILD_COMPILE_FAILED', /called main.*"package function"/],
    ['no Handle', '# function/fnplane_start\nfnplane_start/main.go:9:27: undefined: user.Handle\n', 'BUILD_COMPILE_FAILED', /has no func Handle/],
    ['wrong Handle', '# function/fnplane_start\nfnplane_start/main.go:9:27: cannot use user.Handle (value of type func(ctx context.Context) error) as fn.Handler value in argument to fn.Start\n', 'BUILD_COMPILE_FAILED', /it is: func\(ctx context\.Context\) error\.$/],
    ['a missing requirement', 'handler.go:3:8: no required module provides package a.example/x; to add it:\n\tgo get a.example/x\n', 'BUILD_DEPENDENCIES_FAILED', /go get a\.example\/x/],
    ['a missing sum', 'handler.go:3:8: missing go.sum entry for module providing package a.example/x (imported by function); to add:\n', 'BUILD_DEPENDENCIES_FAILED', /missing go\.sum/],
    ['a package a module lacks', 'go: finding module for package a.example/x/y\nhandler.go:3:8: module a.example/x@latest found (v1.6.0), but does not contain package a.example/x/y\n', 'BUILD_DEPENDENCIES_FAILED', /\(go\):\nhandler\.go:3:8: module/],
    ['a newer Go', 'go: go.mod requires go >= 1.99 (running go 1.26.8; GOTOOLCHAIN=local)\n', 'BUILD_DEPENDENCIES_FAILED', /1\.99/],
    ['a proxy out of reach', 'go: a.example/x@v1: Get "https://proxy.example/a": dial tcp: lookup proxy.example: no such host\n', 'BUILD_DEPENDENCIES_UNAVAILABLE', /tried again/],
  ])('%s', (_name, output, code, message) => {
    expect(goFailure(output, '/src')).toMatchObject({ code, message: expect.stringMatching(message) });
  });
});

describe('what is shown of a tool\'s output', () => {
  it('is bounded and plain', () => {
    expect(shownLines(['\u001b[31mred\u001b[0m\u0007', '', ...Array.from({ length: 40 }, (_, index) => `line ${index}`)])).toBe(`red\n${Array.from({ length: 24 }, (_, index) => `line ${index}`).join('\n')}\n(16 more lines)`);
    expect(shownLines(['x'.repeat(10_000)]).length).toBe(3_000);
  });

  it.each([
    ['npm error code ENOTFOUND', 'BUILD_DEPENDENCIES_UNAVAILABLE'], ['npm error 404 Not Found - GET https://registry.example/x', 'BUILD_DEPENDENCIES_FAILED'],
    ['npm error 503 Service Unavailable - GET https://registry.example/x', 'BUILD_DEPENDENCIES_UNAVAILABLE'], ['ERROR: No matching distribution found for x==9', 'BUILD_DEPENDENCIES_FAILED'],
  ])('%s is %s', (line, code) => {
    expect(dependencyFailure('tool', [line]).code).toBe(code);
  });
});

describe('settings of the machine', () => {
  it('go through by name, nothing else does', () => {
    const { env, mounts } = hostToolEnvironment({
      HTTPS_PROXY: 'http://proxy:1', https_proxy: 'http://proxy:1', SSL_CERT_FILE: '/etc/hostname', PIP_INDEX_URL: 'https://pypi.internal', npm_config_cafile: '/does/not/exist', AWS_SECRET_ACCESS_KEY: 's',
      DATABASE_URL: 'postgres://x', npm_config_userconfig: '/root/.npmrc', FNPLANE_INTERNAL_SECRET: 's', GOPRIVATE: '*', PIP_FIND_LINKS: '/etc/apt https://x.example', HTTP_PROXY: '',
    });
    expect(Object.keys(env).sort()).toEqual(['HTTPS_PROXY', 'PIP_FIND_LINKS', 'PIP_INDEX_URL', 'SSL_CERT_FILE', 'https_proxy', 'npm_config_cafile']);
    expect(mounts.map((mount) => mount.from)).toEqual(['/etc/hostname', '/etc/apt']);
  });

  it.each([
    ['https://a,direct', 'https://a'], ['https://a|https://b,direct', 'https://a,https://b'], ['direct', 'off'], ['off', 'off'], ['', 'off'],
  ])('module proxies %j become %j', (given, kept) => {
    expect(proxiesOnly(given)).toBe(kept);
  });
});

describe('sourceDigest', () => {
  const base = inlineSource({ a: '1', b: '2' });

  it('is the same for the same tree and differs with every part of it', () => {
    const others = [
      inlineSource({ a: '12', b: '' }), inlineSource({ a: '1', c: '2' }), inlineSource({ a: '1' }), [{ ...base[0]!, mode: 0o755 as const }, base[1]!], [base[0]!, { type: 'symlink' as const, path: 'b', target: '2' }],
    ];
    const digests = others.map((files) => sourceDigest(files as typeof base, 'x'));
    expect(sourceDigest([...base].reverse(), 'x')).toBe(sourceDigest(base, 'x'));
    expect(new Set([...digests, sourceDigest(base, 'x'), sourceDigest(base, 'y'), sourceDigest(base, 'x', '')]).size).toBe(8);
  });
});

describe('BuildSlots', () => {
  it('runs as many at once as it has places, and takes tenants in turn', async () => {
    const slots = new BuildSlots(2);
    const started: string[] = [];
    const ends: (() => void)[] = [];
    const enter = (tenant: string, name: string): Promise<void> => slots.run(tenant, () => new Promise((resolve) => {
      started.push(name);
      ends.push(resolve);
    }));
    const runs = [enter('a', 'a1'), enter('a', 'a2'), enter('a', 'a3'), enter('a', 'a4'), enter('b', 'b1'), enter('c', 'c1')];
    await turn();
    expect(started).toEqual(['a1', 'a2']);
    for (const expected of ['a3', 'b1', 'c1', 'a4']) {
      ends.shift()!();
      await turn();
      expect(started.at(-1)).toBe(expected);
    }
    for (const end of ends) end();
    await Promise.all(runs);
  });

  it('gives the place back when work fails, and forgets who no longer waits', async () => {
    const slots = new BuildSlots(1);
    const abort = new AbortController();
    let release = (): void => undefined;
    const first = slots.run('a', () => new Promise<void>((_resolve, reject) => { release = () => reject(new Error('failed')); }));
    const waiting = slots.run('b', () => Promise.resolve('never'), abort.signal);
    const next = slots.run('c', () => Promise.resolve('ran'));
    await turn();
    abort.abort(new Error('no longer wanted'));
    await expect(waiting).rejects.toThrow('no longer wanted');
    release();
    await expect(first).rejects.toThrow('failed');
    expect(await next).toBe('ran');
    expect(await slots.run('b', () => Promise.resolve('again'))).toBe('again');
    await expect(slots.run('b', () => Promise.resolve(), abort.signal)).rejects.toThrow('no longer wanted');
  });
});
