import type { SourceFile } from '../archives/source-file.js';

/** Runtimes whose source the platform turns into an image. */
export const SOURCE_RUNTIMES = ['python', 'node', 'go'] as const;
export type SourceRuntime = (typeof SOURCE_RUNTIMES)[number];

export interface BuildRequest {
  tenantId: string;
  /** `tenants/<tenant id>/<function name>`. */
  repository: string;
  runtime: SourceRuntime;
  files: readonly SourceFile[];
  /** `<file without ending>.<function>`; Go has none. */
  handler: string;
  signal?: AbortSignal;
}

/** Where the time of a build went, in ms; all zero but `pushMs` when the image was there already. */
export interface BuildTimings {
  /** Waiting for a free place among the builds that run at once. */
  waitMs: number;
  dependenciesMs: number;
  compileMs: number;
  pushMs: number;
}

export interface BuiltImage {
  reference: string;
  digest: string;
  sizeBytes: number;
  layerDigest: string;
  /** The same source had been built upon the same base before. */
  cached: boolean;
  timings: BuildTimings;
}

/** What a runtime's own step makes of the source: the files below `/function`. */
export interface PreparedSource {
  files: readonly SourceFile[];
  dependenciesMs: number;
  compileMs: number;
}

export interface BuildLimits {
  /** Builds at once in this process. */
  concurrent: number;
  compileTimeoutMs: number;
  dependenciesTimeoutMs: number;
  /** Private memory of one process of a tool. */
  memoryMb: number;
  /** Unpacked size and number of files of a function with its dependencies. */
  imageBytes: number;
  imageFiles: number;
  /** Go caches kept on disk, one for each tenant, and the size at which one is thrown away. */
  tenantCaches: number;
  tenantCacheMb: number;
}

export const BUILD_LIMITS: Readonly<BuildLimits> = {
  concurrent: 2,
  compileTimeoutMs: 120_000,
  dependenciesTimeoutMs: 180_000,
  memoryMb: 2_048,
  imageBytes: 250 * 1024 * 1024,
  imageFiles: 40_000,
  tenantCaches: 50,
  tenantCacheMb: 2_048,
};
