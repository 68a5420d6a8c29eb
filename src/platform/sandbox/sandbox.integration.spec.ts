import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxCommand } from './sandbox-command.policy.js';
import { findSandboxHost } from './sandbox-host.js';
import { makeSandboxFolder, runSandboxed, sandboxOwner } from './sandbox.js';
import type { SandboxResult, SandboxRun } from './sandbox-run.js';

let folder: string;
let server: Server;
let port: number;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fnplane-sandbox-'));
  server = createServer((socket) => socket.end('reached\n')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});

afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true, force: true });
});

function shell(script: string, options: Partial<SandboxRun> = {}): Promise<SandboxResult> {
  return runSandboxed({ command: '/usr/bin/bash', args: ['-c', script], network: false, timeoutMs: 20_000, memoryMb: 256, ...options });
}

/** Command lines of all processes of this machine that contain `mark`. */
function alive(mark: string): string[] {
  return execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).split('\n').filter((line) => line.includes(mark) && !line.startsWith('ps '));
}

async function gone(mark: string): Promise<void> {
  for (const deadline = Date.now() + 5_000; alive(mark).length > 0; await new Promise((resolve) => setTimeout(resolve, 20))) {
    if (Date.now() > deadline) throw new Error(`still alive: ${alive(mark).join('; ')}`);
  }
}

describe('what a sandboxed command cannot reach', () => {
  it.each(['/etc/shadow', '/etc/passwd', '/root', '/home', '/var', '/proc/1/environ', '/proc/1/root/etc', '/sys', '/run', '/work'])('the host\'s %s', async (path) => {
    const result = await shell(`ls -d ${path}/. 2>/dev/null || cat ${path}`);
    expect(result.exitCode).not.toBe(0);
    expect(result.stdout).toBe('');
  });

  it('a service on the host\'s loopback, or any interface at all', async () => {
    const connect = `exec 3<>/dev/tcp/127.0.0.1/${port} && cat <&3`;
    const closed = await shell(`${connect}; cat /proc/net/route | tail -n +2`);
    expect(closed.stdout).toBe('');
    expect(closed.stderr).toContain('Connection refused');
    const open = await shell(connect, { network: true });
    expect(open.stdout).toBe('reached\n');
  });

  it('the rights, processes and environment of this process', async () => {
    process.env.FNPLANE_TEST_SECRET = 'hidden';
    try {
      const result = await shell('id -u; grep -E "CapEff|CapBnd|NoNewPrivs" /proc/self/status | tr -d "\\t"; ls -d /proc/[0-9]* | wc -l; env', { env: { GIVEN: 'yes' } });
      const [user, effective, bounding, noNew, processes, ...env] = result.stdout.trim().split(/\n/);
      expect([user, effective, bounding, noNew]).toEqual(['65534', 'CapEff:0000000000000000', 'CapBnd:0000000000000000', 'NoNewPrivs:1']);
      expect(Number(processes)).toBeLessThan(10);
      expect(env.join('\n')).toContain('GIVEN=yes');
      expect(env.join('\n')).not.toContain('hidden');
    } finally {
      delete process.env.FNPLANE_TEST_SECRET;
    }
  });

  it('anything to write to but /tmp and what was given', async () => {
    const writable = join(folder, 'out');
    const readable = join(folder, 'in');
    await makeSandboxFolder(writable);
    await makeSandboxFolder(readable);
    await writeFile(join(readable, 'input'), 'data');
    const result = await shell('cat /in/input > /out/copy; for f in /x /usr/x /in/x /in/input /proc/sys/kernel/hostname; do (echo 1 > $f) 2>/dev/null && echo wrote $f; done; echo ok > /tmp/x', {
      readOnly: [{ from: readable, to: '/in' }], writable: [{ from: writable, to: '/out' }],
    });
    expect(result).toMatchObject({ exitCode: 0, stdout: '' });
    expect(await readFile(join(writable, 'copy'), 'utf8')).toBe('data');
    expect((await stat(join(writable, 'copy'))).uid).toBe(sandboxOwner().uid);
  });
});

describe('limits', () => {
  it('a command that runs too long is killed with all its children', async () => {
    const mark = `86400.${process.pid}1`;
    const result = await shell(`(setsid sleep ${mark} &) ; sleep ${mark} & sleep ${mark}`, { timeoutMs: 500 });
    expect(result).toMatchObject({ timedOut: true, exitCode: null });
    expect(result.durationMs).toBeLessThan(5_000);
    await gone(mark);
  });

  it('an abort kills it and rejects with the reason', async () => {
    const mark = `86400.${process.pid}2`;
    const abort = new AbortController();
    const running = shell(`sleep ${mark}`, { signal: abort.signal });
    while (alive(mark).length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    abort.abort(new Error('no longer wanted'));
    await expect(running).rejects.toThrow('no longer wanted');
    await gone(mark);
    await expect(shell('true', { signal: abort.signal })).rejects.toThrow('no longer wanted');
  });

  it('what is left running when the command ends is killed', async () => {
    const mark = `86400.${process.pid}3`;
    expect(await shell(`(setsid sleep ${mark} >/dev/null 2>&1 &); exit 3`)).toMatchObject({ exitCode: 3, timedOut: false });
    await gone(mark);
  });

  it('memory, file size and output', async () => {
    const memory = await shell('python3 -c "x = bytearray(200 * 1024 * 1024)"', { memoryMb: 64, command: '/usr/bin/bash' });
    expect(memory.exitCode).not.toBe(0);
    expect(memory.stderr).toContain('MemoryError');
    const file = await shell('head -c 3000000 /dev/zero > /tmp/big; stat -c %s /tmp/big', { fileSizeMb: 1 });
    expect(Number(file.stdout)).toBeLessThanOrEqual(1024 * 1024);
    const output = await shell('head -c 50000000 /dev/zero | tr "\\0" x; echo end', { outputLimit: 1_000 });
    expect(output.stdout.length).toBeLessThan(1_100);
    expect(output.stdout).toMatch(/bytes left out[^]*end\n$/);
  });
});

describe('the machine', () => {
  it('is asked for its tools; a missing one is named with the package that has it', () => {
    expect(findSandboxHost().bwrap).toMatch(/\/bwrap$/);
    expect(() => findSandboxHost('/nowhere:relative')).toThrow(expect.objectContaining({ code: 'SANDBOX_UNAVAILABLE', message: expect.stringContaining('apt-get install bubblewrap') }));
  });

  it.runIf(process.geteuid?.() === 0)('may be one where this process is not root: a user namespace does the same', () => {
    const run: SandboxRun = { command: '/usr/bin/bash', args: ['-c', 'id -u; cat /etc/shadow /root/.profile; unshare -Ur true && echo nested'], network: false, timeoutMs: 5_000, memoryMb: 256 };
    const { file, args } = sandboxCommand(run, { ...findSandboxHost(), privileged: false });
    const result = spawnSync(file, args, { uid: 65_534, gid: 65_534, env: {}, encoding: 'utf8', cwd: '/' });
    expect(result.stdout).toBe('65534\n');
  });
});

describe('failures', () => {
  it('of the command are results', async () => {
    expect(await shell('echo out; echo err >&2; exit 7')).toMatchObject({ exitCode: 7, stdout: 'out\n', stderr: 'err\n', timedOut: false });
  });

  it('of the sandbox itself are errors that say so', async () => {
    await expect(shell('true', { readOnly: [{ from: '/does/not/exist', to: '/x' }] })).rejects.toMatchObject({ code: 'SANDBOX_UNAVAILABLE', kind: 'unavailable' });
  });
});
