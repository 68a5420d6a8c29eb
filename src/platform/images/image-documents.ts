/** The parts of OCI and Docker v2 image documents that are read or written here; all else is passed on as it is. */
export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  platform?: { os: string; architecture: string; variant?: string };
}

export interface ImageManifest {
  schemaVersion: 2;
  mediaType?: string;
  config: Descriptor;
  layers: Descriptor[];
  annotations?: Record<string, string>;
}

export interface ImageIndex {
  schemaVersion: 2;
  manifests: Descriptor[];
}

export interface ImageConfig {
  created?: string;
  os: string;
  architecture: string;
  config?: {
    Env?: string[] | null;
    Labels?: Record<string, string> | null;
    Entrypoint?: string[] | null;
    Cmd?: string[] | null;
    WorkingDir?: string;
    User?: string;
    [field: string]: unknown;
  };
  rootfs: { type: 'layers'; diff_ids: string[] };
  history?: { created?: string; created_by?: string; comment?: string; empty_layer?: boolean }[];
  [field: string]: unknown;
}

/** What an appended image says differently from its base; a list given replaces the base's. */
export interface ImageConfigChanges {
  /** Added to the base's; the same name replaces. */
  env?: Readonly<Record<string, string>>;
  labels?: Readonly<Record<string, string>>;
  entrypoint?: readonly string[];
  cmd?: readonly string[];
  workingDir?: string;
  user?: string;
}
