/** The official SDK's events go through an echo in each language and come back as they were. */
import { CloudEvent, HTTP, type Message } from 'cloudevents';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toCloudEvent } from '../../../src/domains/events/cloud-event.policy.ts';
import { buildGoHandler, removeGoHandler, RUNTIME_NAMES, RuntimeProcess, type Reply } from './runtime-process.ts';

beforeAll(buildGoHandler, 200_000);
afterAll(removeGoHandler);

const ATTRIBUTES = {
  id: 'e-1', source: '/shop/orders?x=1', type: 'example.order.placed.v1', subject: 'orders/7', time: '2026-11-27T10:11:12.345Z', dataschema: 'https://schemas.example/order', region: 'eu', priority: 3, express: true,
};
/** Attributes of binary mode are text. */
const AS_TEXT = { ...ATTRIBUTES, priority: '3', express: 'true' };

/** An event as plain values, bytes as base64. */
function plain(event: CloudEvent<unknown>): Record<string, unknown> {
  const { data, data_base64: encoded, ...attributes } = event.toJSON() as Record<string, unknown>;
  const content = encoded ?? (Buffer.isBuffer(data) || data instanceof Uint8Array ? Buffer.from(data).toString('base64') : data);
  return JSON.parse(JSON.stringify({ ...attributes, data: content })) as Record<string, unknown>;
}

/** What the SDK makes of an answer. */
function parsed(reply: Reply): CloudEvent<unknown> {
  expect(reply.status, reply.body.toString()).toBe(200);
  const binary = /^(image|application\/octet)/.test(reply.headers['content-type'] ?? '');
  const event = HTTP.toEvent({ headers: reply.headers, body: binary ? reply.body : reply.body.toString() } as Message);
  return event as CloudEvent<unknown>;
}

describe.each(RUNTIME_NAMES)('CloudEvents of the SDK in the %s runtime', (name) => {
  let runtime: RuntimeProcess;
  beforeAll(async () => {
    runtime = await RuntimeProcess.start(name);
  });
  afterAll(() => runtime.stop());

  /** As the SDK made it: bytes where it gives bytes. */
  const send = ({ headers, body }: Message): Promise<Reply> => {
    const content = body === undefined || body === null ? {} : { body: body instanceof Uint8Array ? Buffer.from(body) : String(body) };
    return runtime.ask({ path: '/event', headers: Object.fromEntries(Object.entries(headers).map(([key, value]) => [key, String(value)])), ...content });
  };

  describe.each(['binary', 'structured'] as const)('%s', (mode) => {
    it('come back with all attributes and JSON data', async () => {
      const event = new CloudEvent({ ...ATTRIBUTES, datacontenttype: 'application/json', data: { name: 'Zoë 你好 \u{1f600}', list: [1, 2.5, null, { a: '' }] } });
      const answered = parsed(await send(HTTP[mode](event)));
      expect(plain(answered)).toEqual({ specversion: '1.0', ...AS_TEXT, datacontenttype: 'application/json', data: { name: 'Zoë 你好 \u{1f600}', list: [1, 2.5, null, { a: '' }] } });
    });

    it('come back with text', async () => {
      const answered = parsed(await send(HTTP[mode](new CloudEvent({ ...ATTRIBUTES, datacontenttype: 'text/plain', data: 'grüße, 你好' }))));
      expect(plain(answered)).toMatchObject({ datacontenttype: 'text/plain', data: 'grüße, 你好' });
    });

    it('come back with bytes', async () => {
      const bytes = Buffer.from([0, 255, 128, 10, 13, 37]);
      const answered = parsed(await send(HTTP[mode](new CloudEvent({ ...ATTRIBUTES, datacontenttype: 'application/octet-stream', data: new Uint8Array(bytes) }))));
      expect(plain(answered)).toMatchObject({ id: 'e-1', datacontenttype: 'application/octet-stream', data: bytes.toString('base64') });
    });

    it('come back without data', async () => {
      const answered = plain(parsed(await send(HTTP[mode](new CloudEvent({ id: 'e-2', source: '/s', type: 't', time: '2026-11-27T10:11:12.000Z' })))));
      expect(answered).toMatchObject({ specversion: '1.0', id: 'e-2', source: '/s', type: 't', time: '2026-11-27T10:11:12.000Z' });
      expect(answered.data ?? '').toBe('');
    });
  });

  it('keep attributes that no header can hold as they are: by percent escapes', async () => {
    const subject = 'Zürich "100 %" 你好';
    const reply = await send(HTTP.structured(new CloudEvent({ ...ATTRIBUTES, subject, datacontenttype: 'application/json', data: 1 })));
    expect(reply.headers['ce-subject']).toBe('Z%C3%BCrich%20%22100%20%25%22%20%E4%BD%A0%E5%A5%BD');
    const again = await runtime.ask({ path: '/echo', headers: Object.fromEntries(Object.entries(reply.headers).filter(([key]) => key.startsWith('ce-') || key === 'content-type')) as Record<string, string>, body: reply.body });
    expect(again.json()).toMatchObject({ cloudevent: { subject }, data: 1 });
  });

  it.each([
    ['a time that is none', { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/s', 'ce-type': 't', 'ce-time': 'yesterday' }],
    ['a name that is none', { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/s', 'ce-type': 't', 'ce-a-b': 'x' }],
    ['no source', { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-type': 't' }],
  ])('are refused with %s, and the reason is told', async (_, headers) => {
    const reply = await runtime.ask({ path: '/event', headers });
    expect([reply.status, reply.json()]).toEqual([400, { error: { type: 'InvalidCloudEvent', message: expect.stringMatching(/attribute/) as string } }]);
  });

  it('are an error of the handler where it answers one that is none', async () => {
    const reply = await runtime.ask({ path: '/bad-event' });
    expect([reply.status, reply.headers['x-fnplane-error-source'], reply.json()]).toEqual([500, 'handler', { error: { type: 'InvalidResponse', message: 'the CloudEvent has no source' } }]);
  });
});

it('the body of a webhook is one', () => {
  const event = { tenantId: 't', id: '6f1c7c52-4bd4-4a52-8f9d-0f4f6e2f9f10', sequence: 42, at: new Date('2026-11-27T00:00:00.123Z'), type: 'function.ready', subject: 'functions/hello', data: { function: 'hello', revision: 3 } } as const;
  const body = JSON.stringify(toCloudEvent(event, 'shop'));
  const read = HTTP.toEvent({ headers: { 'content-type': 'application/cloudevents+json; charset=utf-8' }, body }) as CloudEvent<unknown>;
  expect(read.validate()).toBe(true);
  expect(plain(read)).toEqual(JSON.parse(body));
});
