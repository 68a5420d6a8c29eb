import { readFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { HttpClient, type HttpAnswer } from '../http-client.ts';
import { packFolder } from './archive.ts';
import type { Recorder } from './recorder.ts';
import { PROBE_SOURCE } from './probe.ts';

/** What the scenario needs: where the platform is, and how to sign in. */
export interface ScenarioOptions {
  recorder: Recorder;
  api: string;
  gateway: string;
  token: string;
  examples: string;
}

const SHOP = 'demo-shop';
const BANK = 'demo-bank';
/** The first function in Go waits for the compiler's warm cache, which takes a minute on a small machine, once. */
const READY_WITHIN_MS = 240_000;
const METERED_WITHIN_MS = 15_000;
const DELETED_WITHIN_MS = 120_000;
const KEY_KNOWN_WITHIN_MS = 10_000;

interface StatedCondition {
  type: string;
  status: string;
  reason: string;
  message: string;
}

/** The main job, through the public APIs only: tenant -> function -> invocation -> usage -> bill. */
export class Scenario {
  readonly #recorder: Recorder;
  readonly #client: HttpClient;
  readonly #gateway: HttpClient;
  readonly #examples: string;

  constructor(options: ScenarioOptions) {
    this.#recorder = options.recorder;
    this.#client = new HttpClient(options.api, options.token);
    this.#gateway = new HttpClient(options.gateway);
    this.#examples = options.examples;
  }

  async run(): Promise<void> {
    const recorder = this.#recorder;
    recorder.heading('Two tenants, each with its own plan and quota');
    await Promise.all([this.#tenant(SHOP, 'standard'), this.#tenant(BANK, 'small')]);
    await recorder.step('a secret, written once and never read back', () => this.#secret(), (secret) => ({ text: `${secret.name} version ${secret.version}, keys ${secret.keys.join(', ')}`, result: secret }));

    recorder.heading('Functions from source in three languages');
    await Promise.all([
      this.#deployExample(SHOP, 'orders'), this.#deployExample(SHOP, 'thumbnail'),
      this.#deployExample(BANK, 'payment-ledger'), this.#deployExample(BANK, 'payment-authorize'),
      this.#deployProbe(SHOP), this.#deployProbe(BANK),
    ]);

    recorder.heading('Real payloads, real answers');
    const key = await this.#apiKey(SHOP);
    await this.#invokeOrders(key);
    await this.#invokeThumbnail(key);
    await this.#invokePayment();

    recorder.heading('Walls, proved by packets');
    await this.#proveWalls();

    recorder.heading('Usage and the bill');
    await this.#usage(SHOP, 3);
    await this.#usage(BANK, 3);
  }

  /** Made once; found again when the demo runs again. */
  async #tenant(name: string, plan: string): Promise<void> {
    await this.#recorder.step(`tenant ${name} on plan ${plan}`, async () => {
      const created = await this.#client.post('/v1/tenants', { name, displayName: name, plan });
      if (created.status !== 409) expect(created, 202);
      return this.#until(`tenant ${name}`, () => this.#client.get(`/v1/tenants/${name}`));
    }, (tenant) => ({ text: `namespace on the cluster: fnp-${String(tenant.id).replaceAll('-', '')}`, result: { id: tenant.id, plan } }));
  }

  async #secret(): Promise<{ name: string; version: number; keys: string[] }> {
    const answer = await this.#client.graphql(
      'mutation($input: PutSecretInput!) { putSecret(input: $input) { secret { name version keys } userErrors { message } } }',
      { input: { tenant: SHOP, name: 'order-signing', data: { ORDER_SIGNING_KEY: createHash('sha256').update(String(Math.random())).digest('hex') } } });
    const payload = answer.body.data?.putSecret;
    if (!payload?.secret) throw new Error(`the secret was refused: ${JSON.stringify(answer.body)}`);
    return payload.secret;
  }

  async #deployExample(tenant: string, name: string): Promise<void> {
    await this.#recorder.step(`${tenant}/${name} from source to Ready`, async () => {
      const { archive, manifest } = await packFolder(`${this.#examples}/${name}`);
      const digest = createHash('sha256').update(archive).digest('hex');
      const uploaded = await this.#client.put(`/v1/tenants/${tenant}/code/${digest}`, archive, { headers: { 'content-type': 'application/gzip' } });
      if (uploaded.status !== 200 && uploaded.status !== 201) throw new Error(`upload of ${name}: ${describe(uploaded)}`);
      expect(await this.#client.put(`/v1/tenants/${tenant}/functions/${name}`, { ...manifest, name, source: { archive: digest } }), 200, 202);
      return this.#until(`${tenant}/${name}`, () => this.#client.get(`/v1/tenants/${tenant}/functions/${name}`));
    }, (fn) => ({ text: `${fn.runtime}, revision ${fn.status.servingRevision}, ${fn.status.url}`, result: { revision: fn.status.servingRevision, url: fn.status.url } }));
  }

  /** Inline source, through GraphQL: a function that tries to connect where it is told to. */
  async #deployProbe(tenant: string): Promise<void> {
    await this.#recorder.step(`${tenant}/probe from inline source to Ready`, async () => {
      const answer = await this.#client.graphql(
        'mutation($input: DeployFunctionInput!) { deployFunction(input: $input) { function { name } userErrors { field message code } } }',
        { input: { tenant, function: { name: 'probe', runtime: 'PYTHON', source: { inline: { 'handler.py': PROBE_SOURCE } }, resources: { cpuMillis: 100, memoryMb: 128 }, timeoutSeconds: 20 } } });
      if (!answer.body.data?.deployFunction?.function) throw new Error(`the probe was refused: ${JSON.stringify(answer.body)}`);
      return this.#until(`${tenant}/probe`, () => this.#client.get(`/v1/tenants/${tenant}/functions/probe`));
    });
  }

  async #apiKey(tenant: string): Promise<string> {
    return this.#recorder.step('an API key, known to the gateway', async () => {
      const answer = await this.#client.post(`/v1/tenants/${tenant}/api-keys`, { name: `demo-${Date.now()}`, role: 'developer' });
      expect(answer, 201);
      const deadline = Date.now() + KEY_KNOWN_WITHIN_MS;
      // A path no function serves: 401 until the key has reached the gateway, then 404.
      while ((await this.#gateway.get(`/${tenant}/no-such-function`, { headers: { 'x-api-key': answer.body.key } })).status === 401) {
        if (Date.now() > deadline) throw new Error(`the gateway does not know the key after ${KEY_KNOWN_WITHIN_MS / 1000} s`);
        await pause(50);
      }
      return answer.body.key as string;
    });
  }

  async #invokeOrders(key: string): Promise<void> {
    const event = await readFile(`${this.#examples}/orders/event.json`, 'utf8');
    await this.#recorder.step('an order event through the gateway, with an API key', async () => {
      const answer = await this.#gateway.post(`/${SHOP}/orders`, event, { headers: { 'x-api-key': key, 'content-type': 'application/cloudevents+json' } });
      expect(answer, 200);
      return answer.body;
    }, (body) => ({ text: JSON.stringify(body), result: body }));
  }

  async #invokeThumbnail(key: string): Promise<void> {
    const png = await readFile(`${this.#examples}/thumbnail/sample.png`);
    await this.#recorder.step('a PNG, scaled to 32 pixels and turned grey', async () => {
      const answer = await this.#gateway.post(`/${SHOP}/thumbnail?width=32&greyscale=true`, png, { headers: { 'x-api-key': key, 'content-type': 'image/png' } });
      expect(answer, 200);
      return pngSize(answer.body as Buffer);
    }, (size) => ({ text: `${pngSize(png).join('x')} ${png.length} bytes in, ${size.join('x')} out`, result: { width: size[0], height: size[1] } }));
  }

  async #invokePayment(): Promise<void> {
    const payment = JSON.parse(await readFile(`${this.#examples}/payment-authorize/payment.json`, 'utf8')) as unknown;
    await this.#recorder.step('a payment: one Go function calls another', async () => {
      const answer = await this.#client.post(`/v1/tenants/${BANK}/functions/payment-authorize/invocations`, payment);
      expect(answer, 200);
      return answer.body;
    }, (body) => ({ text: JSON.stringify(body), result: body }));
  }

  /** The same probe, the same target: reachable inside the tenant, not from the other one. */
  async #proveWalls(): Promise<void> {
    const placements = await this.#client.get(`/v1/tenants/${SHOP}/placements`);
    expect(placements, 200);
    const shop = placements.body.items[0].namespace as string;
    const target = { host: `orders.${shop}.svc.cluster.local`, port: 80 };
    const probe = async (tenant: string): Promise<{ connected: boolean; detail: string }> => {
      const answer = await this.#client.post(`/v1/tenants/${tenant}/functions/probe/invocations`, target);
      expect(answer, 200);
      return answer.body;
    };
    await this.#recorder.step(`from ${SHOP}'s own pod to its function: connects`, async () => must(await probe(SHOP), true), (seen) => ({ text: seen.detail, result: seen }));
    await this.#recorder.step(`from ${BANK}'s pod to the same address: no packet arrives`, async () => must(await probe(BANK), false), (seen) => ({ text: seen.detail, result: seen }));
  }

  async #usage(tenant: string, least: number): Promise<void> {
    const query = 'query($tenant: String!) { tenant(tenant: $tenant) { usage { period total { invocations billedMs gbSeconds } } invoicePreview { currency total lines { meter quantity freeQuantity amount } } } }';
    await this.#recorder.step(`${tenant}: metered and priced`, async () => {
      const deadline = Date.now() + METERED_WITHIN_MS;
      for (;;) {
        const found = (await this.#client.graphql(query, { tenant })).body.data?.tenant;
        if (found?.usage.total.invocations >= least) return found;
        if (Date.now() > deadline) throw new Error(`${tenant}: ${JSON.stringify(found?.usage)} after ${METERED_WITHIN_MS / 1000} s, expected ${least} invocations`);
        await pause(200);
      }
    }, (found) => ({
      text: `${found.usage.total.invocations} invocations, ${found.usage.total.billedMs} ms, ${found.usage.total.gbSeconds} GB-s; invoice preview ${found.usage.period}: ${found.invoicePreview.total} ${found.invoicePreview.currency}`,
      result: found,
    }));
  }

  /** Waits until the resource says Ready, or says why it will not be. */
  async #until(what: string, read: () => Promise<HttpAnswer>): Promise<HttpAnswer['body']> {
    const deadline = Date.now() + READY_WITHIN_MS;
    for (;;) {
      const answer = await read();
      expect(answer, 200);
      const { conditions, observedGeneration } = answer.body.status ?? answer.body;
      const [ready, reconciling] = ['Ready', 'Reconciling'].map((type) => (conditions as StatedCondition[]).find((condition) => condition.type === type));
      if (ready?.status === 'True' && observedGeneration === answer.body.generation) return answer.body;
      const settled = ready?.status === 'False' && reconciling?.status === 'False';
      if (settled || Date.now() > deadline) throw new Error(`${what} is not Ready: ${ready?.reason} ${ready?.message}`);
      await pause(100);
    }
  }
}

