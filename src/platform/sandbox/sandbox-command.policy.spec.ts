import { describe, expect, it } from 'vitest';
import { OutputCapture } from './output-capture.js';
import { sandboxCommand, type SandboxHost } from './sandbox-command.policy.js';
import type { SandboxRun } from './sandbox-run.js';

const run: SandboxRun = { command: '/tool/bin/x', args: ['--flag', 'value'], network: false, timeoutMs: 10_000, memoryMb: 64 };
const host: SandboxHost = { bwrap: '/usr/bin/bwrap', prlimit: '/usr/bin/prlimit', privileged: true, topFolders: [{ path: '/bin', linkTarget: 'usr/bin' }, { path: '/lib', linkTarget: undefined }], cores: 2 };

function line(changes: Partial<SandboxRun> = {}, machine: Partial<SandboxHost> = {}): string {
  const { file, args } = sandboxCommand({ ...run, ...changes }, { ...host, ...machine });
  return [file, ...args].join(' ');
}

describe('sandboxCommand', () => {
  it('takes away network, capabilities and the host, and dies with its parent', () => {
    for (const privileged of [true, false]) {
      const text = line({}, { privileged });
      for (const flag of ['--unshare-net', '--unshare-pid', '--unshare-ipc', '--cap-drop ALL', '--die-with-parent', '--new-session']) expect(text).toContain(flag);
      expect(text).not.toContain('/etc');
      expect(text.endsWith('/tool/bin/x --flag value')).toBe(true);
    }
  });

  it('becomes nobody by itself as root, by a user namespace otherwise', () => {
    expect(line()).toContain('-- /usr/bin/setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs -- /tool/bin/x');
    expect(line()).not.toContain('--unshare-user');
    expect(line({}, { privileged: false })).toContain('--unshare-user --disable-userns --uid 65534 --gid 65534');
    expect(line({}, { privileged: false })).not.toContain('setpriv');
  });

  it('adds what name resolution and TLS read only with a network', () => {
    expect(line({ network: true })).toContain('--ro-bind-try /etc/resolv.conf /etc/resolv.conf');
    expect(line({ network: true })).not.toContain('--unshare-net');
  });

  it('mounts what is named, with open folders on the way', () => {
    const text = line({ readOnly: [{ from: '/a', to: '/deep/in/side' }, { from: '/m', to: '/maybe', optional: true }], writable: [{ from: '/b', to: '/out' }] });
    expect(text).toContain('--dir /deep --dir /deep/in --ro-bind /a /deep/in/side --ro-bind-try /m /maybe --bind /b /out');
  });

  it('limits memory, CPU time, files and processes, but not addresses', () => {
    expect(line()).toMatch(/^\/usr\/bin\/prlimit --data=67108864 --cpu=21 --fsize=\d+ --nproc=\d+ --nofile=\d+ --core=0 -- /);
    expect(line()).not.toContain('--as=');
  });

  it('keeps the host\'s top folders as they are', () => {
    expect(line()).toContain('--symlink usr/bin /bin --ro-bind /lib /lib');
  });
});

describe('OutputCapture', () => {
  it('keeps everything below the limit, and head and tail above it', () => {
    const small = new OutputCapture(10);
    small.add(Buffer.from('12345'));
    small.add(Buffer.from('67890'));
    expect(small.text()).toBe('1234567890');
    const big = new OutputCapture(10);
    for (let number = 0; number < 100_000; number += 1) big.add(Buffer.from(`${number % 10}`));
    big.add(Buffer.from('the end'));
    expect(big.text()).toBe('01234\n... 99997 bytes left out ...\ne end');
  });
});
