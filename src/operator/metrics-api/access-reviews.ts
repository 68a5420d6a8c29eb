import { BoundedCache } from '../../platform/caching/bounded-cache.js';
import type { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import type { Identity } from './front-proxy.policy.js';

/** As the API server's own webhooks keep them. */
const REMEMBERED_MS = 10_000;
const MOST_ANSWERS = 4_096;
const TIMEOUT_MS = 5_000;

/** A metric as Kubernetes' authorization names it. */
export interface MetricAccess {
  verb: 'get' | 'list';
  group: string;
  version: string;
  resource: string;
  subresource?: string;
  namespace: string;
  name?: string;
}

/** Asks the API server whether somebody may read a metric. What it does not allow is refused. */
export class AccessReviews {
  private readonly answers = new BoundedCache<string, boolean>(MOST_ANSWERS, REMEMBERED_MS);

  constructor(private readonly client: KubernetesClient) {}

  /** Rejects when the API server gives no answer. */
  async mayRead({ user, groups, extra }: Identity, resourceAttributes: MetricAccess): Promise<boolean> {
    const spec = { user, groups, extra, resourceAttributes };
    const key = JSON.stringify(spec);
    const known = this.answers.get(key);
    if (known !== undefined) return known;
    const review = JSON.stringify({ apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec });
    const text = await this.client.raw('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', { body: review, contentType: 'application/json', timeoutMs: TIMEOUT_MS });
    const { status } = JSON.parse(text) as { status?: { allowed?: boolean; denied?: boolean } };
    const allowed = status?.allowed === true && status.denied !== true;
    this.answers.set(key, allowed);
    return allowed;
  }
}
