#!/usr/bin/env node
"use strict";

// Starts the program of this platform's package in its own place: same arguments, streams, signals
// and exit code.

const { spawn } = require("node:child_process");
const os = require("node:os");

const name = `@ccsyncd/${process.platform}-${process.arch}`;

// program finds the file in the optional dependency that npm chose by os and cpu.
function program() {
  const file = process.platform === "win32" ? "ccsyncd.exe" : "ccsyncd";
  try {
    return require.resolve(`${name}/bin/${file}`);
  } catch {
    const { optionalDependencies } = require("../package.json");
    if (optionalDependencies[name] === undefined) {
      console.error(`ccsyncd: there is no program for ${process.platform}-${process.arch}; build it from source`);
    } else {
      console.error(`ccsyncd: the package ${name} is missing
hint: install without --omit=optional, and on the system that runs it: node_modules cannot be copied between systems`);
    }
    process.exit(1);
  }
}

const child = spawn(program(), process.argv.slice(2), { stdio: "inherit" });
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
// On a terminal Ctrl-C reaches the program itself, which takes a second one for "end at once".
process.on("SIGINT", () => process.stdin.isTTY || child.kill("SIGINT"));
child.on("error", (error) => {
  console.error(`ccsyncd: cannot start the program: ${error.message}`);
  process.exit(1);
});
child.on("exit", (code, signal) => process.exit(code ?? 128 + os.constants.signals[signal]));
