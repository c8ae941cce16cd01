// A folder that is gone at the end of the test, whatever has happened in it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
/** Short names: the path of a socket may have 108 characters at most. */
export async function temporaryFolder(name) {
    const path = await mkdtemp(join(tmpdir(), `carrel-${name}-`));
    return {
        path,
        async [Symbol.asyncDispose]() {
            await rm(path, { recursive: true, force: true, maxRetries: 3 });
        },
    };
}
//# sourceMappingURL=temporary-folder.js.map