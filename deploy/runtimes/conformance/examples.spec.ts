/** The examples, each under its runtime as a local process. */
import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { compileGo, RuntimeProcess } from './runtime-process.ts';

const HERE = fileURLToPath(new URL('../../examples', import.meta.url));
const SDK = fileURLToPath(new URL('../go', import.meta.url));
const EXAMPLES = ['orders', 'thumbnail', 'payment-authorize', 'payment-ledger'];
const scratch = mkdtempSync(join(tmpdir(), 'fnplane-examples-'));
const folders = [scratch];
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

function json<T extends object>(path: string): T {
  return JSON.parse(readFileSync(join(HERE, path), 'utf8')) as T;
}

/** Compiles an example as the platform does: the tenant's module, the SDK, and a main package that brings them together. */
function compileExample(name: string): string {
  const source = join(scratch, name);
  cpSync(join(HERE, name), source, { recursive: true });
  mkdirSync(join(source, 'fnplane_start'));
  const wrapper = `package main\n\nimport (\n\tuser "bank.example/${name}"\n\n\t"fnplane.dev/fn"\n)\n\nfunc main() { fn.Start(user.Handle) }\n`;
  writeFileSync(join(source, 'fnplane_start/main.go'), wrapper);
  const mod = readFileSync(join(source, 'go.mod'), 'utf8').replace('../../runtimes/go', SDK);
  writeFileSync(join(source, 'go.mod'), mod);
  const binary = compileGo(source, './fnplane_start');
  folders.push(dirname(binary));
  return binary;
}

describe.each(EXAMPLES)('%s', (name) => {
  it('has a manifest that bears the name of its folder', () => {
    const manifest = parse(readFileSync(join(HERE, name, 'function.yaml'), 'utf8')) as Record<string, unknown>;
    expect(manifest).toMatchObject({ apiVersion: 'fnplane.dev/v1', name, version: expect.stringMatching(/^\d+\.\d+\.\d+$/) as string });
  });
});

describe('orders', () => {
  const key = 'a key for tests';
  const event = json<{ data: Record<string, unknown> }>('orders/event.json');
  const type = { 'content-type': 'application/cloudevents+json' };
  let orders: RuntimeProcess;
  beforeAll(async () => {
    orders = await RuntimeProcess.start('python', { FNPLANE_CODE_FOLDER: join(HERE, 'orders'), ORDER_SIGNING_KEY: key });
  });
  afterAll(() => orders.stop());

  it('works out totals to the cent, reserves, and signs what follows', async () => {
    const reply = await orders.askJson('/', event, type);
    expect(reply.status).toBe(200);
    const { reservation, totals, next } = reply.json() as { reservation: Record<string, unknown>; totals: unknown; next: { signature: string } };
    // 2 x 12.90 + 39.95 = 65.75; 7.5 % of it is 4.93125.
    expect(totals).toEqual({ currency: 'EUR', goods: '65.75', discount: '-4.93', shipping: '4.90', total: '65.72' });
    expect(reservation).toMatchObject({ orderId: 'order-2026-000417', expiresAt: '2026-11-24T10:00:00Z' });
    const { signature, ...unsigned } = next;
    const sorted = (value: unknown): unknown =>
      typeof value !== 'object' || value === null || Array.isArray(value)
        ? Array.isArray(value) ? value.map(sorted) : value
        : Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, part]) => [name, sorted(part)]));
    expect(signature).toBe(createHmac('sha256', key).update(JSON.stringify(sorted(unsigned))).digest('hex'));
  });

  it('answers a second delivery of the same event with the same reservation', async () => {
    const [first, second] = await Promise.all([orders.askJson('/', event, type), orders.askJson('/', event, type)]);
    expect(first?.body).toEqual(second?.body);
  });

  it('points at each mistake in an order', async () => {
    const wrong = { ...event, data: { ...event.data, currency: 'euro', lines: [{ sku: '', quantity: 0, unitPrice: 19.9 }] } };
    const reply = await orders.askJson('/', wrong, type);
    expect(reply.status).toBe(422);
    const { errors } = reply.json() as { errors: { pointer: string }[] };
    expect(errors.map((error) => error.pointer)).toEqual(['/currency', '/lines/0/sku', '/lines/0/quantity', '/lines/0/unitPrice']);
    expect((await orders.askJson('/', { any: 'thing' })).status).toBe(422);
  });

  it('does not start without its key, and says so', async () => {
    const keyless = new RuntimeProcess('python', { FNPLANE_CODE_FOLDER: join(HERE, 'orders') });
    expect((await keyless.exited).code).toBe(1);
    expect(keyless.stderr).toMatch(/^KeyError in handler\.py line \d+: 'ORDER_SIGNING_KEY'\n$/);
    await keyless.stop();
  });
});

