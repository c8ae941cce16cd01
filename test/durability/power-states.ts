// Power losses by the thousand, from one recording: at operations chosen by chance, states chosen by
// chance, each judged. Everything follows from the recording and the seed.
import { createAcknowledgementLog, type AcknowledgementLog } from './acknowledgements.ts'
import { createChance, type Chance } from './chance.ts'
import { parseOperations, type Operation, type SyncOperation } from './operation-log.ts'
import { judge, type Owed } from './power-oracle.ts'
import type { Recording } from './power-recording.ts'
import { chooseState, powerState, type StateChoice } from './power-state.ts'
import { createReplayedDisk } from './replayed-disk.ts'

export interface StatesOptions {
  readonly seed: string
  readonly states: number
  /** A folder for databases. */
  readonly scratch: string
  /**
   * These syncs are said to have gone well and were not done. Then the power fails around them and at
   * the answers after them, and the first loss is enough.
   */
  readonly leftOut?: (sync: SyncOperation) => boolean
}

export interface StatesReport {
  readonly states: number
  readonly operations: number
  readonly slowestOpenMs: number
  /** Each with the moment and what survived. */
  readonly problems: readonly string[]
}

const mostProblems = 5

export async function explorePowerStates(
  recording: Recording,
  options: StatesOptions,
): Promise<StatesReport> {
  const { leftOut, seed, scratch } = options
  const operations = parseOperations(Buffer.from(recording.records))
  const log = createAcknowledgementLog({ operations: recording.acknowledgements })
  const chance = createChance(seed)
  const syncs = leftOut === undefined ? [] : syncsOf(operations, leftOut)
  const poor = new Set(syncs.map(({ file }) => file))
  const moments =
    leftOut === undefined
      ? momentsAnywhere(operations.length, options.states, chance)
      : momentsAround(recording, syncs, options.states, chance)
  const advance = replay(recording, operations, leftOut)
  const report = { states: 0, operations: operations.length, slowestOpenMs: 0 }
  const problems: string[] = []
  for (const moment of moments) {
    const choice = leftOut === undefined ? chooseState(chance) : chooseWithout(poor, chance)
    const state = powerState(advance(moment), choice, `${seed}/${report.states}`)
    const verdict = await judge(state, owedAt(recording, log, moment), scratch)
    report.states += 1
    report.slowestOpenMs = Math.max(report.slowestOpenMs, verdict.openMs)
    for (const problem of verdict.problems.slice(0, 2)) {
      problems.push(`After operation ${moment}, ${state.told}: ${problem}`)
    }
    if (problems.length >= (leftOut === undefined ? mostProblems : 1)) break
  }
  return { ...report, problems }
}

const contrastShare = 0.5

/** Worst is often that everything survives but what was left out. */
function chooseWithout(poor: ReadonlySet<number>, chance: Chance): StateChoice {
  if (chance.next() > contrastShare) return chooseState(chance)
  return { names: 'others', content: 'others', poor, probability: 1 }
}

/** The disk at a moment; each is no earlier than the one before. */
function replay(
  { root, rootNumber }: Recording,
  operations: readonly Operation[],
  isLeftOut: StatesOptions['leftOut'],
) {
  const disk = createReplayedDisk({
    root,
    rootNumber,
    ...(isLeftOut !== undefined && { isLeftOut }),
  })
  let at = 0
  return (moment: number) => {
    for (; at < operations.length; at += 1) {
      const operation = operations[at]
      if (operation === undefined || operation.sequence > moment) break
      disk.apply(operation)
    }
    return disk
  }
}

function owedAt({ files, readyFrom }: Recording, log: AcknowledgementLog, moment: number): Owed {
  return {
    expected: log.expected(moment),
    files: files.filter(({ from, until }) => from <= moment && moment <= until),
    isReady: readyFrom <= moment,
  }
}

/** In order, as the disk is replayed once. */
function momentsAnywhere(count: number, wanted: number, chance: Chance): readonly number[] {
  const moments = Array.from({ length: wanted }, () => chance.whole(1, count))
  return moments.sort((one, other) => one - other)
}

function syncsOf(
  operations: readonly Operation[],
  isLeftOut: (sync: SyncOperation) => boolean,
): readonly SyncOperation[] {
  return operations.filter((one) => one.call === 'sync').filter(isLeftOut)
}

const soonAfter = [10, 50, 250]

/** Where syncs would be missed that were left out: soon after them, and at the next answer. */
function momentsAround(
  { acknowledgements, files, readyFrom }: Recording,
  syncs: readonly SyncOperation[],
  wanted: number,
  chance: Chance,
): readonly number[] {
  const answers = [
    ...acknowledgements.filter(({ outcome }) => outcome === 'done').map(({ ended }) => ended),
    ...files.map(({ from }) => from),
    readyFrom,
  ].sort((one, other) => one - other)
  const moments = Array.from({ length: wanted }, (_, index) => {
    const { sequence } = syncs[chance.whole(0, syncs.length - 1)] ?? { sequence: 1 }
    const answer = answers.find((ended) => ended >= sequence)
    // In between, little is owed; but what is damaged there may never be whole again.
    const isBetween = answer === undefined || index % 4 === 0
    return isBetween ? sequence + chance.whole(0, soonAfter[index % 3] ?? 0) : answer
  })
  return moments.sort((one, other) => one - other)
}
