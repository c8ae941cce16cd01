// All works, in the order of the table.
import type { Options } from '../options.ts'
import type { Work } from '../work.ts'
import { besideWork } from './beside.ts'
import { installationWorks } from './installation.ts'
import { largeWorks } from './large.ts'
import { memoryWork } from './memory.ts'
import { readWorks } from './reads.ts'
import { smallPushWorks } from './small-pushes.ts'

type Sizes = Pick<Options, 'big' | 'uploads' | 'listed' | 'tags'>

export function allWorks(sizes: Sizes): readonly Work[] {
  return [
    ...readWorks,
    ...smallPushWorks,
    ...largeWorks(sizes.big),
    besideWork,
    memoryWork(sizes.uploads),
    ...installationWorks(sizes),
  ]
}
