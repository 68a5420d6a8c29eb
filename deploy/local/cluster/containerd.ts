import { mkdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './command.ts';
import type { DaemonCommand } from './daemons.ts';
import type { Layout } from './layout.ts';
import { PAUSE_IMAGE } from './settings.ts';
import { writeWhole } from './state.ts';

const OVERLAYFS = 0x794c7630;

/** Where containerd keeps layers; an overlay cannot lie upon an overlay, as in a container's own root. */
function snapshotter(folder: string): string {
  return statfsSync(folder).type === OVERLAYFS ? 'native' : 'overlayfs';
}

/** Writes containerd's configuration. Nothing in it needs the internet. */
export function configureContainerd(layout: Layout, registryPort: number): DaemonCommand {
  const home = join(layout.data, 'containerd');
  mkdirSync(home, { recursive: true, mode: 0o711 });
  mkdirSync(layout.run, { recursive: true, mode: 0o711 });
  const registry = `127.0.0.1:${registryPort}`;
  writeWhole(join(layout.config, 'certs.d', registry, 'hosts.toml'), `server = "http://${registry}"\n[host."http://${registry}"]\n  capabilities = ["pull", "resolve"]\n`);
  const file = join(layout.config, 'containerd.toml');
  writeWhole(file, `version = 2
root = "${home}/root"
state = "${home}/state"
oom_score = 0
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = "${layout.containerdSocket}"
[ttrpc]
  address = "${layout.run}/containerd.ttrpc.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "${home}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE}"
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  # Containers may not lower their OOM score below their parent's without CAP_SYS_RESOURCE.
  restrict_oom_score_adj = true
  # Namespaces under our own folder can be told from those of others.
  netns_mounts_under_state_dir = true
  max_concurrent_downloads = 10
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "${snapshotter(home)}"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
        Root = "${layout.run}/runc"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${layout.data}/cni/bin"
    conf_dir = "${layout.data}/cni/conf"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "${layout.config}/certs.d"
`);
  return { command: 'containerd', args: ['--config', file] };
}

/** Runs containerd's own client against this cluster's containerd. */
export async function ctr(layout: Layout, args: readonly string[], timeoutMs = 60_000): Promise<string> {
  return run('ctr', ['--address', layout.containerdSocket, '--namespace', 'k8s.io', ...args], { timeoutMs });
}
