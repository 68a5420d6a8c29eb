/** What a function finds when it looks around in its container. */
export interface Surroundings {
  uid: number;
  gid: number;
  /** Folders in which a file could be made; '/tmp' is the only one there should be. */
  writable: string[];
  /** Of {@link SHELLS} and the token's folder: what exists. */
  found: string[];
  /** Lines of /proc/self/status. */
  capabilities: string;
  noNewPrivileges: string;
  seccomp: string;
}

const FOLDERS = ['/', '/bin', '/dev/shm', '/etc', '/function', '/opt', '/opt/fnplane', '/proc/sys/kernel', '/root', '/sys', '/tmp', '/usr/bin', '/usr/lib', '/var', '/var/tmp'];
export const SHELLS = ['/bin/sh', '/bin/bash', '/bin/dash', '/bin/busybox', '/usr/bin/sh', '/usr/bin/bash', '/usr/bin/dash', '/usr/bin/env', '/usr/bin/apt-get', '/usr/bin/dpkg', '/usr/bin/perl'];
const PATHS = [...SHELLS, '/var/run/secrets/kubernetes.io', '/run/secrets/kubernetes.io'];

const PYTHON = `import os

FOLDERS = ${JSON.stringify(FOLDERS)}
PATHS = ${JSON.stringify(PATHS)}


def writable(folder):
    path = os.path.join(folder, "mark-of-the-test")
    try:
        with open(path, "w") as file:
            file.write("x")
        os.unlink(path)
        return True
    except OSError:
        return False


def handle(event, context):
    with open("/proc/self/status") as file:
        status = dict(line.rstrip("\\n").split(":\\t", 1) for line in file if ":\\t" in line)
    return {
        "uid": os.getuid(), "gid": os.getgid(), "writable": [folder for folder in FOLDERS if writable(folder)], "found": [path for path in PATHS if os.path.exists(path)],
        "capabilities": status["CapEff"], "noNewPrivileges": status["NoNewPrivs"], "seccomp": status["Seccomp"],
    }
`;

const NODE = `import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

function writable(folder) {
  const path = folder + '/mark-of-the-test';
  try {
    writeFileSync(path, 'x');
    rmSync(path);
    return true;
  } catch {
    return false;
  }
}

export async function handle() {
  const status = Object.fromEntries(readFileSync('/proc/self/status', 'utf8').split('\\n').map((line) => line.split(':\\t', 2)));
  return {
    uid: process.getuid(), gid: process.getgid(), writable: ${JSON.stringify(FOLDERS)}.filter(writable), found: ${JSON.stringify(PATHS)}.filter((path) => existsSync(path)),
    capabilities: status.CapEff, noNewPrivileges: status.NoNewPrivs, seccomp: status.Seccomp,
  };
}
`;

const goList = (values: readonly string[]): string => `[]string{${values.map((value) => JSON.stringify(value)).join(', ')}}`;

const GO = `package function

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"fnplane.dev/fn"
)

func writable(folder string) bool {
	path := filepath.Join(folder, "mark-of-the-test")
	if os.WriteFile(path, []byte("x"), 0o600) != nil {
		return false
	}
	return os.Remove(path) == nil
}

func Handle(ctx context.Context, event fn.Event) (any, error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil, err
	}
	status := map[string]string{}
	for _, line := range strings.Split(string(text), "\\n") {
		if name, value, ok := strings.Cut(line, ":\\t"); ok {
			status[name] = value
		}
	}
	places, found := []string{}, []string{}
	for _, folder := range ${goList(FOLDERS)} {
		if writable(folder) {
			places = append(places, folder)
		}
	}
	for _, path := range ${goList(PATHS)} {
		if _, err := os.Stat(path); err == nil {
			found = append(found, path)
		}
	}
	return map[string]any{"uid": os.Getuid(), "gid": os.Getgid(), "writable": places, "found": found,
		"capabilities": status["CapEff"], "noNewPrivileges": status["NoNewPrivs"], "seccomp": status["Seccomp"]}, nil
}
`;

/** A function in each runtime that answers {@link Surroundings}. */
export const LOOKING_AROUND = {
  python: { runtime: 'python', source: { inline: { 'handler.py': PYTHON } } },
  node: { runtime: 'node', source: { inline: { 'handler.mjs': NODE } } },
  go: { runtime: 'go', source: { inline: { 'handler.go': GO } } },
} as const;
