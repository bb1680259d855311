// Packs a release for npm: the package that starts the program, one package for each program in
// DIST, and the client.
//
//   node npm/pack.mjs VERSION DIST
//
// DIST has the programs, named ccsyncd-VERSION-OS-ARCH[.exe] as Go names systems. The tarballs are
// written there. The same programs and the same npm give the same bytes.
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));

// Go's names of systems, and Node's.
const platforms = [
  { go: "linux-amd64", os: "linux", cpu: "x64" },
  { go: "linux-arm64", os: "linux", cpu: "arm64" },
  { go: "windows-amd64", os: "win32", cpu: "x64" },
  { go: "darwin-amd64", os: "darwin", cpu: "x64" },
  { go: "darwin-arm64", os: "darwin", cpu: "arm64" },
];

const [version, dist] = process.argv.slice(2);
if (!/^\d+\.\d+\.\d+(-[\w.-]+)?$/.test(version ?? "") || dist === undefined) {
  console.error("usage: node npm/pack.mjs VERSION DIST");
  process.exit(64);
}
const scratch = mkdtempSync(join(tmpdir(), "ccsyncd-pack-"));
try {
  const programs = platforms.map((p) => ({ ...p, path: program(p) })).filter((p) => existsSync(p.path));
  if (programs.length === 0) throw new Error(`${dist} has no program of version ${version}`);
  for (const p of programs) pack(`${p.os}-${p.cpu}`, (folder) => writePlatform(folder, p));
  pack("ccsyncd", (folder) => cpSync(join(here, "ccsyncd"), folder, { recursive: true }));
  pack("client", (folder) => {
    for (const name of ["README.md", "index.js", "index.mjs", "index.d.ts", "package.json"]) {
      copyFileSync(join(here, "client", name), join(folder, name));
    }
  });
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function program({ go, os }) {
  return join(dist, `ccsyncd-${version}-${go}${os === "win32" ? ".exe" : ""}`);
}

// writePlatform makes a package that npm installs on one system only. It can start the program by
// itself, so that one file of a release is enough.
function writePlatform(folder, { os, cpu, path }) {
  const bin = os === "win32" ? "bin/ccsyncd.exe" : "bin/ccsyncd";
  mkdirSync(join(folder, "bin"));
  copyFileSync(path, join(folder, bin));
  chmodSync(join(folder, bin), 0o755);
  writeJSON(join(folder, "package.json"), {
    name: `@ccsyncd/${os}-${cpu}`,
    version,
    description: `ccsyncd for ${os} on ${cpu}`,
    license: "MIT",
    os: [os],
    cpu: [cpu],
    bin: { ccsyncd: bin },
    files: ["README.md", "LICENSE", bin],
    preferUnplugged: true,
  });
  copyFileSync(join(here, "ccsyncd", "README.md"), join(folder, "README.md"));
}

// pack fills a folder, sets the version of the package in it, and makes the tarball.
function pack(name, fill) {
  const folder = join(scratch, name);
  mkdirSync(folder);
  fill(folder);
  copyFileSync(join(here, "..", "LICENSE"), join(folder, "LICENSE"));
  const path = join(folder, "package.json");
  const about = JSON.parse(readFileSync(path, "utf8"));
  about.version = version;
  for (const dependency of Object.keys(about.optionalDependencies ?? {})) about.optionalDependencies[dependency] = version;
  writeJSON(path, about);
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  execFileSync(npm, ["pack", "--silent", "--ignore-scripts", "--pack-destination", resolve(dist)], { cwd: folder, stdio: "inherit" });
}

function writeJSON(path, value) {
  writeFileSync(path, JSON.stringify(value, undefined, 2) + "\n");
}
