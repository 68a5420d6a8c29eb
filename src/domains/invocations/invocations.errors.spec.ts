import { describe, expect, it } from 'vitest';
import { REFUSALS } from '../../gateway/refusals.policy.js';
import { HTTP } from '../../platform/rest/problem.js';
import { refusedByGateway } from './invocations.errors.js';

/** Where the API's answer is on purpose another than the gateway's own. */
const OTHERWISE: Record<string, number> = {
  // The credential was the platform's, not the caller's.
  AUTHENTICATION_REQUIRED: 503, CREDENTIAL_INVALID: 503,
  // A fault of the gateway is one of a part behind the API.
  GATEWAY_ERROR: 502,
  // The API's caller named these in its own input, and took no time over them.
  METHOD_NOT_ALLOWED: 422, HEADERS_TOO_LARGE: 422, REQUEST_TIMEOUT: 504,
};

describe('refusals of the gateway', () => {
  it.each(Object.entries(REFUSALS))('%s keeps its meaning', (code, { status, detail }) => {
    const error = refusedByGateway({ code, detail, retryAfterSeconds: 3 });
    expect(HTTP[error.kind].status).toBe(OTHERWISE[code] ?? status);
    if (status !== 401) expect(error).toMatchObject({ code, message: detail, retryAfterSeconds: 3 });
  });

  it('that nobody knows are the fault of something behind the API', () => {
    expect(refusedByGateway({ code: 'SOMETHING_NEW', detail: 'x', retryAfterSeconds: undefined })).toMatchObject({ kind: 'upstream', code: 'SOMETHING_NEW' });
  });
});
