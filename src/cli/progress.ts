// A progress bar on standard error. Nothing is shown for what takes less than 300 ms; without a terminal it is
// one line every five seconds.
import type { Output } from './output.ts'
import { formatBytes, printable } from './text.ts'

export interface Progress {
  readonly phase: string
  readonly done: number
  readonly total: number
  readonly unit: 'bytes' | 'items'
}

export interface ProgressBar {
  show(progress: Progress): void
  /** Removes the bar. */
  end(): void
}

const quietMs = 300
const redrawMs = 100
const logEveryMs = 5000

/** `now` is milliseconds of any clock that only goes forward. */
export function createProgressBar(output: Output, now = () => performance.now()): ProgressBar {
  const started = now()
  const { lively, io } = output
  const interval = lively ? redrawMs : logEveryMs
  let next = started + (lively ? quietMs : logEveryMs)
  let drawn = false
  return {
    show(progress) {
      const time = now()
      if (time < next) return
      next = time + interval
      if (!lively) {
        output.say(describe(progress))
        return
      }
      drawn = true
      io.stderr.write(`\r${progressLine(progress)}\u001b[K`)
    },
    end() {
      if (drawn) io.stderr.write('\r\u001b[K')
      drawn = false
    },
  }
}

/** Without a line break. */
export function progressLine(progress: Progress): string {
  return `${bar(progress)} ${describe(progress)}`
}

const cells = 24
const parts = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

function bar({ done, total }: Progress): string {
  const filled = Math.min(1, share(done, total)) * cells
  const whole = Math.floor(filled)
  const rest = whole < cells ? (parts[Math.floor((filled - whole) * parts.length)] ?? '') : ''
  return `  ${('█'.repeat(whole) + rest).padEnd(cells, '░')}`
}

function describe({ phase, done, total, unit }: Progress): string {
  const show = (count: number) =>
    unit === 'bytes' ? formatBytes(count) : count.toLocaleString('en')
  const percent = Math.floor(Math.min(1, share(done, total)) * 100)
  return `${String(percent).padStart(3)} %  ${printable(phase)}  ${show(done)} of ${show(total)}`
}

const share = (done: number, total: number): number => (total > 0 ? done / total : 1)
