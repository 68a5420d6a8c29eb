import { Writable } from 'node:stream';
import { Exec, KubeConfig, type V1Status } from '@kubernetes/client-node';
import { FUNCTION_CONTAINER } from '../../src/contract/names.js';
import type { Pod } from '../../src/platform/kubernetes/kubernetes-object.js';
import { needed } from '../support/platform.js';

export interface ExecResult {
  succeeded: boolean;
  /** What the cluster says of a failure. */
  message: string;
  output: string;
}

/** Runs a program inside a function's container, as an administrator of the cluster. */
export async function execInPod(pod: Pod, command: string[]): Promise<ExecResult> {
  const config = new KubeConfig();
  config.loadFromFile(needed('KUBECONFIG'));
  const parts: Buffer[] = [];
  const sink = (): Writable => new Writable({
    write(part: Buffer, _encoding, done) {
      parts.push(Buffer.from(part));
      done();
    },
  });
  const status = await new Promise<V1Status>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${command[0]} did not end`)), 20_000);
    new Exec(config).exec(pod.metadata.namespace!, pod.metadata.name, FUNCTION_CONTAINER, command, sink(), sink(), null, false, (answer) => {
      clearTimeout(timer);
      resolve(answer);
    }).catch((error: Error) => {
      clearTimeout(timer);
      reject(error);
    });
  });
  return { succeeded: status.status === 'Success', message: status.message ?? '', output: Buffer.concat(parts).toString('utf8') };
}
