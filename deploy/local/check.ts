import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { checkout } from './cluster/layout.ts';

interface Check {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly timeoutMs: number;
}

interface Outcome {
  readonly check: Check;
  readonly problem: string | undefined;
  readonly ms: number;
}

const node = process.execPath;
const installed = (path: string) => join(checkout, 'node_modules', path);
const kubelocal = join(checkout, 'deploy/local/kubelocal');

/** From slow to quick, as two run at a time. */
const CHECKS: readonly Check[] = [
  { name: 'lint', command: node, args: [installed('eslint/bin/eslint.js'), '--max-warnings', '0', '.'], timeoutMs: 300_000 },
  { name: 'types', command: node, args: [installed('typescript/bin/tsc'), '--noEmit', '-p', '.'], timeoutMs: 300_000 },
  { name: 'who may know whom', command: node, args: [installed('dependency-cruiser/bin/dependency-cruiser.mjs'), '--config', '.dependency-cruiser.cjs', 'src'], timeoutMs: 120_000 },
  { name: 'generated files', command: node, args: ['dist/src/generate.js', '--check'], timeoutMs: 120_000 },
  { name: 'rules of the network enforcer', command: 'go', args: ['test', '-trimpath', '-timeout', '60s', './networkpolicy/...'], cwd: kubelocal, timeoutMs: 900_000 },
];

/** @returns what is wrong: the check's output, or undefined */
function perform({ command, args, cwd, timeoutMs }: Check): Promise<string | undefined> {
  return new Promise((resolve) => {
    let output = '';
    const child = spawn(command, args, { cwd: cwd ?? checkout, stdio: ['ignore', 'pipe', 'pipe'], timeout: timeoutMs, env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false', FORCE_COLOR: '0' } });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-200_000)));
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => resolve(code === 0 ? undefined : `${output.trim()}\n(ended with ${signal ?? code})`));
  });
}

async function main(names: readonly string[]): Promise<number> {
  const chosen = names.length > 0 ? CHECKS.filter(({ name }) => names.includes(name.split(' ')[0] ?? '')) : CHECKS;
  if (chosen.length === 0) {
    process.stderr.write(`usage: npm run check [-- ${CHECKS.map(({ name }) => name.split(' ')[0]).join('|')}]\n`);
    return 2;
  }
  if (!existsSync(join(checkout, 'dist/src'))) process.stderr.write('dist is missing: run this through npm run check\n');
  const queue = [...chosen];
  const outcomes: Outcome[] = [];
  const work = async () => {
    for (let check = queue.shift(); check; check = queue.shift()) {
      const begun = performance.now();
      const problem = await perform(check);
      const outcome = { check, problem, ms: performance.now() - begun };
      outcomes.push(outcome);
      process.stdout.write(`${problem === undefined ? 'ok  ' : 'FAIL'} ${check.name} (${(outcome.ms / 1000).toFixed(1)} s)\n`);
      if (problem !== undefined) process.stdout.write(`${problem.replace(/^/gm, '     ')}\n`);
    }
  };
  await Promise.all([work(), work()]);
  const failed = outcomes.filter(({ problem }) => problem !== undefined).map(({ check }) => check.name);
  process.stdout.write(failed.length > 0 ? `Checks failed: ${failed.join(', ')}\n` : `All ${outcomes.length} checks passed.\n`);
  return failed.length > 0 ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
