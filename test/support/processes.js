// Programs for system tests: run to their end within a time limit, or started, watched and ended by
// pid. Nothing started here outlives its test: run-tests.mjs ends the process group that is left.
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import net, {} from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
const longestRunMs = 60_000;
const mostOutput = 8 * 1024 * 1024;
/** Runs a program to its end, whatever its exit status. It is killed when its time is over. */
export async function runProgram(command, args, options = {}) {
    const { env = process.env, input = '', timeoutMs = longestRunMs, ...more } = options;
    const child = spawn(command, args, { env: { ...env }, stdio: 'pipe', ...more });
    const heard = { stdout: '', stderr: '', output: '' };
    for (const name of ['stdout', 'stderr']) {
        child[name].setEncoding('utf8').on('data', (text) => {
            if (heard.output.length > mostOutput)
                return;
            heard[name] += text;
            heard.output += text;
        });
    }
    // A program that does not read its input closes it: that is its affair.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    const timer = setTimeout(() => {
        heard.output += `\n(killed after ${timeoutMs / 1000} s)`;
        child.kill('SIGKILL');
    }, timeoutMs);
    return new Promise((resolve, reject) => {
        child.on('error', (error) => {
            clearTimeout(timer);
            reject(error);
        });
        child.on('close', (code, signal) => {
            clearTimeout(timer);
            resolve({ code: code ?? undefined, signal: signal ?? undefined, ...heard });
        });
    });
}
/** Like `runProgram`; any other end than exit status 0 is an error that shows what was said. */
export async function runOk(command, args, options = {}) {
    const result = await runProgram(command, args, options);
    if (result.code === 0)
        return result;
    const end = result.signal ?? `exit status ${result.code}`;
    throw new Error(`${command} ${args.join(' ')}: ${end}\n${result.output.trim()}`);
}
/** Starts a program that goes on running. It is of our process group, so it never outlives the run. */
export async function startDaemon(command, args, options) {
    const { env = process.env, logFile, endWith = 'SIGKILL', ...more } = options;
    const log = openSync(logFile, 'a');
    const child = spawn(command, args, { env: { ...env }, stdio: ['ignore', log, log], ...more });
    closeSync(log);
    const ended = new Promise((resolve) => {
        child.on('exit', (code, signal) => {
            resolve({ code: code ?? undefined, signal: signal ?? undefined });
        });
    });
    await new Promise((resolve, reject) => {
        child.once('spawn', resolve);
        child.once('error', reject);
    });
    const isRunning = () => child.exitCode === null && child.signalCode === null;
    const stop = async (signal = 'SIGTERM', graceMs = 20_000) => {
        child.kill(signal);
        const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
        const end = await ended;
        clearTimeout(timer);
        return end;
    };
    return {
        pid: child.pid ?? 0,
        ended,
        isRunning,
        log: () => readFileSync(logFile, 'utf8'),
        stop,
        async [Symbol.asyncDispose]() {
            if (isRunning())
                await stop(endWith);
        },
    };
}
/** Asks again and again until the answer is true. `what` completes the sentence `… did not …`. */
export async function waitUntil(what, isTrue, { timeoutMs = 30_000, everyMs = 25 } = {}) {
    const deadline = performance.now() + timeoutMs;
    while (!(await isTrue())) {
        if (performance.now() > deadline)
            throw new Error(`${what} within ${timeoutMs / 1000} s`);
        await sleep(everyMs);
    }
}
const firstPort = 20_000;
const portCount = 12_000;
const mostTries = 50;
/**
 * A loopback port that nobody has, below those that the system gives to outgoing connections: one of
 * these could be taken between our look and the server's start.
 */
export async function freePort() {
    for (let tries = 0; tries < mostTries; tries += 1) {
        const port = firstPort + Math.floor(Math.random() * portCount);
        const server = net.createServer();
        const isFree = await new Promise((resolve) => {
            server.once('error', () => resolve(false));
            server.listen({ host: '127.0.0.1', port, exclusive: true }, () => resolve(true));
        });
        if (!isFree)
            continue;
        const found = server.address().port;
        await new Promise((resolve) => server.close(resolve));
        return found;
    }
    throw new Error(`No free loopback port was found in ${mostTries} tries.`);
}
//# sourceMappingURL=processes.js.map