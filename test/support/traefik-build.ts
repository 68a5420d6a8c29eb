import { ensureBinary, TRAEFIK } from '../../deploy/local/cluster/builds.ts';
import { cacheFolder } from '../../deploy/local/cluster/layout.ts';
import { Progress } from '../../deploy/local/cluster/progress.ts';

/** A real implementation of Ingress and the Gateway API, built once into the cache folder. @returns its path */
export function ensureTraefik(progress: Progress = new Progress(), signal?: AbortSignal): Promise<string> {
  return ensureBinary(cacheFolder(), TRAEFIK, progress, signal);
}
