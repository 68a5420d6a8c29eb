import { FUNCTION_PORT } from '../../../contract/names.js';
import type { KubernetesClient } from '../../../platform/kubernetes/kubernetes-client.js';
import type { Pod } from '../../../platform/kubernetes/kubernetes-object.js';
import { PodPages, type PodNetwork } from '../../../platform/kubernetes/pod-pages.js';
import { parseTotals, type ScrapedTotals } from '../metrics-text.policy.js';
import { parseRequests, type PodRequests } from '../request-metrics.policy.js';

/** Reads one pod's totals: straight from its address, or through the API server where the pod network is out of reach. */
export class PodScraper {
  private readonly pages: PodPages;

  constructor(client: KubernetesClient, network: PodNetwork) {
    this.pages = new PodPages(client, network, FUNCTION_PORT);
  }

  /** Null when the pod does not answer or does not speak the contract: the next round asks again. */
  async read(pod: Pod): Promise<(ScrapedTotals & { requests: PodRequests }) | null> {
    const text = await this.pages.read(pod, '/metrics');
    const scraped = text === undefined ? null : parseTotals(text);
    return scraped && { ...scraped, requests: parseRequests(text!) };
  }

  async close(): Promise<void> {
    await this.pages.close();
  }
}
