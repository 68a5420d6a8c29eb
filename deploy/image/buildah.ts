import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { attempt, run, type CommandOptions } from '../local/cluster/command.ts';

/** As much of an image's configuration as callers read. */
export interface ImageConfig {
  User?: string;
  Env?: string[];
  Entrypoint?: string[];
  Cmd?: string[];
  WorkingDir?: string;
  ExposedPorts?: Record<string, object>;
  Labels?: Record<string, string>;
}

export interface ImageDescription {
  /** Of the configuration, without `sha256:`. */
  id: string;
  config: ImageConfig;
  history: { created_by?: string }[];
}

interface Inspected {
  FromImageID: string;
  OCIv1: { config: ImageConfig; history?: { created_by?: string }[] | null };
}

/** buildah on a storage of its own, so that nothing on the machine is mixed up with it. Needs root. */
export class Buildah {
  readonly #global: string[];
  readonly #location: string;

  /** @param folder keeps images and the layers of earlier builds */
  constructor(folder: string) {
    const storage = join(folder, 'storage');
    mkdirSync(storage, { recursive: true });
    // Locks and mounts must not outlive a restart of the machine.
    const state = join('/run/fnplane', `image-${createHash('sha256').update(storage).digest('hex').slice(0, 12)}`);
    const driver = process.env['STORAGE_DRIVER'] ?? 'overlay';
    this.#global = ['--root', storage, '--runroot', state, '--storage-driver', driver];
    this.#location = `${driver}@${storage}+${state}`;
  }

  /** An image of this storage, as skopeo names it. */
  storageReference(name: string): string {
    return `containers-storage:[${this.#location}]${name}`;
  }

  /** @returns what it printed, trimmed */
  async run(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    return (await run('buildah', [...this.#global, ...args], { timeoutMs: 120_000, ...options })).trim();
  }

  /** @returns null where there is no such image */
  async find(name: string): Promise<ImageDescription | null> {
    const text = await attempt('buildah', [...this.#global, 'inspect', '--type', 'image', name]);
    if (text === undefined) return null;
    const image = JSON.parse(text) as Inspected;
    return { id: image.FromImageID, config: image.OCIv1.config, history: image.OCIv1.history ?? [] };
  }

  /** Mounts an image's files for reading. The returned function takes the mount away. */
  async mount(image: string): Promise<{ folder: string; release(): Promise<void> }> {
    const container = await this.run(['from', '--pull-never', image]);
    const release = async (): Promise<void> => void (await this.run(['rm', container]));
    try {
      return { folder: await this.run(['mount', container]), release };
    } catch (error) {
      await release().catch(() => undefined);
      throw error;
    }
  }
}
