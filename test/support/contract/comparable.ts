import type { HttpAnswer } from '../../../deploy/local/http-client.ts';

/** Differs between any two requests. */
const VOLATILE = new Set(['date', 'x-request-id', 'content-length', 'etag', 'keep-alive']);
/** Counts down with each request: that it is there must be alike, its value cannot be. */
const COUNTING = /^(x-)?ratelimit|^retry-after$/;
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g;
const ETAG = /"[0-9a-f]{8}-\d+"/g;
const MADE = /fnp_[A-Za-z0-9_]+|whsec_[A-Za-z0-9+/=]+/g;
const NODE_ID = /"(?:id|startCursor|endCursor|cursor|nextCursor)":"[A-Za-z0-9_-]{16,}"/g;

/** An answer without what is the request's own: its id, the time, new ids, and the words the caller sent, each put by its place. */
export function comparable({ status, headers, body }: HttpAnswer, sent: readonly string[]): { status: number; headers: string[]; body: string } {
  const text = Buffer.isBuffer(body) ? body.toString('latin1') : JSON.stringify(body, (key, value: unknown) => (key === 'requestId' ? undefined : value));
  return {
    status,
    headers: [...headers].filter(([name]) => !VOLATILE.has(name)).map(([name, value]) => `${name}: ${COUNTING.test(name) ? '' : plain(value, sent)}`).sort(),
    body: plain(text, sent),
  };
}

function plain(text: string, sent: readonly string[]): string {
  const echoed = sent.filter((word) => word.length > 3).sort((a, b) => b.length - a.length).reduce((rest, word) => rest.replaceAll(word, '<sent>'), text);
  return echoed.replaceAll(NODE_ID, '<node>').replaceAll(UUID, '<uuid>').replaceAll(TIME, '<time>').replaceAll(ETAG, '<etag>').replaceAll(MADE, '<key>');
}

/** What an answer shows of `secrets` beyond the words the caller sent itself. */
export function leaks({ headers, body }: HttpAnswer, secrets: ReadonlySet<string>, sent: readonly string[]): string[] {
  const text = `${Buffer.isBuffer(body) ? body.toString('latin1') : JSON.stringify(body)}\n${[...headers].map(([name, value]) => `${name}: ${value}`).join('\n')}`;
  return [...secrets].filter((secret) => text.includes(secret) && !sent.some((word) => word.includes(secret)));
}
