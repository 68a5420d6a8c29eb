import { describe, expect, it } from 'vitest';
import { toCloudEvent } from './cloud-event.policy.js';

const EVENT = { tenantId: 't', id: '6f1c7c52-4bd4-4a52-8f9d-0f4f6e2f9f10', sequence: 42, at: new Date('2026-11-27T00:00:00.123Z'), type: 'function.ready', subject: 'functions/hello', data: { revision: 3 } } as const;

describe('an event as CloudEvent', () => {
  it('says whose it is, what happened and to what', () => {
    expect(toCloudEvent(EVENT, 'shop')).toEqual({
      specversion: '1.0', id: EVENT.id, source: '/tenants/shop', type: 'dev.fnplane.function.ready.v1', subject: 'functions/hello', time: '2026-11-27T00:00:00.123Z', datacontenttype: 'application/json',
      sequence: '0000000000000042', data: { revision: 3 },
    });
  });

  it('has a sequence that sorts as text', () => {
    const sequences = [9, 10, 99, 100, 2 ** 40].map((sequence) => toCloudEvent({ ...EVENT, sequence }, 'shop').sequence);
    expect([...sequences].sort()).toEqual(sequences);
  });
});
