// The executable: hands the command line to cli/ together with what a command may use. What is not needed is not loaded.
import { run } from './cli/run.ts'
import type { Composition } from './cli/composition.ts'
import { version } from './version.ts'

const composition: Composition = {
  version,
  async serve(config, options) {
    const { serve } = await import('./process/supervisor.ts')
    return serve(config, options)
  },
  async openInstallation(config, options) {
    const { openInstallation } = await import('./compose-installation.ts')
    return openInstallation(config, options)
  },
  async openApi(config, options) {
    const { openApi } = await import('./compose-management.ts')
    return openApi(config, options)
  },
  async fileProblems(config) {
    const { signInProblems } = await import('./compose-sign-in.ts')
    return signInProblems(config)
  },
  async generatePassword() {
    const { generatePassword } = await import('./auth/generated-password.ts')
    return generatePassword()
  },
  async adoption() {
    const { composeAdoption } = await import('./compose-adoption.ts')
    return composeAdoption()
  },
  async backup() {
    const { composeBackup } = await import('./compose-backup.ts')
    return composeBackup()
  },
  async rebuild(config, request) {
    const { rebuildInstallation } = await import('./compose-rebuild.ts')
    return rebuildInstallation(config, request)
  },
  async collectGarbage(config, request) {
    const { collectGarbage } = await import('./compose-garbage.ts')
    return collectGarbage(config, request)
  },
  async *doctor(config) {
    const { doctor } = await import('./compose-installation.ts')
    yield* doctor(config)
  },
}

process.exitCode = await run(
  process.argv.slice(2),
  {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    program: process.env['CARREL_PROGRAM'] ?? 'carrel',
  },
  composition,
)
