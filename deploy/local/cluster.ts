import { parseArgs } from 'node:util';
import { ensureBinaries } from './cluster/builds.ts';
import { clusterDown } from './cluster/down.ts';
import { cacheFolder } from './cluster/layout.ts';
import { ensurePackages } from './cluster/packages.ts';
import { Progress } from './cluster/progress.ts';
import { clusterStatus } from './cluster/status.ts';
import { clusterUp } from './cluster/up.ts';

const USAGE = `usage: npm run cluster -- up|down|status|build [--json] [--data DIR]

  up      start the local cluster, or what of it does not run
  down    end it and take away all that it made
  status  say what runs; exit code 0 when all of it does
  build   install and build what \`up\` needs, start nothing
`;

const interruption = new AbortController();

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: 'boolean' }, data: { type: 'string' }, help: { type: 'boolean' } } });
  const [verb, ...rest] = positionals;
  if (values.help || rest.length > 0 || !verb || !['up', 'down', 'status', 'build'].includes(verb)) {
    process.stderr.write(USAGE);
    return values.help ? 0 : 2;
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => interruption.abort());
  const options = { ...(values.data ? { data: values.data } : {}), signal: interruption.signal };
  const answer = await { up: () => clusterUp(options), down: () => clusterDown(options), status: () => clusterStatus(options), build: () => build(interruption.signal) }[verb as 'up']();
  if (answer !== undefined) process.stdout.write(values.json ? `${JSON.stringify(answer)}\n` : describe(answer));
  return verb === 'status' && !(answer as { healthy?: boolean }).healthy ? 1 : 0;
}

async function build(signal: AbortSignal) {
  const progress = new Progress();
  await ensurePackages(progress);
  return ensureBinaries(cacheFolder(), progress, signal);
}

function describe(answer: object): string {
  return Object.entries(answer).map(([name, value]) => `${name}: ${typeof value === 'object' ? JSON.stringify(value) : String(value)}\n`).join('');
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    const interrupted = interruption.signal.aborted;
    process.stderr.write(interrupted ? 'interrupted: what was started has been stopped again\n' : `${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(interrupted ? 130 : 1);
  },
);
