import type { ConditionReason } from '../../contract/function-resource.js';

/** Longest piece of a log that goes into a condition. */
export const LOG_LIMIT = 2_000;

/* eslint-disable no-control-regex */
const ANSI = /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
/* eslint-enable no-control-regex */

/**
 * The log's last lines, fit for a condition: no escape sequences, no control characters, repeats counted, whole lines, at most
 * {@link LOG_LIMIT} characters.
 */
export function tailOfLog(log: string): string {
  const clean = countRepeats(log.replaceAll('\r\n', '\n').replaceAll(ANSI, '').replaceAll(CONTROL, '').trim());
  if (clean.length <= LOG_LIMIT) return clean;
  const cut = clean.slice(-LOG_LIMIT);
  const newline = cut.indexOf('\n');
  return newline >= 0 && newline < cut.length - 1 ? cut.slice(newline + 1) : cut;
}

function countRepeats(text: string): string {
  const lines: { line: string; times: number }[] = [];
  for (const line of text.split('\n')) {
    const last = lines.at(-1);
    if (last?.line === line && line !== '') last.times += 1;
    else lines.push({ line, times: 1 });
  }
  return lines.map(({ line, times }) => (times > 1 ? `${line} (${times} times)` : line)).join('\n');
}

/** Whether a termination message is the runtimes' usage record rather than words for people. */
export function isUsageRecord(message: string): boolean {
  return message.trimStart().startsWith('{"fnplane"');
}

const IMAGE_CAUSES: readonly (readonly [RegExp, string])[] = [
  [/not found|manifest unknown|404/i, 'the registry has no such image'],
  [/unauthorized|authorization failed|authentication required|denied|401|403/i, 'the registry refuses access to it'],
  [/no such host|server misbehaving|name resolution/i, 'the registry\'s name cannot be resolved'],
  [/connection refused|no route to host|network is unreachable|connection reset/i, 'the registry cannot be reached'],
  [/timeout|deadline exceeded/i, 'the registry does not answer in time'],
  [/x509|certificate|tls:/i, 'the registry\'s certificate is not trusted'],
  [/server gave HTTP response to HTTPS client/i, 'the registry speaks plain HTTP, which the cluster\'s nodes do not allow for it'],
  [/no match for platform|exec format/i, 'it was not built for the nodes\' processor'],
  [/no space left/i, 'the node\'s disk is full'],
  [/toomanyrequests|429|rate limit/i, 'the registry limits the rate of pulls'],
  [/invalid reference|InvalidImageName|couldn't parse image/i, 'its name is not valid'],
];

/** Why an image could not be pulled, in a few words; the kubelet's own last words where the cause is not known. */
export function imagePullCause(message: string): string {
  // The image's own name must not be read as a cause ("my-timeout-service").
  const words = message.replaceAll(/"[^"]*"/g, '').replaceAll(/\S+@sha256:[0-9a-f]+/g, '');
  const known = IMAGE_CAUSES.find(([pattern]) => pattern.test(words));
  if (known) return known[1];
  return tailOfLog(words.split(': ').slice(-2).join(': ')).slice(0, 200) || 'the node gave no cause';
}

const RESOURCE_WORDS: Record<string, string> = {
  pods: 'pods',
  'limits.memory': 'memory',
  'requests.memory': 'memory',
  memory: 'memory',
  'limits.cpu': 'CPU',
  'requests.cpu': 'CPU',
  cpu: 'CPU',
  'requests.ephemeral-storage': 'temporary disk',
  'limits.ephemeral-storage': 'temporary disk',
  'count/deployments.apps': 'deployments',
  'count/services': 'services',
  services: 'services',
};

/** A refusal of the API server to create pods or their workload, sorted and said in plain words. */
export function refusalOf(message: string): { reason: Extract<ConditionReason, 'QuotaRefused' | 'AdmissionRefused'>; message: string } {
  const quota = /exceeded quota: (\S+), requested: (.+?), used: (.+?), limited: (.+?)$/m.exec(message);
  if (quota) return { reason: 'QuotaRefused', message: exceededQuota(quota[2] ?? '', quota[3] ?? '', quota[4] ?? '') };
  const range = /(maximum|minimum) (\S+) usage per (\S+) is (\S+), but (?:limit|request) is (\S+?)\.?$/m.exec(message);
  if (range) {
    const [, side, resource = '', , allowed, asked] = range;
    return { reason: 'QuotaRefused', message: `The tenant's limits allow ${side === 'maximum' ? 'at most' : 'at least'} ${allowed} of ${RESOURCE_WORDS[resource] ?? resource} for one pod; the function asks for ${asked}.` };
  }
  if (/failed quota/.test(message)) return { reason: 'QuotaRefused', message: `The tenant's quota refuses the pods: ${shorten(message)}.` };
  if (/violates PodSecurity/.test(message)) return { reason: 'AdmissionRefused', message: `The cluster's Pod Security rules refuse the pods: ${shorten(message)}.` };
  return { reason: 'AdmissionRefused', message: `The cluster refuses the function's workload: ${shorten(message)}.` };
}

function exceededQuota(requested: string, used: string, limited: string): string {
  const [asks, uses, limits] = [parseAmounts(requested), parseAmounts(used), parseAmounts(limited)];
  const said = new Set<string>();
  const parts: string[] = [];
  for (const [resource, amount] of asks) {
    const word = RESOURCE_WORDS[resource] ?? resource;
    if (said.has(word)) continue;
    said.add(word);
    parts.push(`${word}: ${limits.get(resource) ?? '?'} allowed, ${uses.get(resource) ?? '?'} in use, ${amount} more needed`);
  }
  return `The tenant's quota has no room for the function's pods (${parts.join('; ')}). Free some or ask for a larger quota; it is tried again by itself.`;
}

function parseAmounts(text: string): Map<string, string> {
  return new Map(text.split(',').map((pair) => {
    const [name = '', amount = ''] = pair.split('=');
    return [name.trim(), amount.trim()];
  }));
}

function shorten(message: string): string {
  return tailOfLog(message).replace(/^.*? is forbidden: /s, '').replace(/[.\s]+$/, '').slice(0, 600);
}

/** The scheduler's `0/3 nodes are available: 3 Insufficient memory. preemption: ...` without what only operators understand. */
export function schedulingCause(message: string): string {
  const causes = /nodes are available: (.*?)(?:\. |\.?$)/s.exec(message)?.[1] ?? message;
  return shorten(causes);
}

/** How a process ended, from its exit code. */
export function exitWords(exitCode: number, signal?: number): string {
  const number = signal || (exitCode > 128 && exitCode < 160 ? exitCode - 128 : 0);
  return number > 0 ? `was ended by signal ${number}` : `ended with exit code ${exitCode}`;
}

/** What kept a container from starting, without the runtime's own chain of failures (`failed to create shim task: ...: exec: "/x": ...`). */
export function startErrorCause(message: string): string {
  const cause = tailOfLog(message.slice(Math.max(0, message.indexOf('exec: '))));
  return cause.replace(/: unknown$/, '').slice(0, 500);
}
