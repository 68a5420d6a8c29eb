import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { mkdirSync } from 'node:fs';
import { httpMessage } from '../harness/load.ts';
import { residentMiB, watchSteal } from '../harness/machine.ts';
import { Platform } from '../harness/platform-process.ts';
import { buildResult, type Findings } from '../harness/result.ts';
import { inParallel, until } from '../harness/until.ts';
import { expectStatus, FUNCTION_READY_MS, untilReady, type Stage } from '../stage/stage.ts';

const HELD = 1_000;
/** Connections opened at once: the kernel's queue of a listening socket is shorter than all of them. */
const OPENED_AT_ONCE = 50;
const BODY = JSON.stringify({ order: 'x'.repeat(1000) });
/** One request at a time, each longer than the measurement: all the others are held. */
const NAME = 'hold';
const SOURCE = `package function

import (
	"context"
	"time"

	"fnplane.dev/fn"
)

func Handle(ctx context.Context, event fn.Event) (any, error) {
	select {
	case <-ctx.Done():
	case <-time.After(30 * time.Second):
	}
	return "late", nil
}
`;

/** Memory of a gateway by itself that holds a thousand requests for one function without a free pod. */
export async function benchHeldRequests(stage: Stage): Promise<Findings> {
  await deployHolder(stage);
  const folder = join(stage.folder, 'gateway');
  mkdirSync(folder, { recursive: true });
  const gateway = await Platform.start({ ground: stage.ground, keys: stage.keys, folder, roles: 'gateway' });
  const sockets: Socket[] = [];
  const steal = watchSteal();
  try {
    const waiting = (): Promise<number> => gateway.counter('fnplane_gateway_waiting_requests');
    const message = httpMessage('POST', `/${stage.tenant.name}/${NAME}/`, { authorization: `Bearer ${stage.tenant.apiKey}` }, BODY);
    const before = residentMiB(gateway.pid);
    await inParallel(Array.from({ length: HELD + 1 }), OPENED_AT_ONCE, async () => {
      sockets.push(await send(Number(new URL(gateway.gateway).port), message));
    });
    await until(`${HELD} held requests`, async () => {
      const seen = await waiting();
      return seen >= HELD ? { found: seen } : { seen: `${seen} wait` };
    }, { withinMs: 8_000, everyMs: 50, signal: stage.signal });
    const figure = residentMiB(gateway.pid) - before;
    return { steal: steal(), results: [buildResult({ name: `${HELD} held requests, gateway alone`, figure, unit: 'MiB', bound: { op: '<=', value: 64 } })], notes: [`${before.toFixed(0)} MiB before; each with a body of ${BODY.length} bytes and a connection of its own`] };
  } finally {
    for (const socket of sockets) socket.destroy();
    await gateway.stop();
    expectStatus(await stage.platform.operator.delete(`/v1/tenants/${stage.tenant.name}/functions/${NAME}`), 202);
  }
}

async function deployHolder({ platform, tenant, signal }: Stage): Promise<void> {
  const path = `/v1/tenants/${tenant.name}/functions/${NAME}`;
  const body = { runtime: 'go', source: { inline: { 'handler.go': SOURCE } }, concurrency: 1, timeoutSeconds: 60, resources: { cpuMillis: 50, memoryMb: 64, ephemeralStorageMb: 32 } };
  expectStatus(await platform.operator.put(path, body), 202);
  await untilReady(platform.operator, path, FUNCTION_READY_MS, 100, signal);
}

function send(port: number, message: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port }, () => {
      socket.write(message);
      resolve(socket);
    });
    socket.on('error', reject);
  });
}
