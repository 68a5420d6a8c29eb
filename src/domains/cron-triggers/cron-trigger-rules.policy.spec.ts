import { describe, expect, it } from 'vitest';
import type { CronTriggerBody } from './cron-trigger-body.js';
import { cronTriggerProblems, effectiveSettings, requestBody } from './cron-trigger-rules.policy.js';

const pointers = (change: object): string[] => cronTriggerProblems({ name: 'nightly', function: 'pay', schedule: '0 2 * * *', ...change } as CronTriggerBody).map(({ pointer }) => pointer);
const KIB_64 = 64 * 1024;

describe('a cron trigger', () => {
  it.each([
    [{}], [{ timeZone: 'Europe/Berlin', concurrencyPolicy: 'forbid', missedRuns: 'all', jitterSeconds: 300, suspended: true }], [{ path: '/a?b=1', headers: { 'content-type': 'text/plain', 'x-a': '1' }, body: 'é'.repeat(KIB_64 / 2) }],
    [{ bodyBase64: Buffer.alloc(KIB_64).toString('base64'), maxAttempts: 1, maxAgeSeconds: 60 }], [{ bodyBase64: '' }], [{ body: '' }], [{ jitterSeconds: 0 }],
  ])('is valid', (change) => {
    expect(pointers(change)).toEqual([]);
  });

  it.each<[string, object]>([
    ['/name', { name: 'No' }], ['/name', { name: undefined }], ['/function', { function: '' }], ['/schedule', { schedule: undefined }], ['/schedule', { schedule: '* * *' }], ['/timeZone', { timeZone: '+01:00' }],
    ['/concurrencyPolicy', { concurrencyPolicy: 'perhaps' }], ['/missedRuns', { missedRuns: 'some' }], ['/jitterSeconds', { jitterSeconds: 301 }], ['/jitterSeconds', { jitterSeconds: -1 }], ['/jitterSeconds', { jitterSeconds: 0.5 }],
    ['/suspended', { suspended: 'yes' }], ['/path', { path: 'a' }], ['/path', { path: '/../a' }], ['/headers/authorization', { headers: { authorization: 'x' } }], ['/headers/x-fnplane-trigger', { headers: { 'x-fnplane-trigger': 'x' } }], ['/headers/x-a', { headers: { 'x-a': 'a\nb' } }],
    ['/body', { body: 'é'.repeat(KIB_64 / 2 + 1) }], ['/bodyBase64', { bodyBase64: Buffer.alloc(KIB_64 + 1).toString('base64') }], ['/bodyBase64', { bodyBase64: 'YQ' }], ['/bodyBase64', { bodyBase64: 'YQ==\n' }], ['/bodyBase64', { bodyBase64: 'YR==' }], ['/bodyBase64', { body: 'a', bodyBase64: 'YQ==' }],
    ['/maxAttempts', { maxAttempts: 11 }], ['/maxAgeSeconds', { maxAgeSeconds: 59 }],
  ])('is refused at %s', (pointer, change) => {
    expect(pointers(change)).toEqual([pointer]);
  });

  it('holds what is not said', () => {
    expect(effectiveSettings({ schedule: '* * * * *', path: '/x' })).toEqual({ timeZone: 'UTC', concurrencyPolicy: 'allow', missedRuns: 'last', jitterSeconds: 0, suspended: false, path: '/x', maxAttempts: 3, maxAgeSeconds: 21_600 });
    expect([requestBody({ schedule: '' }), requestBody({ schedule: '', body: 'é' })?.length, requestBody({ schedule: '', bodyBase64: 'AP8=' })]).toEqual([undefined, 2, Buffer.from([0, 255])]);
  });
});
