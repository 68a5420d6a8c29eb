import { expect, it } from 'vitest';
import { DomainError } from '../../../platform/errors/domain-error.js';
import { errorFromStatus, timeoutError } from '../../../platform/kubernetes/kubernetes-errors.js';
import { troubleOf } from './function-trouble.policy.js';

const refused = (status: number, message: string) => errorFromStatus(status, JSON.stringify({ kind: 'Status', message }));

it.each([
  ['a missing secret', new DomainError('invalid', 'SECRET_NOT_FOUND', 'There is no secret x.'), 'ConfigurationMissing', true],
  ['a secret without a value', new DomainError('conflict', 'SECRET_WITHOUT_VALUE', 'The secret x has no value any more.'), 'ConfigurationMissing', true],
  ['a share for what has no image', new DomainError('conflict', 'TRAFFIC_REVISION_WITHOUT_IMAGE', 'x'), 'BuildFailed', true],
  ['a missing namespace', refused(404, 'namespaces "x" not found'), 'Placing', false],
  ['a namespace that goes', refused(403, 'unable to create new content in namespace x because it is being terminated'), 'Placing', false],
  ['a quota', refused(403, 'configmaps "x" is forbidden: exceeded quota: bounds'), 'QuotaRefused', true],
  ['a webhook', refused(400, 'admission webhook denied the request'), 'AdmissionRefused', true],
  ['a rule of the resource', refused(422, 'spec.functionId: cannot be changed'), 'AdmissionRefused', true],
  ['another writer', refused(409, 'the object has been modified'), 'RetryingAfterError', false],
  ['an API server in trouble', refused(503, 'x'), 'ClusterUnreachable', false],
  ['a deadline', timeoutError('c'), 'ClusterUnreachable', false],
  ['a key service that does not answer', new DomainError('unavailable', 'KEY_SERVICE_UNAVAILABLE', 'x'), 'RetryingAfterError', false],
  ['a secret that does not open', new DomainError('unavailable', 'SECRET_UNREADABLE', 'x'), 'RetryingAfterError', false],
  ['a cluster that is not connected', new DomainError('unavailable', 'CLUSTER_NOT_CONNECTED', 'x'), 'RetryingAfterError', false],
  ['a cluster that is left alone until it answers', new DomainError('unavailable', 'CLUSTER_NOT_ANSWERING', 'x'), 'ClusterUnreachable', false],
])('%s is told as what it means', (_, error, reason, ends) => {
  expect(troubleOf(error, 'c')).toMatchObject({ reason, ends });
});

it('leaves faults of the program alone', () => {
  expect(troubleOf(new TypeError('x'), 'c')).toBeUndefined();
});
