import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BenchKeys } from '../harness/bench-keys.ts';
import { cpuMs, residentMiB, watchSteal } from '../harness/machine.ts';
import { buildResult, median, medianRatio, spread, type Findings } from '../harness/result.ts';
import type { SuiteOptions } from '../harness/suite-options.ts';
import { SimulatedSite } from './simulated-site.ts';

const FUNCTIONS = 2_000;
const TENANTS = 20;
/** A kubelet has at most 110 pods. */
const NODES = 20;
const WITHIN_CPU_MS = 5_000;

/** Two thousand functions on simulated nodes: what it costs an operator to look at all of them when nothing has changed, and one deploy among them beside one alone. */
export async function benchScale({ rounds, profile, progress, cleanup, signal }: SuiteOptions): Promise<{ findings: Findings; kubernetes: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'fnplane-scale-'));
  cleanup.add('scratch files of the simulated clusters', async () => rmSync(folder, { recursive: true, force: true }));
  const keys = new BenchKeys();
  const place = async (name: string, nodes: number): Promise<SimulatedSite> => {
    const site = await progress.step(`the simulated cluster "${name}"`, () => SimulatedSite.start({ name, nodes, folder, keys, profile, signal }), 20_000);
    cleanup.add(`the simulated cluster "${name}"`, () => site.stop());
    await site.startOperator();
    return site;
  };
  const [many, alone] = [await place('many', NODES), await place('alone', 1)];
  await alone.make(1, 1);
  const begun = performance.now();
  await progress.step(`${FUNCTIONS} functions of ${TENANTS} tenants`, () => many.make(FUNCTIONS, TENANTS), 150_000);
  const builtSeconds = (performance.now() - begun) / 1_000;
  const steal = watchSteal();
  const idle = await progress.step('looking at all of them', () => lookAtAll(many, alone, rounds), 60_000);
  const deploys = await progress.step('a deploy among them, and one alone, in turns', () => deployInTurns(many, alone, rounds), 30_000);
  const findings = {
    steal: steal(),
    results: [
      buildResult({ name: `writes in a resync of ${FUNCTIONS} unchanged functions`, figure: idle.writes, unit: 'count', bound: { op: '<=', value: 0 } }),
      buildResult({ name: 'objects that changed meanwhile', figure: idle.changed, unit: 'count', bound: { op: '<=', value: 0 } }),
      buildResult({ name: 'CPU of that resync', figure: median(idle.cpu) / 1_000, unit: 's', bound: { op: '<=', value: WITHIN_CPU_MS / 1_000 } }),
      buildResult({ name: 'CPU of a new operator that lists and looks at all', figure: (idle.start - idle.bareStart) / 1_000, unit: 's', relativeTo: 'the start of an operator with one function', bound: { op: '<=', value: WITHIN_CPU_MS / 1_000 } }),
      buildResult({ name: 'a deploy among them', figure: medianRatio(deploys.among, deploys.alone), unit: 'ratio', relativeTo: 'the same deploy on a cluster with one function, in turns', bound: { op: '<=', value: 1.5 } }),
    ],
    notes: [
      `all of them were Ready ${builtSeconds.toFixed(0)} s after the first was made, ${(FUNCTIONS / builtSeconds).toFixed(0)} a second; the operator then had ${idle.memory.toFixed(0)} MiB`,
      `a resync took ${spread(idle.cpu, 'ms')} of CPU; a deploy among them ${spread(deploys.among, 'ms')}, alone ${spread(deploys.alone, 'ms')}`,
    ],
  };
  return { findings, kubernetes: await many.cluster.version() };
}

interface Idle {
  writes: number;
  changed: number;
  /** Of one resync each, in ms. */
  cpu: number[];
  /** Of an operator from its start until it has looked at all, in ms; and of one with a single function. */
  start: number;
  bareStart: number;
  /** Of the one that saw all of them being made, in MiB. */
  memory: number;
}

async function lookAtAll(site: SimulatedSite, alone: SimulatedSite, rounds: number): Promise<Idle> {
  const memory = residentMiB(site.operator.pid);
  await alone.stopOperator();
  const bareStart = await alone.startOperator();
  await site.stopOperator();
  const before = await site.versions();
  const start = await site.startOperator();
  // Those of the start itself: the resource definitions and the system's namespace.
  const writesBefore = await site.operatorWrites();
  const cpu: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const spent = cpuMs(site.operator.pid);
    await site.resync();
    cpu.push(cpuMs(site.operator.pid) - spent);
  }
  const writes = await site.operatorWrites() - writesBefore;
  const after = await site.versions();
  const changed = [...new Set([...before.keys(), ...after.keys()])].filter((uid) => before.get(uid) !== after.get(uid)).length;
  return { writes, changed, cpu, start, bareStart, memory };
}

async function deployInTurns(many: SimulatedSite, alone: SimulatedSite, rounds: number): Promise<{ among: number[]; alone: number[] }> {
  const times = { among: [] as number[], alone: [] as number[] };
  // The first of each side finds cold code: it does not count.
  for (let round = -1; round < rounds; round += 1) {
    const turns = [
      async () => times.among.push(await many.deploy(many.functions[(round + 1) * 7]!)),
      async () => times.alone.push(await alone.deploy(alone.functions[0]!)),
    ];
    for (const turn of round % 2 === 0 ? turns : turns.reverse()) await turn();
    if (round < 0) [times.among.length, times.alone.length] = [0, 0];
  }
  return times;
}