describe('thumbnail', () => {
  interface Image { width: number; height: number; data: Buffer }
  interface Codec { PNG: { sync: { read(bytes: Buffer): Image; write(image: Image, options?: object): Buffer } } }
  const png = { 'content-type': 'image/png' };
  const sample = readFileSync(join(HERE, 'thumbnail/sample.png'));
  let codec: Codec;
  let thumbnail: RuntimeProcess;
  beforeAll(async () => {
    const folder = join(scratch, 'thumbnail');
    cpSync(join(HERE, 'thumbnail'), folder, { recursive: true });
    execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder, stdio: 'pipe', timeout: 60_000 });
    codec = createRequire(join(folder, 'handler.js'))('pngjs') as Codec;
    thumbnail = await RuntimeProcess.start('node', { FNPLANE_CODE_FOLDER: folder });
  }, 90_000);
  afterAll(() => thumbnail.stop());

  const mean = ({ data }: Image, channel: number): number => {
    let sum = 0;
    for (let at = channel; at < data.length; at += 4) sum += data[at]!;
    return sum / (data.length / 4);
  };

  it('scales and keeps the colours', async () => {
    const reply = await thumbnail.ask({ path: '/?width=31', body: sample, headers: png });
    expect([reply.status, reply.headers['content-type']]).toEqual([200, 'image/png']);
    const [from, to] = [codec.PNG.sync.read(sample), codec.PNG.sync.read(reply.body)];
    expect([to.width, to.height]).toEqual([31, 21]);
    for (const channel of [0, 1, 2, 3]) expect(Math.abs(mean(from, channel) - mean(to, channel))).toBeLessThan(1.5);
  });

  it('turns grey where asked, and never scales up', async () => {
    const reply = await thumbnail.ask({ path: '/?width=500&greyscale=true', body: sample, headers: png });
    const { width, height, data } = codec.PNG.sync.read(reply.body);
    expect([width, height]).toEqual([96, 64]);
    for (let at = 0; at < data.length; at += 4) expect([data[at + 1], data[at + 2]]).toEqual([data[at], data[at]]);
    expect(reply.body[25]).toBe(0);
  });

  it.each([
    ['no PNG type', '/', sample, 'image/jpeg', 415],
    ['a bad width', '/?width=0', sample, 'image/png', 422],
    ['a bad greyscale', '/?greyscale=maybe', sample, 'image/png', 422],
    ['no PNG', '/', Buffer.from('hello'), 'image/png', 422],
    ['half a PNG', '/', sample.subarray(0, 900), 'image/png', 422],
  ])('refuses %s', async (_what, path, body, contentType, status) => {
    expect((await thumbnail.ask({ path, body, headers: { 'content-type': contentType } })).status).toBe(status);
  });

  it('refuses an image that would unpack to gigabytes', async () => {
    const bomb = Buffer.from(sample);
    bomb.writeUInt32BE(60_000, 16);
    bomb.writeUInt32BE(60_000, 20);
    expect((await thumbnail.ask({ body: bomb, headers: png })).status).toBe(422);
  });
});

describe('payment', () => {
  const payment = json<Record<string, unknown>>('payment-authorize/payment.json');
  let ledger: RuntimeProcess;
  let authorize: RuntimeProcess;
  beforeAll(async () => {
    ledger = await RuntimeProcess.start('go', {}, compileExample('payment-ledger'));
    authorize = await RuntimeProcess.start('go', { LEDGER_URL: `http://127.0.0.1:${ledger.port}/` }, compileExample('payment-authorize'));
  }, 200_000);
  afterAll(() => Promise.all([ledger, authorize].map((one) => one.stop())));

  it('is authorized and recorded once, with request id and trace carried on', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const first = await authorize.askJson('/', payment, { 'x-request-id': 'pay-req-1', traceparent });
    expect(first.status).toBe(200);
    expect(first.json()).toMatchObject({ paymentId: 'pay-2026-000093', decision: 'authorized', ledgerEntry: expect.stringMatching(/^entry-[0-9a-f]{24}$/) as string });
    await ledger.until(() => ledger.stdout.includes('"requestId":"pay-req-1"'), 'the ledger logs the request id');
    const again = await authorize.askJson('/', payment);
    expect(again.json()).toEqual({ ...(first.json() as object), replayed: true });
  });

  it('answers a posting with its two lines, and a changed one with 409', async () => {
    const posting = { ...json<{ amountMinor: number }>('payment-ledger/posting.json'), paymentId: 'pay-2' };
    const reply = await ledger.askJson('/', posting);
    expect(reply.status).toBe(201);
    const { lines } = reply.json() as { lines: { amountMinor: number }[] };
    expect(lines.reduce((sum, line) => sum + line.amountMinor, 0)).toBe(0);
    expect((await ledger.askJson('/', { ...posting, amountMinor: posting.amountMinor + 1 })).status).toBe(409);
    expect((await ledger.askJson('/', { ...posting, amountMinor: -1 })).status).toBe(422);
  });

  it('is declined above the limit and between the same account', async () => {
    const reply = await authorize.askJson('/', { ...payment, paymentId: 'pay-3', amount: '10000.01', creditor: payment['debtor'] });
    expect(reply.json()).toEqual({ paymentId: 'pay-3', decision: 'declined', reasons: ['ABOVE_SINGLE_LIMIT', 'SAME_ACCOUNT'] });
  });

  it('points at each mistake', async () => {
    const reply = await authorize.askJson('/', { ...payment, amount: '1.5', debtor: { iban: 'DE89370400440532013001' } });
    expect(reply.status).toBe(422);
    expect((reply.json() as { errors: { pointer: string }[] }).errors.map((error) => error.pointer)).toEqual(['/debtor/iban', '/amount']);
  });

  it('says so when the ledger refuses', async () => {
    const taken = { ...payment, paymentId: 'pay-4' };
    await authorize.askJson('/', taken);
    const reply = await authorize.askJson('/', { ...taken, amount: '1.00' });
    expect(reply.status).toBe(502);
    expect(reply.body.toString()).toContain('it answered 409');
  });
});
