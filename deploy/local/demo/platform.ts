import { spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { importPKCS8, SignJWT } from 'jose';
import { cacheFolder } from '../cluster/layout.ts';
import { NODE_FLAGS } from '../node-flags.ts';
import { registrySettings } from '../registry-settings.ts';

/** What the demo's platform runs with; kept in its data folder, readable to its owner only. */
export interface PlatformSettings {
  data: string;
  databaseUrl: string;
  kubeconfig: string;
  registry: string;
  blockedEgress: string[];
  /** By which the cluster's API server reaches this machine; absent: functions are not scaled by requests. */
  nodeAddress?: string | undefined;
  /** The gateway's own identity; absent: it shares that of the others. */
  gatewayKubeconfig?: string | undefined;
  runtimeImages: { python: string; node: string; go: string };
}

export interface PlatformAddresses {
  api: string;
  gateway: string;
  management: string;
}

interface DemoKeys {
  privateKey: string;
  publicJwk: Record<string, unknown>;
  encryptionKey: string;
  internalSecret: string;
  ports: { api: number; gateway: number; management: number };
}

interface ProcessRecord {
  pid: number;
  /** Start time in clock ticks since boot: tells the process from a later one of the same number. */
  startTime: string;
}

const ISSUER = 'https://demo.fnplane.invalid';
const AUDIENCE = 'fnplane-demo';
const READY_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 30_000;
const CHECKOUT = fileURLToPath(new URL('../../..', import.meta.url));

export const OPERATOR_SUBJECT = 'demo-operator';

function readKeys(data: string): DemoKeys | undefined {
  const file = join(data, 'keys.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as DemoKeys) : undefined;
}

/** Keys are generated for the demo alone: a real installation brings its own issuer and keys. */
async function ensureKeys(data: string): Promise<DemoKeys> {
  const known = readKeys(data);
  if (known) return known;
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const keys: DemoKeys = {
    privateKey: pair.privateKey.export({ format: 'pem', type: 'pkcs8' }) as string,
    publicJwk: { ...pair.publicKey.export({ format: 'jwk' }), kid: 'demo', alg: 'ES256', use: 'sig' },
    encryptionKey: `demo:${randomBytes(32).toString('base64')}`,
    internalSecret: randomBytes(32).toString('base64url'),
    ports: { api: await freePort(3000), gateway: await freePort(3080), management: await freePort(3090) },
  };
  writeFileSync(join(data, 'keys.json'), JSON.stringify(keys), { mode: 0o600 });
  return keys;
}

/** A token of the demo's own issuer; good for a day. */
export async function mintDemoToken(data: string, subject: string, roles: string[] = []): Promise<string> {
  const keys = readKeys(data);
  if (!keys) throw new Error('the demo is not set up: run `npm run demo`');
  return new SignJWT(roles.length > 0 ? { roles } : {}).setProtectedHeader({ alg: 'ES256', kid: 'demo' })
    .setIssuer(ISSUER).setAudience(AUDIENCE).setSubject(subject).setIssuedAt().setExpirationTime('24h')
    .sign(await importPKCS8(keys.privateKey, 'ES256'));
}

/** Starts the platform as one process with all roles, or adopts the one that runs. */
export async function startPlatform(settings: PlatformSettings): Promise<PlatformAddresses> {
  const keys = await ensureKeys(settings.data);
  const addresses = addressesOf(keys);
  if (!runningPlatform(settings.data)) launch(settings, keys, addresses);
  await untilReady(settings.data, addresses);
  return addresses;
}

function addressesOf({ ports }: DemoKeys): PlatformAddresses {
  return { api: `http://127.0.0.1:${ports.api}`, gateway: `http://127.0.0.1:${ports.gateway}`, management: `http://127.0.0.1:${ports.management}` };
}

/** Of the platform that runs from this data folder; undefined when none does. */
export function platformAddresses(data: string): PlatformAddresses | undefined {
  const keys = readKeys(data);
  return keys && runningPlatform(data) ? addressesOf(keys) : undefined;
}

function launch(settings: PlatformSettings, keys: DemoKeys, addresses: PlatformAddresses): void {
  const log = openSync(join(settings.data, 'platform.log'), 'a');
  const issuer = { issuer: ISSUER, audience: AUDIENCE, jwks: { keys: [keys.publicJwk] }, algorithms: ['ES256'], platformRolesClaim: 'roles' };
  const child = spawn(process.execPath, [...NODE_FLAGS, join(CHECKOUT, 'dist/src/main.js')], {
    cwd: settings.data, detached: true, stdio: ['ignore', log, log],
    env: {
      PATH: process.env.PATH, HOME: process.env.HOME,
      ...registrySettings(),
      DATABASE_URL: settings.databaseUrl,
      KUBECONFIG: settings.kubeconfig,
      ...(settings.gatewayKubeconfig ? { FNPLANE_GATEWAY_KUBECONFIG: settings.gatewayKubeconfig } : {}),
      FNPLANE_ISSUERS: JSON.stringify([issuer]),
      FNPLANE_ENCRYPTION_KEYS: keys.encryptionKey,
      FNPLANE_INTERNAL_SECRET: keys.internalSecret,
      FNPLANE_API_LISTEN: `127.0.0.1:${keys.ports.api}`,
      FNPLANE_GATEWAY_LISTEN: `127.0.0.1:${keys.ports.gateway}`,
      FNPLANE_MANAGEMENT_LISTEN: `127.0.0.1:${keys.ports.management}`,
      FNPLANE_GATEWAY_URL: addresses.gateway,
      FNPLANE_REGISTRY_URL: `http://${settings.registry}`,
      FNPLANE_RUNTIME_IMAGES: JSON.stringify(settings.runtimeImages),
      FNPLANE_BLOCKED_EGRESS: settings.blockedEgress.join(','),
      ...(settings.nodeAddress ? { FNPLANE_METRICS_API_LISTEN: `${settings.nodeAddress}:0`, FNPLANE_METRICS_API_ADDRESS: settings.nodeAddress } : {}),
      FNPLANE_BUILD_CACHE: join(cacheFolder(), 'builds'),
      FNPLANE_GO_SDK: join(CHECKOUT, 'deploy/runtimes/go'),
    },
  });
  closeSync(log);
  child.unref();
  const record: ProcessRecord = { pid: child.pid!, startTime: startTimeOf(child.pid!) ?? '' };
  writeFileSync(join(settings.data, 'platform.pid'), JSON.stringify(record));
}

function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

function runningPlatform(data: string): ProcessRecord | undefined {
  const file = join(data, 'platform.pid');
  if (!existsSync(file)) return undefined;
  const record = JSON.parse(readFileSync(file, 'utf8')) as ProcessRecord;
  return startTimeOf(record.pid) === record.startTime ? record : undefined;
}

async function untilReady(data: string, addresses: PlatformAddresses): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS;
  let last = '';
  while (Date.now() < deadline) {
    const answer = await fetch(`${addresses.management}/readyz`, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
    if (answer?.ok) return;
    last = (await answer?.text()) ?? last;
    if (!runningPlatform(data)) throw new Error(`the platform ended while it started; its log: ${join(data, 'platform.log')}`);
    await pause(100);
  }
  throw new Error(`the platform was not ready within ${READY_WITHIN_MS / 1000} s:\n${last}its log: ${join(data, 'platform.log')}`);
}

/** Ends the platform that was started here, and only that; its data goes with the folder. */
export async function stopPlatform(data: string): Promise<void> {
  const record = runningPlatform(data);
  if (record) {
    process.kill(record.pid, 'SIGTERM');
    const deadline = Date.now() + STOP_WITHIN_MS;
    while (runningPlatform(data) && Date.now() < deadline) await pause(50);
    if (runningPlatform(data)) process.kill(record.pid, 'SIGKILL');
  }
  rmSync(join(data, 'platform.pid'), { force: true });
}

async function freePort(wanted: number): Promise<number> {
  const listen = (port: number) => new Promise<number | undefined>((resolve) => {
    const server = createServer().once('error', () => resolve(undefined)).listen(port, '127.0.0.1', () => {
      const { port: taken } = server.address() as { port: number };
      server.close(() => resolve(taken));
    });
  });
  return (await listen(wanted)) ?? (await listen(0))!;
}
