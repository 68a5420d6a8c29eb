/** The handler all three runtimes are tested with: the path says what to do. */
import { setTimeout as sleep } from 'node:timers/promises';

class OrderError extends Error {}

console.log('outside of an invocation');

const answers = {
  '/echo': (event) => event,
  '/body': (event) => event.body,
  '/event': (event) => ({ cloudevent: event.cloudevent, data: event.data ?? (event.body.length > 0 ? event.body : null) }),
  '/bad-event': () => ({ cloudevent: { id: 'x', type: 't' } }),
  '/bytes': () => Buffer.from([0, 1, 255]),
  '/string': () => 'grüße <"&">',
  '/number': () => 42,
  '/list': () => [1, null, true],
  '/none': () => undefined,
  '/response': () => ({
    statusCode: 201,
    headers: { 'Content-Type': 'text/csv', 'X-Extra': ['a', 'b'], Connection: 'upgrade', 'X-Fnplane-Served-By': 'forged' },
    body: 'a,b\n',
  }),
  '/web-response': () => new Response('made of web parts', { status: 203, headers: { 'x-extra': 'c' } }),
  '/json-response': () => ({ statusCode: 422, body: { wrong: true } }),
  '/raw-response': () => ({ statusCode: 200, headers: { 'content-type': 'image/png' }, body: Buffer.from('\x89PNG', 'latin1').toString('base64'), isBase64: true }),
  '/no-body-response': () => ({ statusCode: 202 }),
  '/not-a-response': () => ({ statusCode: 202, order: 'o-1' }),
  '/bad-status': () => ({ statusCode: 99 }),
  '/bad-header': () => ({ statusCode: 200, headers: { 'x-a': 'b\r\nx-c: d' } }),
  '/unserialisable': () => ({ value: 1n }),
  '/raise': () => {
    throw new OrderError('no such order');
  },
  '/sleep': async (event) => {
    await sleep(Number(event.query.ms));
    return { slept: Number(event.query.ms) };
  },
  '/log': (_event, context) => {
    console.log('plain line');
    context.logger.info('structured line', { order: 'o-1' });
    return { logged: true };
  },
  '/print': async () => {
    process.stdout.write('in two ');
    process.stdout.write('parts\n');
    console.log('first\n  at second');
    await sleep(5);
    console.warn('careful');
    console.error(new OrderError('told to'));
    console.log(JSON.stringify({ message: 'own json', level: 'debug' }));
    process.stdout.write('without an end');
    return { printed: true };
  },
  '/context': (_event, context) => ({
    requestId: context.requestId,
    function: context.function,
    revision: context.revision,
    tenant: context.tenant,
    traceparent: context.traceparent ?? null,
    remainingMs: context.remainingMs(),
    deadline: context.deadline.getTime(),
  }),
  '/environment': () => ({ greeting: process.env.GREETING }),
  '/pool-environment': () => ({ pool: process.env.FNPLANE_POOL_TOKEN ?? process.env.FNPLANE_POOL ?? null }),
};

export async function handle(event, context) {
  return answers[event.path](event, context);
}
