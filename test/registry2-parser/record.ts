// Records what the parser of distribution v3.0.0 answers to the cases of cases.ts, in recorded.json. Needs Go and its
// module proxy, and is run by hand only: node test/registry2-parser/record.ts
import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runOk } from '../support/processes.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { parserCases } from './cases.ts'

const module = 'github.com/distribution/distribution/v3'
const version = 'v3.0.0'
const here = fileURLToPath(new URL('.', import.meta.url))
const longMs = 10 * 60_000

await using folder = await temporaryFolder('registry2')
const go = { cwd: folder.path, timeoutMs: longMs }
await writeFile(
  join(folder.path, 'go.mod'),
  `module oracle\n\ngo 1.23\n\nrequire ${module} ${version}\n`,
)
await copyFile(join(here, 'oracle.go'), join(folder.path, 'main.go'))
await runOk('go', ['mod', 'tidy'], go)
await runOk('go', ['build', '-o', 'oracle', '.'], go)

const cases = parserCases()
const input = cases.map((one) => JSON.stringify(one)).join('\n')
const { stdout } = await runOk(join(folder.path, 'oracle'), [], { input, timeoutMs: longMs })
const answers = stdout.trim().split('\n')
const configs = [...new Set(cases.map(({ config }) => config))]
const recorded = cases.map(({ config, env }, index) =>
  JSON.stringify({ config: configs.indexOf(config), env, ...JSON.parse(answers[index] ?? '') }),
)
const text = `{"parser":"${module}@${version}",\n"configs":${JSON.stringify(configs)},\n"cases":[\n${recorded.join(',\n')}\n]}\n`
await writeFile(join(here, 'recorded.json'), text)
process.stdout.write(`${cases.length} cases recorded\n`)