/** Deletes the demo's tenants and waits until nothing is left of them on the cluster. */
export async function removeTenants(api: string, token: string): Promise<void> {
  const client = new HttpClient(api, token);
  for (const tenant of [SHOP, BANK]) {
    const asked = await client.delete(`/v1/tenants/${tenant}`);
    if (asked.status === 404) continue;
    expect(asked, 202);
    const deadline = Date.now() + DELETED_WITHIN_MS;
    while ((await client.get(`/v1/tenants/${tenant}`)).status !== 404) {
      if (Date.now() > deadline) throw new Error(`tenant ${tenant} is still being deleted after ${DELETED_WITHIN_MS / 1000} s`);
      await pause(250);
    }
  }
}

function must(seen: { connected: boolean; detail: string }, connected: boolean): { connected: boolean; detail: string } {
  if (seen.connected !== connected) throw new Error(`the wall is not what it should be: ${seen.detail}`);
  return seen;
}

function expect(answer: HttpAnswer, ...statuses: number[]): void {
  if (!statuses.includes(answer.status)) throw new Error(describe(answer));
}

function describe(answer: HttpAnswer): string {
  return `answered ${answer.status}: ${Buffer.isBuffer(answer.body) ? answer.body.toString('utf8').slice(0, 500) : JSON.stringify(answer.body)}`;
}

/** Width and height from a PNG's first chunk. */
function pngSize(png: Buffer): [number, number] {
  return [png.readUInt32BE(16), png.readUInt32BE(20)];
}
