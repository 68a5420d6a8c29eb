import { parseArgs } from 'node:util';
import { Progress } from '../../deploy/local/cluster/progress.ts';
import { Cleanup } from './harness/ground.ts';
import { formatTable } from './harness/result.ts';
import { ACCESS, runAccess } from './access/suite.ts';
import { EVENTS, runEvents } from './events/suite.ts';
import { LIFECYCLE, runLifecycle } from './lifecycle/suite.ts';
import { MAIN_JOB, runMainJob } from './main-job/suite.ts';

const SUITES = {
  'main-job': { names: MAIN_JOB, run: runMainJob }, access: { names: ACCESS, run: runAccess }, lifecycle: { names: LIFECYCLE, run: runLifecycle },
  events: { names: EVENTS, run: runEvents },
} as const;

const USAGE = `usage: npm run bench -- --suite main-job|access|lifecycle|events [--json] [--rounds N] [--only NAME]... [--profile FOLDER]

  --json            one JSON object on standard output instead of a table
  --rounds N        rounds of each measurement, at least 5; 7 by default
  --only NAME       main-job: ${MAIN_JOB.join(' ')}; access: ${ACCESS.join(' ')};
                    lifecycle: ${LIFECYCLE.join(' ')}; events: ${EVENTS.join(' ')}
  --profile FOLDER  CPU profiles of the platform's processes (they slow it down)
  Starts the Postgres and the cluster it needs (access, events: no cluster), unless DATABASE_URL or KUBECONFIG names one; takes away what it made.
`;

const LEAST_ROUNDS = 5;
/** A run takes five minutes; one that hangs ends, and takes away what it made, after this. */
const LONGEST_RUN_MS = 25 * 60_000;

interface Order {
  suite: keyof typeof SUITES;
  only: string[];
  rounds: number;
  json: boolean;
  profile: string | undefined;
}

/** @returns undefined where help was asked for @throws for what cannot be done */
function readOrder(): Order | undefined {
  const { values } = parseArgs({ options: {
    suite: { type: 'string', default: 'main-job' }, json: { type: 'boolean', default: false }, rounds: { type: 'string', default: '7' },
    only: { type: 'string', multiple: true, default: [] }, profile: { type: 'string' }, help: { type: 'boolean', default: false },
  } });
  if (values.help) return undefined;
  if (!(values.suite in SUITES)) throw new Error(`there is no suite ${values.suite}\n${USAGE}`);
  const suite = values.suite as keyof typeof SUITES;
  const unknown = values.only.find((name) => !SUITES[suite].names.includes(name));
  if (unknown) throw new Error(`the suite ${suite} has no ${unknown}\n${USAGE}`);
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < LEAST_ROUNDS) throw new Error(`--rounds must be a whole number of at least ${LEAST_ROUNDS}`);
  return { suite, rounds, json: values.json, profile: values.profile, only: SUITES[suite].names.filter((name) => values.only.length === 0 || values.only.includes(name)) };
}

async function main(): Promise<number> {
  const order = readOrder();
  if (!order) {
    process.stdout.write(USAGE);
    return 0;
  }
  const interruption = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interruption.abort(new Error('interrupted')));
  setTimeout(() => interruption.abort(new Error(`the run took longer than ${LONGEST_RUN_MS / 60_000} minutes`)), LONGEST_RUN_MS).unref();
  const progress = new Progress();
  const cleanup = new Cleanup();
  try {
    const { machine, findings } = await SUITES[order.suite].run({ ...order, progress, cleanup, signal: interruption.signal });
    const results = findings.flatMap((found) => found.results);
    if (order.json) process.stdout.write(`${JSON.stringify({ suite: order.suite, machine, results })}\n`);
    (order.json ? process.stderr : process.stdout).write(`\n${order.suite} on ${machine.cores} cores, Node ${machine.node}, Kubernetes ${machine.kubernetes}\n${formatTable(findings)}\n`);
    return results.every(({ pass }) => pass) ? 0 : 1;
  } finally {
    const left = await cleanup.run(progress);
    for (const failure of left) progress.say(`could not take away ${failure}`);
  }
}

main().then((code) => process.exit(code), (error: unknown) => {
  process.stderr.write(`\n${error instanceof Error ? error.stack ?? error.message : String(error)}\n`);
  process.exit(2);
});
